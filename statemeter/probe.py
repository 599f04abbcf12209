"""The probe of this process: a bounded queue, and one daemon thread that writes it to the spool.

The hot path appends a tuple to a ``deque`` and nothing else: no lock, no logging, no system call.
The thread measures, encodes and writes, and samples the process once a second. While the spool
cannot be written, events wait in the queue; when it is full the oldest are dropped and counted.

A forked child drops the queue and the file of its parent and begins an incarnation of its own; its
thread starts with its first event. ``atexit`` writes what is left, for at most two seconds.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import logging
import os
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from statemeter import fast, faults, gauges, introduction, resources, settings, subclass, vitals
from statemeter.control import Control
from statemeter.spool import SpoolFull, SpoolWriter, line

logger = logging.getLogger("statemeter")

Build = Callable[[int, Any], "tuple[Any, ...] | None"]
"""Makes the fields of an event, tag first, from a sequence number and what was queued; runs on the
probe's thread. None: nothing to tell."""

EXIT_SECONDS = 2.0
"""Longest time that the end of the process waits for the spool."""
SAMPLE_SECONDS = 1.0
INTRODUCE_SECONDS = 60.0
_WRITE_BYTES = 256 * 1024  # records are handed to the file in pieces of about this size
_AT_ONCE = 64  # events after which another thread may go on, where C takes them


