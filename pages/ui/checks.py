"""A look into a database that a visitor names, by a child process: ``python -m collector check``.

The URL may hold a password. It goes to the child by standard input, where no list of processes
shows it, and is kept nowhere: not in the session, not in the address, not in a log.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import msgspec

from pages.ui.processes import ROOT
from statemeter import settings
from storage import inspections
from storage.inspections import Inspection

LOOK_SECONDS = 30
"""Time for the checks."""

WAIT_SECONDS = LOOK_SECONDS + 30
"""Time for the child: it ends by itself before."""

MOST = 4
"""Looks at once, of all visitors."""

_places = threading.BoundedSemaphore(MOST)


@dataclass
class Look:
    """One look, as far as it has come."""

    running: bool = True
    found: Inspection | None = None
    problem: str = ""
    """Why nothing could be looked at, or why the result was not saved: without secrets."""


def start(url: str) -> Look:
    """Begin a look; its end is written into the result."""
    look = Look()
    if not _places.acquire(blocking=False):
        look.running, look.problem = False, f"{MOST} looks are under way. Try again in a minute."
        return look
    threading.Thread(target=_run, args=(url, look), daemon=True).start()
    return look


def _run(url: str, look: Look) -> None:
    try:
        _look(url, look)
    except Exception as error:
        # The text of an error of the system may hold what was sent to the child.
        look.problem = f"The look failed ({type(error).__name__})."
    finally:
        look.running = False
        _places.release()


def _look(url: str, look: Look) -> None:
    command = [sys.executable, "-m", "collector", "check", "-", "--json", "--seconds",
               str(LOOK_SECONDS)]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 (our own module)
            command, input=url.strip().splitlines()[0] + "\n", capture_output=True, text=True,
            encoding="utf-8", cwd=ROOT, timeout=WAIT_SECONDS, check=False,
            env=os.environ | {"STATEMETER_SPOOL": str(settings.spool_folder())},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        look.problem = f"The database did not answer in {WAIT_SECONDS} s."
        return
    said = done.stderr.strip().splitlines()[-1:]
    look.problem = said[0].removeprefix("check: ") if said else ""
    if done.returncode in {0, 1}:
        try:
            look.found = inspections.decode(done.stdout)
        except msgspec.DecodeError:
            look.problem = "The look failed: its result cannot be read."
    elif done.returncode != 2 or not look.problem:
        look.problem = f"The look failed (exit code {done.returncode})."
