"""Event-loop lag: how long a loop takes to come round to what is ready.

Once a second the probe's thread hands a callback to each loop in which a run of a graph is under
way, and notes how late it is called. A loop without runs is left asleep. A loop that did not come
round yet is as late as it has been waited for, so that one that is blocked is seen meanwhile. Loops
are held weakly; one that is closed is forgotten.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Iterable
from typing import Any

from statemeter import faults

_clock = time.perf_counter_ns

Loop = weakref.ref[Any]


def running() -> Loop | None:
    """The loop that runs here, held weakly; None where there is none, or it cannot be had."""
    try:
        return weakref.ref(asyncio.get_running_loop())
    except (RuntimeError, TypeError):
        return None


class _Beat:
    """One callback, from when it is handed over until it is called."""

    __slots__ = ("landed_ns", "loop", "sent_ns")

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.landed_ns = 0
        self.sent_ns = _clock()

    @faults.guarded
    def land(self) -> None:
        """Called by the loop."""
        self.landed_ns = _clock()

    def lag_ns(self) -> int:
        return (self.landed_ns or _clock()) - self.sent_ns


class Lags:
    """The loops of this process."""

    def __init__(self) -> None:
        self._beats: dict[int, _Beat] = {}
        self._worst_ns = -1

    def look(self, running: Iterable[Loop | None]) -> None:
        """Take note of callbacks that were called, and hand over new ones.

        Args:
            running: a loop for each run that is under way.
        """
        for key, beat in list(self._beats.items()):
            self._worst_ns = max(self._worst_ns, beat.lag_ns())
            loop = beat.loop()
            if beat.landed_ns or loop is None or loop.is_closed():
                del self._beats[key]
        for reference in running:
            loop = reference() if reference is not None else None
            if loop is None or id(loop) in self._beats or loop.is_closed():
                continue
            assert reference is not None
            beat = _Beat(reference)
            try:
                loop.call_soon_threadsafe(beat.land)
            except RuntimeError:  # closed meanwhile
                continue
            self._beats[id(loop)] = beat

    def read(self) -> dict[str, int]:
        """``loop_lag_us``, the longest since the last reading; nothing where no loop ran."""
        worst_ns, self._worst_ns = self._worst_ns, -1
        return {"loop_lag_us": worst_ns // 1000} if worst_ns >= 0 else {}
