"""The work that a comparison gives to each backend: which there are, how large, what they need.

Their graphs are in ``collector.compare.workloads``; pages and commands offer what is here.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

PUTS_A_TURN = 3
"""Checkpoints of one run of a graph with one node: of the input, before the node, after it. Steps
more add one each (``langgraph.pregel``: a checkpoint for each super-step)."""

OVERHEAD_BYTES = 700
"""Of a checkpoint without channel values, its metadata and its pending writes, about."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a workload is done."""

    turns: int = 20
    """Runs of the graph on each thread, count."""
    threads: int = 8
    """Threads in all, count; each client works on one at a time."""
    value_bytes: int = 1_000
    """One message, document or part, bytes before compression."""
    width: int = 10
    """Fan-out alone: tasks of one super-step, count."""


@dataclass(frozen=True)
class Workload:
    """One of them."""

    name: str
    title: str
    what: str
    size: Size
    """Where nothing else is said."""
    built_in: bool = True
    """False: steps and sizes come from a thread or a database."""


WORKLOADS = {
    one.name: one
    for one in (
        Workload("chat", "Growing chat",
                 "A conversation: each turn adds a question and an answer to `messages`.",
                 Size(turns=20, threads=8, value_bytes=1_000)),
        Workload("documents", "Big documents",
                 "Each turn adds one large text to a list and a short note.",
                 Size(turns=5, threads=8, value_bytes=100_000)),
        Workload("fanout", "Fan-out",
                 "Each turn calls many tasks at once with `Send`; a join collects their parts.",
                 Size(turns=10, threads=8, value_bytes=500, width=10)),
        Workload("threads", "Many small threads",
                 "Very many conversations of two short turns.",
                 Size(turns=2, threads=100, value_bytes=300)),
        Workload("history", "Long history reads",
                 "A conversation whose whole history is listed, and older checkpoints read, again "
                 "and again.",
                 Size(turns=30, threads=8, value_bytes=300)),
        Workload("thread", "A recorded thread",
                 "The calls of a thread that was measured: same steps, channels and sizes, with "
                 "content made up.",
                 Size(turns=1_000, threads=4), built_in=False),
        Workload("source", "Checkpoints of an attached database",
                 "The real checkpoints, read from the database and written elsewhere.",
                 Size(turns=500, threads=4), built_in=False),
    )
}  # fmt: skip
"""By name, in the order in which they are offered."""


def estimate(name: str, size: Size, thread_bytes: int = 0) -> tuple[int, int]:
    """Bytes that the threads of a workload hold in the end, together: in memory, where channels
    are kept once for each version, and on disk of a saver that writes whole checkpoints.

    Args:
        name: of the workload.
        size: of it.
        thread_bytes: what one recorded thread holds; built-in ones are reckoned.
    """
    if not WORKLOADS[name].built_in:
        return size.threads * thread_bytes, size.threads * thread_bytes
    added = {
        "documents": size.value_bytes + 200,
        "fanout": size.width * size.value_bytes,
    }.get(name, 2 * (size.value_bytes + 200))
    puts = PUTS_A_TURN + (name == "fanout")
    turns = size.turns
    sum_of_live = added * turns * (turns + 1) // 2
    # A channel that two steps of a turn write has two versions; pending writes hold all once more.
    blobs = 2 * sum_of_live + added * turns + puts * turns * OVERHEAD_BYTES
    documents = puts * sum_of_live + added * turns + puts * turns * OVERHEAD_BYTES
    return size.threads * blobs, size.threads * documents
