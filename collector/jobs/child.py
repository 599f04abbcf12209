"""A job in its own process: ``python -m collector.jobs ID --spool DIR --parent PID``.

It ends when its work is done, when it is asked to (a file, or SIGTERM), when the collector is
gone, or when it needs more memory than the machine can spare; how it ended is the last thing that
it tells.
With ``--clean`` it removes what an earlier process of the job created and left behind.
"""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil

from collector.alive import stopped_by
from collector.jobs import kinds
from collector.jobs.errors import Cancelled, CannotRun, JobEnded, TooLarge
from storage import files, jobs
from storage.jobs import Request, State, Told

logger = logging.getLogger("statemeter.collector")

TELL_SECONDS = 0.5
MEMORY_SHARE = 0.7
"""Of the memory that is free at the start: a job that wants more would have the system kill
something, perhaps not the job."""


class Child:
    """``kinds.Work``, told through files of the spool."""

    def __init__(self, spool: Path, request: Request, stopped: Callable[[], bool]) -> None:
        self.request = request
        self.partial = False
        self._spool = spool
        self._stopped = stopped
        self._told = Told(state="running", started_us=time.time_ns() // 1000)
        self._next = 0.0
        self._process = psutil.Process()
        self._limit_bytes = int(psutil.virtual_memory().available * MEMORY_SHARE)
        self._made: list[str] = []

    def tell(self, phase: str, share: float | None = None, result: object = None) -> None:
        """See ``kinds.Work``."""
        told = self._told
        told.phase, told.share = phase, share
        if result is not None:
            told.result = msgspec.Raw(msgspec.json.encode(result))
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + TELL_SECONDS
        jobs.tell(self._spool, self.request.id, told)
        if self._stopped() or jobs.is_cancelled(self._spool, self.request.id):
            raise Cancelled("It was cancelled.")
        used = self._process.memory_info().rss
        if used > self._limit_bytes:
            raise TooLarge(
                f"It needs more than {self._limit_bytes / 1e6:,.0f} MB of memory, "
                f"{MEMORY_SHARE:.0%} of what was free when it began. Ask for less: fewer turns, "
                "smaller values, fewer threads."
            )

    def made(self, name: str) -> None:
        """See ``kinds.Work``."""
        if name not in self._made:
            self._made.append(name)
            path = jobs.path(self._spool, self.request.id, jobs.MADE)
            files.write(path, msgspec.json.encode(self._made))

    def end(self, state: State, problem: str = "") -> None:
        """Tell how it ended."""
        told = self._told
        told.state, told.problem, told.phase = state, problem, ""
        told.partial = (state != "done" or self.partial) and told.result != b"null"
        told.share = 1.0 if state == "done" else told.share
        told.ended_us = time.time_ns() // 1000
        jobs.tell(self._spool, self.request.id, told)


def main(arguments: list[str] | None = None) -> int:
    """Run a job or clean up behind one; the exit code is 0 when its end was told."""
    parser = argparse.ArgumentParser(prog="python -m collector.jobs", description=__doc__)
    parser.add_argument("job", metavar="ID")
    parser.add_argument("--spool", metavar="DIR", required=True, type=Path)
    parser.add_argument("--parent", metavar="PID", type=int)
    parser.add_argument("--clean", action="store_true")
    told = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s job: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    request = jobs.load(told.spool, told.job)
    if told.clean:
        return clean(told.spool, request)
    child = Child(told.spool, request, stopped_by(stop, told.parent))
    child.end(*_run(child))
    return 0


def clean(spool: Path, request: Request) -> int:
    """Remove what a job that was killed left behind; 0: nothing of it is left."""
    try:
        made = json.loads(files.read(jobs.path(spool, request.id, jobs.MADE), jobs.REQUEST_BYTES))
    except (OSError, ValueError):
        return 0
    module = kinds.module(request.kind)
    try:
        if module is not None:
            module.clean(request, made)
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}\n")  # a driver's text may hold a password
        return 1
    return 0


def _run(child: Child) -> tuple[State, str]:
    """Do the work; the state in which it ended, and why."""
    kind = child.request.kind
    try:
        module = kinds.module(kind)
        if module is None:
            raise CannotRun(f"This version of Statemeter knows no job of the kind {kind!r}.")
        child.tell("starting")
        module.run(child)
    except Cancelled:
        return "cancelled", ""
    except Exception as error:
        return "failed", _why(error)
    return "done", ""


def _why(error: Exception) -> str:
    """What went wrong, in words that hold no secret."""
    if isinstance(error, JobEnded | jobs.JobError):
        return str(error)
    if isinstance(error, MemoryError):
        return "It ran out of memory. Ask for less: fewer turns, smaller values."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full ({error.filename or os.strerror(error.errno)})."
    # Not its text: that of a driver may hold a password, that of a serializer values.
    logger.error("a job failed", exc_info=error)
    return f"It failed ({type(error).__name__}). Please report it."
