"""How long nodes usually take: what a hit of a cache saves.

The usual duration of a node is the median of its runs so far, which a run that was cached or
ended by an exception is not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from sqlite3 import Cursor

from sqlalchemy import Connection

from storage import histogram, inserts

NODES_KEPT = 2_000
"""Most nodes, of all applications and graphs; those that ran last stay."""

Name = tuple[str, str, str]
"""(application, graph, node)."""

_ALL = inserts.columns_of("node_durations")
_SAVE = inserts.insert_sql("node_durations", prefix="OR REPLACE")
_DELETE = "DELETE FROM node_durations WHERE application = ? AND graph = ? AND node = ?"


class _Usual:
    """The durations of one node."""

    __slots__ = ("counts", "last_seen_us", "median_us", "runs")

    def __init__(self, runs: int = 0, last_seen_us: int = 0, packed: bytes = b"") -> None:
        self.runs = runs
        self.last_seen_us = last_seen_us
        self.counts = histogram.unpack(packed)
        self.median_us: int | None = None
        """None: to be taken from ``counts``."""


class Durations:
    """The nodes in memory: there are few."""

    def __init__(self, cursor: Cursor) -> None:
        rows = cursor.execute(
            f"SELECT {', '.join(_ALL)} FROM node_durations ORDER BY last_seen_us"
        ).fetchall()
        self._nodes = {(row[0], row[1], row[2]): _Usual(*row[3:]) for row in rows}
        self.told: defaultdict[Name, list[int]] = defaultdict(list)
        """Durations in µs to be added: who reads events appends, which is all that a node costs."""
        self._changed: set[Name] = set()

    def usual_us(self, name: Name) -> int | None:
        """The usual duration of a node as known now, µs; None: it never ran to its end."""
        if name in self.told:
            self._take(name, self.told.pop(name))
        node = self._nodes.get(name)
        if node is None:
            return None
        if node.median_us is None:
            node.median_us = round(histogram.quantile(node.counts, 0.5) or 0)
        return node.median_us

    def save(self, connection: Connection, at_us: int) -> None:
        """Write back what changed; ``at_us`` is noted as the time of it."""
        for name, durations in self.told.items():
            self._take(name, durations)
        self.told.clear()
        rows: list[inserts.Row] = []
        for name in self._changed:
            node = self._nodes[name]
            node.last_seen_us = at_us
            rows.append((*name, node.runs, at_us, histogram.pack(node.counts)))
        self._changed = set()
        inserts.run(connection, _SAVE, rows)
        surplus = len(self._nodes) - NODES_KEPT
        if surplus > 0:
            oldest = sorted(self._nodes, key=lambda name: self._nodes[name].last_seen_us)[:surplus]
            for name in oldest:
                del self._nodes[name]
            inserts.run(connection, _DELETE, [*oldest])

    def _take(self, name: Name, durations: list[int]) -> None:
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = _Usual()
        node.runs += len(durations)
        for duration_us, times in Counter(durations).items():
            bucket = histogram.bucket_of(duration_us)
            node.counts[bucket] = node.counts.get(bucket, 0) + times
        node.median_us = None
        self._changed.add(name)
