"""Levels and counters of pools and ``lru_cache`` functions, read on the probe's thread.

What is watched is held weakly. A reading looks at attributes only: it takes no lock, asks no server
and waits for nothing.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

from statemeter import faults
from statemeter.introduction import now_us
from statemeter.resources import ResourceInfo

REPEAT_SECONDS = 60.0
"""What does not change is told this often."""

COUNTERS = frozenset({"hits", "misses", "requests", "waited_us", "timeouts", "lost"})
"""Values that only grow; the others are levels."""

Read = Callable[[Any], "dict[str, int]"]


class Gauge:
    """One thing that is watched.

    Its counters may start again from 0 (``cache_clear``, ``pop_stats``): then they all do, and
    what was counted before is kept, so that those that are told never fall.
    """

    __slots__ = ("_before", "_counted", "_read", "_told", "_told_at", "info", "target")

    def __init__(self, target: Any, info: ResourceInfo, read: Read) -> None:
        self.target = weakref.ref(target)
        self.info = info
        self._read = read
        self._counted: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._told_at = 0.0

    def read(self) -> dict[str, int] | None:
        """What it shows now; None where the target is gone."""
        target = self.target()
        if target is None:
            return None
        values = self._read(target)
        counted = {name: value for name, value in values.items() if name in COUNTERS}
        if any(counted.get(name, 0) < value for name, value in self._counted.items()):
            for name, value in self._counted.items():
                self._before[name] = self._before.get(name, 0) + value
        self._counted = counted
        return values | {name: n + self._before.get(name, 0) for name, n in counted.items()}

    def due(self, now: float) -> dict[str, int] | None:
        """What to tell now: what changed, or was not told for a minute; None where nothing is."""
        values = self.read()
        if values is None or (values == self._told and now < self._told_at + REPEAT_SECONDS):
            return None
        self._told, self._told_at = values, now
        return values

    def begin(self) -> None:
        """In a forked child: count from here on, because the parent tells what was before."""
        self._told, self._told_at = {}, 0.0
        self._counted, self._before = {}, {}
        values = self.read()
        self._before = {name: -n for name, n in self._counted.items()} if values else {}


class Watch:
    """What is watched in a process."""

    def __init__(self) -> None:
        self._gauges: list[Gauge] = []

    def add(self, gauge: Gauge) -> None:
        """Read it from now on, once a second, until its target is gone."""
        for other in list(self._gauges):  # none is read while the spool takes nothing
            if other.target() is None:
                self.remove(other)
        self._gauges.append(gauge)

    def remove(self, gauge: Gauge) -> None:
        """Stop reading it."""
        if gauge in self._gauges:
            self._gauges.remove(gauge)

    def of(self, kind: str) -> list[Gauge]:
        """What is watched of a kind of resource, and still there."""
        gauges = [gauge for gauge in list(self._gauges) if gauge.info.kind == kind]
        return [gauge for gauge in gauges if gauge.target() is not None]

    def due(self, now: float) -> Iterator[tuple[str, dict[str, int]]]:
        """What to tell, as (key of the resource, values), at ``now`` of the monotonic clock."""
        for gauge in list(self._gauges):
            values = None
            try:
                if gauge.target() is None:
                    self.remove(gauge)
                elif gauge.info.introduced:
                    values = gauge.due(now)
            except Exception:
                faults.fault(f"reading a {gauge.info.kind}")
            if values is not None:
                yield gauge.info.key, values

    def after_fork(self) -> None:
        """In a forked child: count what the child does."""
        for gauge in list(self._gauges):
            try:
                gauge.begin()
            except Exception:
                faults.fault(f"reading a {gauge.info.kind}")


def gauges(seq: int, told: tuple[str, dict[str, int]]) -> tuple[Any, ...]:
    """A ``Gauges`` event."""
    return ("gauges", seq, now_us(), *told)
