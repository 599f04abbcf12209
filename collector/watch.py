"""A look at the store beside ingest: a process looks again and again, the collector stores.

What looks is in a process of its own, ``collector.watcher``: rules, and pandas with them, take
neither memory nor the interpreter from ingest, and one that leaks, hangs or crashes does not take
ingest with it. It is started a while after the collector, which has other work at first, and again
when it ended. What it saw comes as plain data; nothing that looks is imported here.
"""

from __future__ import annotations

import contextlib
import logging
import pkgutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, cast

import msgspec
from sqlalchemy import Connection, Engine

from collector import children, frames
from collector.frames import Begin, Go, Task
from collector.inspection.child import environment
from collector.watcher import Looks
from storage.store import open_beside

logger = logging.getLogger("statemeter.collector")

FIRST_SECONDS = 3.0
"""From the start of the collector to that of the process."""
RETRY_SECONDS = (1.0, 60.0)
"""After it ended by itself, first and longest."""
STEADY_SECONDS = 60.0
"""One that lived so long is no failure at the start."""
HUNG_SECONDS = 600.0
"""One that told nothing for so long is ended, and started again."""
END_SECONDS = 2.0

Transaction = Callable[[], AbstractContextManager[Connection]]


class Work(Protocol):
    """What is looked at, and what the collector does with that."""

    name: str
    looks: str
    """What looks, as ``module:class`` of a ``Looks``."""
    outcome: Any
    """The type of what a look sees: plain data, as ``msgspec`` knows it."""
    every_seconds: float
    """Between two looks."""

    def waits(self) -> bool:
        """Whether there is something to store, or to do, that no look has seen."""

    def store(self, transaction: Transaction, outcome: Any) -> None:
        """Store what a look saw (None: nothing).

        Raises:
            Fenced: another collector has the lease.
        """

    def once(self, looks: Any, engine: Engine, transaction: Transaction) -> None:
        """Let it look, and store, for a collector that ends then."""

    def stop(self) -> None:
        """The collector ends, or another one has the lease."""


@dataclass
class _Desk:
    """A work, and what was seen of it and is not stored yet."""

    work: Work
    read: Callable[[msgspec.Raw], Any]
    outcome: Any = None
    heard: float = 0.0
    """When the process told of it last, or was started, monotonic seconds."""
    looked: bool = False
    """By this process."""


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    began: float
    thread: threading.Thread


class Watch:
    """The process, and what it has seen.

    Args:
        url: of the store.
        works: what is looked at; stored in this order.
    """

    def __init__(self, url: str, works: Iterable[Work]) -> None:
        self._url = url
        self._desks = {
            one.name: _Desk(one, msgspec.msgpack.Decoder(one.outcome | None).decode)
            for one in works
        }
        self._child: _Child | None = None
        self._again: float | None = None
        self._wait = RETRY_SECONDS[0]
        self._ended = 0
        self.problem = ""
        """Why nothing is looked at, until something is again."""

    @property
    def pid(self) -> int | None:
        """Of the process; None: there is none."""
        return self._child.process.pid if self._child is not None else None

    def tend(self, transaction: Transaction) -> None:
        """Store what was seen since the last call, and see to it that the process runs.

        Raises:
            Fenced: another collector has the lease.
        """
        self._keep(time.monotonic())
        for desk in self._desks.values():
            outcome = desk.outcome
            if outcome is not None:  # else one may come just now, and is for the next call
                desk.outcome = None
            elif not desk.work.waits():
                continue
            stored = False
            try:
                desk.work.store(transaction, outcome)
                stored = True
            finally:
                if outcome is not None:
                    self._say(Go(desk.work.name, stored))

    def look_once(self, transaction: Transaction) -> None:
        """Look and store in this process, for a collector that ends then: all is drained, there is
        no ingest to protect, and a process of its own would be one more start of Python.

        Raises:
            Fenced: another collector has the lease.
        """
        for desk in self._desks.values():
            looks: Looks = pkgutil.resolve_name(desk.work.looks)()
            engine = open_beside(self._url)
            try:
                desk.work.once(looks, engine, transaction)
            finally:
                engine.dispose()

    def stop(self) -> None:
        """Look no more; what was seen and is not stored is seen again the next time."""
        child, self._child = self._child, None
        if child is not None:
            self._end(child)
        self._again, self._wait, self._ended = None, RETRY_SECONDS[0], 0
        self.problem = ""
        for desk in self._desks.values():
            desk.work.stop()

    def _keep(self, now: float) -> None:
        """Start the process when it is time, and note its end."""
        child = self._child
        if child is not None:
            code = child.process.poll()
            hung = code is None and self._is_hung(now)
            if code is None and not hung:
                return
            self._child = None
            self._end(child)
            if now - child.began > STEADY_SECONDS:
                self._wait, self._ended = RETRY_SECONDS[0], 0
            self._fail(now, f"told nothing for {HUNG_SECONDS:.0f} s" if hung else _ending(code))
        if self._again is None:
            self._again = now + FIRST_SECONDS
        if now >= self._again:
            try:
                self._start(now)
            except OSError as error:  # no memory, or no more processes
                self._fail(now, f"could not be started: {error.strerror}")

    def _fail(self, now: float, how: str) -> None:
        self._ended += 1
        self._again = now + self._wait
        times = f", {self._ended} times in a row" if self._ended > 1 else ""
        self.problem = (
            f"The process that looks for findings and alerts {how}{times}; another one is started "
            f"in {self._wait:.0f} s. Events are stored meanwhile."
        )
        logger.warning("%s", self.problem)
        self._wait = min(2 * self._wait, RETRY_SECONDS[1])

    def _is_hung(self, now: float) -> bool:
        return any(
            desk.outcome is None and now - desk.heard > HUNG_SECONDS
            for desk in self._desks.values()
        )

    def _start(self, now: float) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "collector.watcher"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        tasks = []
        for desk in self._desks.values():
            desk.heard, desk.looked = now, False
            tasks.append(Task(desk.work.name, desk.work.looks, desk.work.every_seconds))
        thread = threading.Thread(target=self._listen, args=(process,), name="watch", daemon=True)
        self._child = _Child(process, now, thread)
        thread.start()
        self._say(Begin(self._url, tasks))

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Take what the process tells, in a thread, as it may be more than a pipe holds."""
        source = cast(BinaryIO, process.stdout)
        try:
            while (message := frames.read(source)) is not None:
                saw = frames.read_saw(message)
                desk = self._desks[saw.name]
                desk.outcome = desk.read(saw.outcome)
                desk.heard, desk.looked = time.monotonic(), True
                if all(one.looked for one in self._desks.values()):
                    self.problem = ""
        except Exception:  # whatever it is, the process tells nothing that can be read
            logger.exception("the process that looks for findings and alerts cannot be understood")
            process.kill()
        finally:
            source.close()

    def _say(self, message: Begin | Go) -> None:
        child = self._child
        if child is not None:
            with contextlib.suppress(OSError):  # it is gone, which the next call sees
                frames.write(cast(BinaryIO, child.process.stdin), message)

    def _end(self, child: _Child) -> None:
        """End the process: it only reads, so that nothing is cut off."""
        process = child.process
        children.end(process, END_SECONDS)
        child.thread.join(END_SECONDS)
        with contextlib.suppress(OSError):
            cast(BinaryIO, process.stdin).close()
        for desk in self._desks.values():
            desk.outcome = None


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            return f"was killed ({name}{'; perhaps memory ran out' if name == 'SIGKILL' else ''})"
    return f"ended (exit code {code})"
