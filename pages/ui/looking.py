"""A look at a running process that a visitor asks for: a child runs ``python -m collector look``.

The child ends with the dashboard (its input ends then), and takes its request back when it is
stopped: the process turns off whatever it turned on.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import msgspec

from pages.ui.children import environment
from pages.ui.processes import ROOT
from storage import looks
from storage.looks import Answer

MOST = 4
"""Looks at once, of all visitors."""
STOP_SECONDS = 3.0

BUSY = f"{MOST} looks of other visitors are under way. Try again when one has ended."
LOST = "The look ended without a result (exit code {code}). Please report it."

_places = threading.BoundedSemaphore(MOST)


@dataclass
class Look:
    """One look, as far as it has come."""

    kind: str
    incarnation: str
    seconds: float
    began: float = field(default_factory=time.monotonic)
    running: bool = True
    finishing: bool = False
    answer: Answer | None = None
    stopped: bool = False
    child: subprocess.Popen[bytes] | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def finish(self) -> None:
        """Ask for the result now."""
        self.finishing = True
        if self.child is not None and self.child.stdin is not None:
            with contextlib.suppress(OSError):
                self.child.stdin.write(b"now\n")
                self.child.stdin.flush()

    def stop(self) -> None:
        """End it without a result."""
        self.stopped = True
        if self.child is not None:
            with contextlib.suppress(OSError):
                self.child.terminate()


def start(kind: str, incarnation: str, seconds: float, arguments: list[str]) -> Look:
    """Begin a look; its end is written into the result.

    Args:
        kind: as the command takes it.
        incarnation: process.
        seconds: how long it takes in the process.
        arguments: what else the command takes.
    """
    look = Look(kind, incarnation, seconds)
    if not _places.acquire(blocking=False):
        look.running, look.answer = False, Answer(problem=BUSY)
        return look
    command = [incarnation, kind, "--json", "--parent", "--seconds", f"{seconds:g}", *arguments]
    threading.Thread(target=_run, args=(look, command), daemon=True).start()
    return look


def _run(look: Look, command: list[str]) -> None:
    try:
        look.child = child = subprocess.Popen(  # noqa: S603 (our own module)
            [sys.executable, "-m", "collector", "look", *command], cwd=ROOT, env=environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=os.name == "posix",
        )  # fmt: skip
        if look.stopped:
            child.terminate()
        assert child.stdout is not None
        said = child.stdout.read()
        code = child.wait()
        look.answer = _answer(said, code) if not look.stopped else None
        if child.stdin is not None:
            child.stdin.close()
    except Exception as error:
        look.answer = Answer(problem=f"The look failed ({type(error).__name__}).")
    finally:
        look.running = False
        _places.release()


def _answer(said: bytes, code: int) -> Answer:
    try:
        return looks.decode(said)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Answer(problem=LOST.format(code=code))
