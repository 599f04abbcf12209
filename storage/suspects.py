"""What the growth of a process may come from, named: threads of a saver, nodes, streams, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from storage.explained import explain
from storage.leaks import Growth, Leaks
from storage.process_series import Series
from storage.queries import fetch
from storage.trends import theil_sen

THREADS_NAMED = 5
NEWEST = 8
"""Slots of which the highest reading counts as the newest."""
LEAST_PART = 0.25
"""Of the growth that is unexplained, from which on an area that grows is a suspect."""
_BY_SAVER, _BY_GRAPH = "saver_bytes:", "left_streams:"


@dataclass(frozen=True)
class Suspect:
    """Something that may hold what the process gained."""

    kind: str
    """``saver``, ``unknown threads``, ``streams``, ``threads``, ``files``, ``children``, ``node``,
    or an area of ``storage.explained``: ``python``, ``native``, ``free``, ``other``."""
    name: str
    """Of a thread of a saver, a node, a graph; empty where the kind says it all. Text of users."""
    per_hour: float | None
    """By how much it grows; missing where only its size is known."""
    unit: str
    """``bytes`` or ``count``."""
    size: float
    """What it is now."""
    advice: str
    """What to look at, or to change: our own words."""


Make = Callable[[Growth, dict[str, float]], Suspect]


def find(
    connection: Connection, found: Leaks, series: Series, nodes: pd.DataFrame
) -> list[Suspect]:
    """Suspects of a process, the likeliest first; none where nothing grows."""
    if not found.flagged:
        return []
    last = _newest(series)
    told = [_COUNTS[growth.name](growth, last) for growth in found.counts
            if growth.name in _COUNTS]  # fmt: skip
    told.sort(
        key=lambda one: one.kind == "threads"
    )  # streams that are left keep some: these follow
    if found.state is not None:
        told += _threads_of_savers(connection, series)
    if found.unexplained is not None:
        # What the C library keeps is that of no node: it grows wherever memory is asked for.
        told += [*(_nodes(nodes) if found.freed is None else ()), *_areas(series, found)]
    return told


def _newest(series: Series) -> dict[str, float]:
    """The highest of the newest readings: at its very end a process lets go of what it held."""
    highest = series.levels.tail(NEWEST).max()
    return {str(name): float(value) for name, value in highest.items() if np.isfinite(value)}


def _unknown_threads(growth: Growth, last: dict[str, float]) -> Suspect:
    return Suspect(
        "unknown threads", "", growth.per_hour, "count", last.get(growth.name, 0.0),
        "Reads of threads that an InMemorySaver does not know make an entry each, for good. Check "
        "that a thread exists before get_state, or use a persistent saver.",
    )  # fmt: skip


def _streams(growth: Growth, last: dict[str, float]) -> Suspect:
    graphs = {name.removeprefix(_BY_GRAPH): count for name, count in last.items()
              if name.startswith(_BY_GRAPH)}  # fmt: skip
    return Suspect(
        "streams", max(graphs, key=lambda name: graphs[name], default=""), growth.per_hour, "count",
        last.get(growth.name, 0.0),
        "stream() was left in the middle and is still referred to: it keeps its threads and its "
        "state. Read it to its end, or close it: with contextlib.closing(graph.stream(…)).",
    )  # fmt: skip


def _count(kind: str, advice: str) -> Make:
    return lambda growth, last: Suspect(
        kind, "", growth.per_hour, "count", last.get(growth.name, 0.0), advice
    )


_COUNTS: dict[str, Make] = {
    "saver_empty_threads": _unknown_threads,
    "left_streams": _streams,
    "threads": _count("threads", "Threads are started and do not end: executors that are never "
                      "shut down, streams that nobody reads on."),
    "fds": _count("files", "Files or sockets are opened and not closed: clients made for each "
                  "request, responses that are not read."),
    "children": _count("children", "Child processes are started and never waited for."),
}  # fmt: skip


_AREAS = {
    "python": "Small Python objects are kept: take a census of types to see which.",
    "native": "Large objects (bytes, texts, lists, arrays) or memory of native libraries is kept: "
    "allocations by line show where it is asked for.",
    "free": "The C library keeps what was freed, in pieces between what is used, for each thread "
    "that allocates. Start fewer threads, or start the process with MALLOC_ARENA_MAX=2 (glibc).",
    "other": "What is in use grows less than the process: allocators keep what was freed (Python "
    "its own arenas; on glibc before 2.33, MALLOC_ARENA_MAX=2 helps), or a library has an "
    "allocator of its own.",
}


def _threads_of_savers(connection: Connection, series: Series) -> Iterator[Suspect]:
    """The threads that the process's in-memory savers hold most bytes of."""
    keys = [name.removeprefix(_BY_SAVER) for name in _newest(series) if name.startswith(_BY_SAVER)]
    begin_us, end_us = series.grid.start_us, series.grid.end_us
    for key in keys:
        rows = fetch(
            connection,
            "SELECT t.id, t.thread_id, t.stored_bytes, t.first_seen_us, (SELECT m.stored_bytes "
            "FROM thread_minutes AS m WHERE m.thread_key = t.id AND m.minute_us <= :begin "
            "ORDER BY m.minute_us DESC LIMIT 1) AS before_bytes FROM threads AS t "
            "JOIN savers AS s ON s.id = t.saver_id WHERE s.key = :key AND t.deleted_us = 0 "
            "ORDER BY t.stored_bytes DESC LIMIT :limit",
            begin=begin_us,
            key=key,
            limit=THREADS_NAMED,
        )
        for row in rows.itertuples():
            before = 0 if row.first_seen_us >= begin_us else row.before_bytes
            hours = (end_us - max(begin_us, row.first_seen_us)) / 3.6e9
            known = before is not None and not pd.isna(before) and hours > 0
            yield Suspect(
                "saver", row.thread_id, (row.stored_bytes - before) / hours if known else None,
                "bytes", float(row.stored_bytes),
                "An InMemorySaver never frees a thread: delete_thread when its conversation ends, "
                "or use a persistent saver.",
            )  # fmt: skip


def _nodes(nodes: pd.DataFrame) -> Iterator[Suspect]:
    for row in nodes[nodes["suspect"].astype(bool)].itertuples():
        yield Suspect(
            "node", row.node, None, "bytes", float(row.grown_bytes),
            f"Memory grew while it ran, by {row.mean_bytes / 1000:,.0f} KB a run on average over "
            f"{row.alone} runs. Look at what it keeps: globals, closures, clients, caches.",
        )  # fmt: skip


def _areas(series: Series, found: Leaks) -> Iterator[Suspect]:
    """Areas of the memory (``storage.explained``) that grow by a good part of what is
    unexplained."""
    assert found.unexplained is not None
    areas = explain(series.levels)
    at = (areas.index.to_numpy(np.int64) - series.grid.start_us) / 1e6
    warm = at >= at[-1] - found.seconds
    for kind, advice in _AREAS.items():
        if kind == "other" and areas[["native", "python"]].isna().all().any():
            continue  # they are in it
        values = areas[kind].to_numpy(np.float64)
        slope = theil_sen(at[warm], values[warm])
        if slope and slope.rises and slope.value > LEAST_PART * found.unexplained.slope.value:
            size = values[np.isfinite(values)][-1]
            yield Suspect(kind, "", slope.value * 3600, "bytes", float(size), advice)
