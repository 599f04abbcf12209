"""From what is asked for to what clients do, and what room that needs."""

from __future__ import annotations

from collector.compare.workloads import Graphs, Script
from storage.comparisons import Asked, Comparison
from storage.workloads import WORKLOADS, estimate


def make(asked: Asked, secrets: dict[str, str], result: Comparison) -> Script:
    """What all clients do; what was assumed is noted in the result.

    Raises:
        CannotRun: the thread or the database cannot be replayed.
    """
    assert WORKLOADS[asked.workload].built_in
    result.notes.append(f"Content is made up; zlib leaves {asked.compressed:.0%} of it.")
    return Graphs(asked.workload, asked.size, asked.compressed)


def needs(asked: Asked, result: Comparison) -> tuple[int, int]:
    """Bytes that the workload holds in the end: in memory, on disk of whole checkpoints."""
    return estimate(asked.workload, result.size)
