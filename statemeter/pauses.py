"""How long the garbage collector stops the process: a callback of ``gc``, as cheap as can be.

It is there from the first event on, until nothing is instrumented any longer, the process ends, or
it is forked. What ``gc`` itself counts is read, not counted.
"""

from __future__ import annotations

import atexit
import gc
import time
from typing import Any

Values = dict[str, int]

_clock = time.perf_counter_ns
_began_ns = 0
_total_ns = 0
_worst_ns = 0


def _watch(phase: str, info: Any) -> None:
    """Called by ``gc``, with all threads stopped, before and after each collection."""
    global _began_ns, _total_ns, _worst_ns  # noqa: PLW0603 (an object's attributes cost more)
    if phase == "start":
        _began_ns = _clock()
    elif _began_ns:
        took_ns = _clock() - _began_ns
        _began_ns = 0
        _total_ns += took_ns
        _worst_ns = max(_worst_ns, took_ns)


def start() -> None:
    """Time collections from now on; doing it twice changes nothing."""
    if _watch not in gc.callbacks:
        gc.callbacks.append(_watch)


def stop() -> None:
    """Leave the collector alone."""
    global _began_ns  # noqa: PLW0603
    _began_ns = 0
    while _watch in gc.callbacks:
        gc.callbacks.remove(_watch)


def read() -> Values:
    """Collections by generation, what they freed and could not free, and objects that wait for
    one: as ``gc`` counts them. While collections are timed also the sum of their time, and the
    longest since the last reading."""
    global _worst_ns  # noqa: PLW0603
    told = {f"gc_pending_{number}": count for number, count in enumerate(gc.get_count())}
    stats = gc.get_stats()
    told |= {f"gc_collections_{number}": one["collections"] for number, one in enumerate(stats)}
    told["gc_collected"] = sum(one["collected"] for one in stats)
    told["gc_uncollectable"] = sum(one["uncollectable"] for one in stats)
    if _watch in gc.callbacks:
        told |= {"gc_pause_us": _total_ns // 1000, "gc_worst_us": _worst_ns // 1000}
        _worst_ns = 0
    return told


atexit.register(stop)
