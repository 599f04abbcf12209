"""What the collector tells of itself, once a second, in the row that is also its lease."""

from __future__ import annotations

import os
import re
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from collector.errors import Fenced
from collector.lease import LEASE_SECONDS

RATE_SECONDS = 5
MEAN_RECORD_BYTES = 400
"""Guess of the size of a record before any was read."""

_TIME = re.compile(rb'[0-9a-f]{8} \["[a-z]+",\d+,(\d+)')
_UPDATE = (
    "UPDATE collector SET heartbeat_us = ?, expires_us = ?, spool = ?, events_per_second = ?, "
    "lag_bytes = ?, lag_events = ?, lag_seconds = ?, backlog_bytes = ?, store_bytes = ?, "
    "problem = ?, problem_since_us = ? WHERE id = 1 AND holder = ?"
)


@dataclass
class Health:
    """Figures of the last seconds."""

    spool: Path
    problems: dict[str, str] = field(default_factory=dict)
    """Place → what is wrong there now."""
    lag_bytes: int = 0
    lag_seconds: float = 0.0
    backlog_bytes: int = 0
    """``lag_bytes`` when the present drain began, 0: none."""
    _read: deque[tuple[float, int]] = field(default_factory=deque)
    _events: int = 0
    _bytes: int = 0
    _problem: str = ""
    _problem_since_us: int = 0

    def note(self, place: str, problem: str) -> None:
        """Say what is wrong in a place; empty: nothing."""
        if problem:
            self.problems[place] = problem
        else:
            self.problems.pop(place, None)

    def count(self, now: float, events: int, read_bytes: int) -> None:
        """Note that events were stored; ``now`` in seconds of the monotonic clock."""
        self._events += events
        self._bytes += read_bytes
        self._read.append((now, events))

    def set_lag(self, lag_bytes: int, lag_seconds: float) -> None:
        """Note how much waits."""
        self.lag_bytes = lag_bytes
        self.lag_seconds = lag_seconds
        self.backlog_bytes = max(self.backlog_bytes, lag_bytes) if lag_bytes else 0

    @property
    def lag_events(self) -> int:
        """Events that wait, by the mean size of those read."""
        mean = self._bytes / self._events if self._events else MEAN_RECORD_BYTES
        return round(self.lag_bytes / mean)

    def rate(self, now: float) -> float:
        """Events a second over the last ``RATE_SECONDS``."""
        while self._read and self._read[0][0] < now - RATE_SECONDS:
            self._read.popleft()
        return sum(count for _, count in self._read) / RATE_SECONDS

    def save(self, engine: Engine, holder: str, now: float, now_us: int, path: Path) -> None:
        """Write the report, and renew the lease with it.

        Raises:
            Fenced: another collector has the lease.
        """
        problem = "; ".join(self.problems.values())
        if problem != self._problem:
            self._problem, self._problem_since_us = problem, now_us if problem else 0
        with engine.begin() as connection:
            told = connection.exec_driver_sql(
                _UPDATE,
                (
                    now_us, now_us + LEASE_SECONDS * 1_000_000, str(self.spool),
                    round(self.rate(now), 1), self.lag_bytes, self.lag_events,
                    round(self.lag_seconds, 3), self.backlog_bytes, store_bytes(path), problem,
                    self._problem_since_us, holder,
                ),
            )  # fmt: skip
            if told.rowcount != 1:
                raise Fenced("Another collector has taken over this store.")


def store_bytes(path: Path) -> int:
    """Bytes of the store and its WAL on disk."""
    return file_bytes(path) + file_bytes(path.with_name(path.name + "-wal"))


def file_bytes(path: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def time_of_record(path: str, position: int) -> int | None:
    """When the event of the record at a position happened, µs since 1970; None: unknown."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        match = _TIME.match(os.pread(fd, 80, position))
    finally:
        os.close(fd)
    return int(match[1]) if match else None
