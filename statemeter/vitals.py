"""How the process is: its memory and what holds it, CPU, threads, files, children, the garbage
collector, event loops, its container. One gauge of kind ``process``, on the probe's thread.

Looked at once a second, told every five, and at once while memory moves. What takes longer is read
less often (``kernel.Rarely``), so that all of it stays below 0.5 % of a core. What cannot be read
here is left out: unknown, not zero.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil

from statemeter import (
    cgroups,
    faults,
    holdings,
    kernel,
    loops,
    open_runs,
    pauses,
    resident,
    unregistered,
)
from statemeter.gauges import Gauge
from statemeter.resources import ResourceInfo

if TYPE_CHECKING:
    from statemeter.probe import Probe

KIND = "process"
TELL_SECONDS = 5.0
MOVED_BYTES = 2_000_000
MOVED_SHARE = 0.02
"""Memory that moved by both since it was told is told at once."""
SLOW_SECONDS = 10.0
HEAP_SECONDS = 5.0
"""Longest time between two readings of what is looked at less often."""
EVENT_BYTES = 600
"""About what an event takes that waits in the probe's queue, beside serialized state."""

Values = dict[str, int]


class Vitals(Gauge):
    """The readings of this process."""

    def __init__(self, probe: Probe) -> None:
        self._group = cgroups.group_of()
        info = ResourceInfo(
            KIND, "python", "Process", label=cgroups.name_of(self._group) or KIND,
            facts={"cores": os.cpu_count() or 1},
        )  # fmt: skip
        super().__init__(self, info, lambda vitals: vitals._values())
        self._probe = probe
        self._begin()
        resident.begin()
        probe.resources.keep(info)
        probe.gauges.add(self)

    def _begin(self) -> None:
        self._told_at = -TELL_SECONDS
        self._told_bytes = self._emitted = 0
        self._cpu_us = kernel.cpu_us()
        self._lags = loops.Lags()
        self._now = 0.0
        self._memory: Values = {}
        self._slow = {
            "open files": kernel.Rarely(kernel.files, SLOW_SECONDS),
            "unique memory": kernel.Rarely(kernel.unique, SLOW_SECONDS),
            "children": kernel.Rarely(kernel.children, SLOW_SECONDS),
            "the C heap": kernel.Rarely(kernel.native, HEAP_SECONDS),
            "the system's memory": kernel.Rarely(kernel.system, HEAP_SECONDS),
            "the cgroup": kernel.Rarely(self._container, 2.0),
            "what is held in memory": kernel.Rarely(self._held, HEAP_SECONDS),
            "calls under way": kernel.Rarely(_stuck, HEAP_SECONDS),
        }

    def tick(self) -> None:
        """Look at the memory: some times a second, whether it is told or not."""
        unregistered.take()
        try:
            resident.look()
        except OSError:  # no /proc here
            pass
        except Exception:
            faults.fault("looking at the memory")

    def due(self, now: float) -> Values | None:
        """What to tell at ``now`` of the monotonic clock; None: nothing yet."""
        self._now = now
        if self._probe.emitted != self._emitted:
            self._emitted = self._probe.emitted
            pauses.start()
        self._lags.look(open_runs.running_loops())
        self._memory = _read("memory", kernel.memory)
        rss = self._memory.get("rss_bytes", 0)
        moved = abs(rss - self._told_bytes)
        if now < self._told_at + TELL_SECONDS and (
            moved < MOVED_BYTES or moved < MOVED_SHARE * self._told_bytes
        ):
            return None
        self._told_at, self._told_bytes = now, rss
        return self.read()

    def begin(self) -> None:
        """In a forked child: nothing is known, and nothing is watched until it tells something."""
        pauses.stop()
        resident.after_fork()
        unregistered.forget()
        open_runs.forget()
        self._begin()

    def rest(self) -> None:
        """Something was uninstrumented: where nothing else is left, leave the garbage collector
        alone, until there is an event again, and LangGraph's serializer."""
        alive = [info for info in self._probe.resources.alive() if info is not self.info]
        if not alive and not self._probe.savers:
            pauses.stop()
            unregistered.stop()
            self._emitted = self._probe.emitted

    def _values(self) -> Values:
        told = dict(self._memory)
        for name, rarely in self._slow.items():
            told |= _read(name, lambda rarely=rarely: rarely.at(self._now))  # type: ignore[misc]
        told |= _read("event loops", self._lags.read)
        told |= _read("open runs", open_runs.read)
        told |= _read("the garbage collector", pauses.read)
        told |= _read("types outside the allowlist", unregistered.read)
        told["cpu_us"] = max(0, kernel.cpu_us() - self._cpu_us)
        told["blocks"] = sys.getallocatedblocks()
        told["queue_bytes"] = self._probe.held_bytes + EVENT_BYTES * len(self._probe.queue)
        return {name: value for name, value in told.items() if value >= 0}

    def _container(self) -> Values:
        return cgroups.read(self._group) if self._group is not None else {}

    def _held(self) -> Values:
        return holdings.read(list(self._probe.savers.values()))


def _stuck() -> Values:
    from statemeter import stuck_calls  # noqa: PLC0415 (its imports need the probe)

    return stuck_calls.read()


def _read(what: str, read: Callable[[], Values]) -> Values:
    """Readings; none where the system does not tell them."""
    try:
        return read()
    except (OSError, psutil.Error, NotImplementedError):
        return {}
    except Exception:
        faults.fault(f"reading {what}")
        return {}
