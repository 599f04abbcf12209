"""Short child processes that a visitor asks for by a form: what they are told, and how they end.

What they are told may hold a password. It goes to the child by standard input, where no list of
processes shows it, and is kept nowhere: not in the session, not in the address, not in a log.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from pages.ui.processes import ROOT
from statemeter import settings

MOST = 4
"""Such processes at once, of all visitors."""

_places = threading.BoundedSemaphore(MOST)


@dataclass
class Asked:
    """What was asked of a child, as far as it has come."""

    running: bool = True
    problem: str = ""
    """Why it came to nothing: without secrets."""


def begin(asked: Asked, work: Callable[[], None], what: str) -> None:
    """Do the work beside this visitor's page; its end is written into ``asked``.

    Args:
        asked: as it was made.
        work: runs the child and reads its answer.
        what: is being done, for messages: ``look``.
    """
    if not _places.acquire(blocking=False):
        asked.running = False
        asked.problem = f"{MOST} of these are under way. Try again in a minute."
        return

    def run() -> None:
        try:
            work()
        except Exception as error:
            # The text of an error of the system may hold what was sent to the child.
            asked.problem = f"The {what} failed ({type(error).__name__})."
        finally:
            asked.running = False
            _places.release()

    threading.Thread(target=run, daemon=True).start()


def run(
    arguments: list[str], line: str, asked: Asked, seconds: float
) -> subprocess.CompletedProcess[str] | None:
    """Run a module of ours to its end; None where it did not end in time.

    Its last word on standard error becomes the problem.

    Args:
        arguments: module, command and what follows; no secrets.
        line: what it reads, its first line.
        asked: takes the problem.
        seconds: time for it.
    """
    try:
        done = subprocess.run(  # noqa: S603 (our own module)
            [sys.executable, "-m", *arguments], input=(line.strip().splitlines() or [""])[0] + "\n",
            capture_output=True, text=True, encoding="utf-8", cwd=ROOT, timeout=seconds,
            check=False, env=environment(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        asked.problem = f"The database did not answer in {seconds:.0f} s."
        return None
    said = done.stderr.strip().splitlines()[-1:]
    asked.problem = said[0].removeprefix(f"{arguments[1]}: ") if said else ""
    return done


def environment() -> dict[str, str]:
    """Ours, with what depends on the folder that we run in as absolute paths."""
    return os.environ | {
        "STATEMETER_STORE": settings.store_url(),
        "STATEMETER_SPOOL": str(settings.spool_folder()),
        "STATEMETER_ROOTS": os.pathsep.join(map(str, settings.roots())),
    }
