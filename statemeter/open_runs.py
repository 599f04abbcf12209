"""Runs that did not end: above all streams that nobody reads on, which keep threads and state.

A ``stream()`` that is left in the middle and still referred to is never closed: its executor's
threads and its checkpoint stay (five such generators kept ten threads). Python closes one that
nothing refers to.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

WAITING_SECONDS = 30.0
"""A stream that was not asked for its next chunk for that long counts as left."""
GRAPHS_TOLD = 4
"""Most graphs whose left streams are told apart."""

OPEN: dict[int, Any] = {}
"""Number → run, each as long as it is under way: with ``scope``, ``left_ns`` (``perf_counter_ns``
since when its consumer has a chunk and asks for no other; 0: it is at work) and ``loop``."""


begun = 0
"""Runs that were begun in this incarnation."""


def begin(number: int, run: Any) -> None:
    """A run begins; its number counts from 1. Its end takes it out of ``OPEN``."""
    global begun  # noqa: PLW0603 (on the hot path)
    OPEN[number] = run
    begun = number


def forget() -> None:
    """In a forked child: the runs are its parent's."""
    global begun  # noqa: PLW0603
    OPEN.clear()
    begun = 0


def read() -> dict[str, int]:
    """``runs`` (begun so far), ``open_runs``, ``left_streams``, the age of the oldest of these in
    µs, and their number by graph as ``left_streams:<graph>``."""
    now_ns = time.perf_counter_ns()
    runs = list(OPEN.values())
    left = [run for run in runs if run.left_ns and now_ns - run.left_ns > WAITING_SECONDS * 1e9]
    told = {"runs": begun, "open_runs": len(runs), "left_streams": len(left)}
    if left:
        told["left_oldest_us"] = (now_ns - min(run.left_ns for run in left)) // 1000
        graphs = Counter(run.scope.graph for run in left)
        for graph, count in graphs.most_common(GRAPHS_TOLD):
            told[f"left_streams:{graph}"] = count
    return told


def running_loops() -> list[Any]:
    """The event loop of each run, as ``loops.running`` has it."""
    return [run.loop for run in list(OPEN.values())]