class Probe:
    """What the process has to tell, and the thread that tells it."""

    __slots__ = ("__dict__", "__weakref__", *fast.OF_PROBE)

    def __init__(self) -> None:
        # Of savers that are left, and of calls that wait: one may be made for each request.
        self.savers: WeakValueDictionary[int, introduction.SaverInfo] = WeakValueDictionary()
        self.resources = resources.Registry()
        self.gauges = gauges.Watch()
        self.queue: deque[tuple[int, Build, Any]] = deque()
        self.vitals = vitals.Vitals(self)
        self.queue_events = int(settings.usable("STATEMETER_QUEUE_EVENTS"))
        self.held_limit = int(settings.usable("STATEMETER_QUEUE_MB") * settings.MB)
        self.flush_seconds = settings.usable("STATEMETER_FLUSH_SECONDS")
        for name in settings.unknown():
            logger.warning("statemeter: there is no setting %s; it changes nothing.", name)
        self.application = settings.application()
        self.begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)
        atexit.register(self._at_exit)

    def begin(self) -> None:
        """Begin an incarnation: nothing queued, nothing written."""
        self.incarnation = uuid.uuid4().hex
        self.queue = deque(maxlen=self.queue_events)
        self.held_bytes = self.seq = 0
        self.dropped: dict[str, int] = {}
        self.problem = ""
        self.run_numbers, self._numbers = itertools.count(1), itertools.count(1)
        self._newest = self._drained = self._lost = 0
        self._pending: list[bytes] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._running = False
        self._thread: threading.Thread | None = None
        self._next_sample = self._next_introduction = 0.0
        self.writer = SpoolWriter(
            settings.usable_spool_folder(),
            self.incarnation,
            int(settings.usable("STATEMETER_SEGMENT_MB") * settings.MB),
            int(settings.usable("STATEMETER_SPOOL_MB") * settings.MB),
        )
        self.control = Control(
            self.writer.folder, self.incarnation, allowed=settings.usable("STATEMETER_CONTROL"),
            values=settings.usable("STATEMETER_SHOW_VALUES"),
            who=functools.partial(introduction.who, self),
        )  # fmt: skip
        introduction.new_incarnation(self.incarnation, list(self.savers.values()))
        self.resources.new_incarnation(self.incarnation)

    def emit(self, build: Build, item: Any, held_bytes: int = 0) -> None:
        """Queue an event that keeps ``held_bytes`` of serialized state until it is measured."""
        self.queue.append((next(self._numbers), build, item))
        # Not atomic, so it may drift under threads; an empty queue sets it right.
        self.held_bytes += held_bytes
        if not self._running:
            self.start()

    @faults.guarded
    def awake(self) -> None:
        """See to it that the memory is looked at: something begins that will be told."""
        if not self._running:
            self.start()

    def start(self) -> None:
        """Start the thread, once in each incarnation."""
        with self._lock:
            if self._running:
                return
            self._running = True
            multiprocessing_util = sys.modules.get("multiprocessing.util")
            if multiprocessing_util is not None:
                # Its children end by os._exit: they run their own finalizers, but not atexit's.
                multiprocessing_util.Finalize(None, self._at_exit, exitpriority=0)
            self._thread = threading.Thread(target=self._run, name="statemeter", daemon=True)
            self._thread.start()

    @property
    def emitted(self) -> int:
        """Events taken since the start of the incarnation."""
        try:
            return max(self._newest, self.queue[-1][0])
        except IndexError:
            return self._newest

    def flush(self, timeout_seconds: float = EXIT_SECONDS) -> bool:
        """Write what is queued now; False where that did not succeed in time."""
        timeout_seconds = min(max(timeout_seconds, 0.0), threading.TIMEOUT_MAX)
        deadline = time.monotonic() + timeout_seconds
        if not self._lock.acquire(timeout=timeout_seconds):
            return False
        try:
            return self._drain(deadline) and self._read_gauges() and self._drain(deadline)
        finally:
            self._lock.release()

    @property
    def spooled(self) -> int:
        """Records written."""
        return self.seq - len(self._pending)

    def _run(self) -> None:
        wake = self._wake
        while not wake.wait(self.flush_seconds):
            try:
                with self._lock:
                    if wake is not self._wake:
                        return
                    self._tick()
                with contextlib.suppress(OSError):  # a closed folder: nobody can ask in it either
                    self.control.look(self.savers)
            except Exception:
                faults.fault("the probe's thread")

    def _tick(self) -> None:
        now = time.monotonic()
        self.vitals.tick()
        if now >= self._next_introduction and self._next_introduction:
            self._next_introduction = now + INTRODUCE_SECONDS
            self._introduce()
        if now >= self._next_sample:
            self._next_sample = now + SAMPLE_SECONDS
            if self.writer.is_lost():
                self.writer.close()
            if self._ready():
                self._sample()
        self._drain(None)

    def _drain(self, deadline: float | None) -> bool:
        """Measure, encode and write all that is queued; True when nothing is left."""
        take = fast.IN_C.get("take", Probe.take_in_python)
        while self._ready():
            size, more = 0, True
            while more and size < _WRITE_BYTES:
                taken, more = take(self, _AT_ONCE)
                size += taken
            if not more:
                self.held_bytes = 0
            self._count_drops()
            if not self._pending:
                return True
            if deadline is not None and time.monotonic() > deadline:
                return False
        self._count_drops()
        return False

    def take_in_python(self, most: int) -> tuple[int, bool]:
        """Number and encode so many events at most: bytes, and whether there may be more."""
        size = 0
        for _ in range(most):
            try:
                number, build, item = self.queue.popleft()
            except IndexError:
                return size, False
            self._drained += 1
            self._newest = max(self._newest, number)
            size += self._add(build, item)
        return size, True

    def _ready(self) -> bool:
        """Write what waits; True when the spool took all of it and can take more."""
        try:
            if not self.writer.is_open:
                self.writer.open()
                self._next_introduction = time.monotonic() + INTRODUCE_SECONDS
                waiting, self._pending = self._pending, []
                self._introduce()
                # What waited was numbered earlier: it stays in front.
                self._pending = waiting + self._pending
            if self._pending:
                written = self.writer.write(self._pending)
                del self._pending[:written]
                if self._pending:
                    raise OSError("the spool takes no more")
            if self.writer.is_full():
                self._seal(final=0)
                if self.writer.spool_is_full():
                    raise SpoolFull(f"{self.writer.folder} holds STATEMETER_SPOOL_MB or more")
                return self._ready()
        except OSError as error:
            self._trouble(error)
            return False
        self.problem = ""
        return True

    def _trouble(self, error: OSError) -> None:
        reason = "spool_full" if isinstance(error, SpoolFull) else "spool_unwritable"
        if self.problem != reason:
            self.problem = reason
            logger.warning(
                "statemeter: cannot write to the spool %s (%s). Events wait in memory, then the "
                "oldest are dropped and counted; your graph is not affected. Free the disk, start "
                "the collector, or set STATEMETER_SPOOL to a folder that can be written.",
                self.writer.folder,
                error.strerror or error,
            )

    def _introduce(self) -> None:
        self._add(introduction.process, self)
        for info in list(self.savers.values()):
            self._add(introduction.saver, info)
        for resource in self.resources.alive():
            self._add(resources.resource, resource)

    def _sample(self) -> None:
        self._add(introduction.sample, self)
        self._read_gauges()

    def _read_gauges(self) -> bool:
        for reading in self.gauges.due(time.monotonic()):
            self._add(gauges.gauges, reading)
        return True

    def _add(self, build: Build, item: Any) -> int:
        """Number, encode and keep one event for the file; its size in bytes."""
        try:
            fields = build(self.seq + 1, item)
            if fields is None:
                return 0
            record = line(fields)
            if not record:
                self._drop("too_long", 1)
                return 0
        except Exception:
            faults.fault(f"record of {getattr(build, '__name__', 'event')}")
            self._drop("fault", 1)
            return 0
        self.seq += 1
        self._pending.append(record)
        return len(record)

    def _drop(self, reason: str, count: int) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + count

    def _count_drops(self) -> None:
        """Numbers that were taken and are neither drained nor queued fell off the queue's end."""
        queued = len(self.queue)
        newest = self.queue[-1][0] if queued else self._newest
        lost = newest - self._drained - queued - self._lost
        if lost > 0:
            self._lost += lost
            self._drop(self.problem or "queue_full", lost)

    def _seal(self, final: int) -> None:
        self._add(introduction.seal, final)
        written = self.writer.write(self._pending)
        del self._pending[:written]
        self.writer.close()

    @faults.guarded
    def _after_fork(self) -> None:
        """Each step whatever becomes of the others: a child that kept the incarnation of its parent
        would tell in its name."""
        looks = self.control.looks
        for step in (
            faults.reset, self.writer.close, subclass.after_fork, looks.after_fork, self.begin,
            self.gauges.after_fork,
        ):  # fmt: skip
            faults.guarded(step)()

    @faults.guarded
    def _at_exit(self) -> None:
        self._wake.set()
        self.control.close()
        if not (self._running or self.queue) or not self._lock.acquire(timeout=EXIT_SECONDS):
            return
        try:
            if self._drain(time.monotonic() + EXIT_SECONDS) and self.writer.is_open:
                self._sample()
                self._seal(final=1)
        finally:
            self._lock.release()


_probe: Probe | None = None
_making = threading.Lock()


def exists() -> bool:
    """Whether this process has a probe already."""
    return _probe is not None


def get() -> Probe:
    """The probe of this process, made on first use."""
    global _probe  # noqa: PLW0603 (one probe a process, as there is one spool file)
    if _probe is None:
        with _making:
            if _probe is None:
                _probe = Probe()
    return _probe
