"""What rules know of a thread: its row, and its newest calls, runs and nodes, each read once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, text

from storage.design_blobs import changed_of
from storage.findings import Evidence, Subject

CALLS_KEPT = 200
"""Newest calls of a thread that rules look at; as many checkpoints, runs and nodes."""

_THREAD = """
SELECT t.*, s.key AS saver, s.layout, s.label, s.class_name, s.serializer
FROM threads t JOIN savers s ON s.id = t.saver_id WHERE t.id = :key"""
_CALLS = """
SELECT * FROM (SELECT * FROM operations WHERE thread_key = :key
ORDER BY at_us DESC, id DESC LIMIT :most) ORDER BY at_us, id"""
_PUTS = """
SELECT * FROM (SELECT * FROM operations WHERE thread_key = :key AND operation = 'put'
AND error = '' AND ns = '' ORDER BY at_us DESC, id DESC LIMIT :most) ORDER BY at_us, id"""
_RUNS = """
SELECT * FROM (SELECT * FROM runs WHERE thread_key = :key
ORDER BY at_us DESC, id DESC LIMIT :most) ORDER BY at_us, id"""
_NODES = """
SELECT * FROM (SELECT * FROM node_runs WHERE thread_key = :key
ORDER BY at_us DESC, id DESC LIMIT :most) ORDER BY at_us, id"""


@dataclass(frozen=True)
class Checkpoint:
    """One of the newest checkpoints of the root graph, taken apart."""

    row: Row[Any]
    """Of ``operations``."""
    sizes: dict[str, int]
    """Channel → live bytes."""
    changed: frozenset[str]
    """Channels that the step wrote."""
    lists: dict[str, Any]
    """Written list channel → [elements, [[index, type, bytes], …]], the largest first."""

    def wrote(self, channel: str) -> bool:
        """Whether its step wrote a channel."""
        return channel in self.sizes and channel in self.changed


@dataclass(frozen=True)
class Channel:
    """A channel of a thread in a namespace, summed over its life."""

    namespace: str
    """Without ids of tasks; empty: of the root graph."""
    name: str
    live_bytes: int
    written_bytes: int
    """Of the steps that wrote it."""
    writes: int
    elements: int | None
    """Of a list."""


class ThreadFacts:
    """A thread.

    Args:
        connection: a reader's.
        key: row of the thread.
    """

    def __init__(self, connection: Connection, key: int) -> None:
        self._connection = connection
        self.key = key
        found = connection.execute(text(_THREAD), {"key": key}).first()
        self.row: dict[str, Any] = dict(found._mapping) if found is not None else {}

    @property
    def there(self) -> bool:
        """Whether the backend still has it."""
        return bool(self.row) and not self.row["deleted_us"]

    @property
    def backend(self) -> str:
        """Where it is stored."""
        return str(self.row.get("backend", ""))

    @property
    def whole(self) -> bool:
        """Whether its saver writes all channels with each checkpoint, changed or not."""
        return bool(self.row["layout"] == "whole")

    @cached_property
    def channels(self) -> list[Channel]:
        """Its channels, those with most written bytes first."""
        told = json.loads(self.row["channels"])
        found = [
            Channel(namespace, name, *sums)
            for namespace, by_name in told.items()
            for name, sums in by_name.items()
        ]
        return sorted(found, key=lambda one: -one.written_bytes)

    @cached_property
    def calls(self) -> Sequence[Row[Any]]:
        """Its newest calls of the saver, oldest first: rows of ``operations``."""
        return self._read(_CALLS)

    @cached_property
    def puts(self) -> Sequence[Row[Any]]:
        """Its newest checkpoints of the root graph that were stored, oldest first."""
        return self._read(_PUTS)

    @cached_property
    def checkpoints(self) -> list[Checkpoint]:
        """The same, taken apart."""
        under: dict[str, set[str]] = {}
        for call, parts in self.writes:
            if not call.ns:
                under.setdefault(call.checkpoint, set()).update(name for name, _ in parts)
        seen: dict[str, dict[str, int]] = {}
        found = []
        for row in self.puts:
            sizes = {name: size or 0 for name, size in json.loads(row.channels).items()}
            seen[row.checkpoint] = sizes
            wrote = changed_of(
                row, sizes, seen.get(row.parent), under.get(row.parent, set()), self.row["layout"]
            )
            found.append(Checkpoint(row, sizes, wrote, json.loads(row.lists)))
        return found

    @cached_property
    def writes(self) -> list[tuple[Row[Any], list[tuple[str, int]]]]:
        """Of its newest calls those of ``put_writes`` that were stored: row, and channel and bytes
        of each write."""
        return [
            (row, [(name, max(size, 0)) for name, size in json.loads(row.channels)])
            for row in self.calls
            if row.operation == "put_writes" and not row.error
        ]

    def versions(self, channel: str) -> list[tuple[int, int]]:
        """(µs, bytes) of each time that a checkpoint of those stored a channel: where whole ones
        are written, whether its step wrote it or not."""
        return [
            (int(one.row.at_us), one.sizes[channel])
            for one in self.checkpoints
            if channel in one.sizes and (self.whole or one.wrote(channel))
        ]

    @property
    def all_puts(self) -> bool:
        """Whether these are all that it ever had."""
        return len(self.puts) < CALLS_KEPT and not self.row["partial"]

    @cached_property
    def runs(self) -> Sequence[Row[Any]]:
        """Its newest runs, oldest first."""
        return self._read(_RUNS)

    @cached_property
    def nodes(self) -> Sequence[Row[Any]]:
        """Its newest runs of nodes, oldest first."""
        return self._read(_NODES)

    def sizes(self, channel: str) -> list[tuple[int, int]]:
        """(µs, live bytes) of a channel of the root graph at each of its newest checkpoints."""
        return [
            (int(one.row.at_us), one.sizes[channel])
            for one in self.checkpoints
            if channel in one.sizes
        ]

    def subject(self, **more: str) -> Subject:
        """This thread, and what else a finding is about."""
        row = self.row
        named = {name: row[name] for name in ("application", "backend", "saver", "graph")}
        return Subject(thread=row["thread_id"], **(named | more))

    def evidence(self, words: str, page: str = "threads", **names: str) -> Evidence:
        """A link to this thread."""
        where = {"thread": self.row["thread_id"], "saver": self.row["saver"]}
        return Evidence(page=page, words=words, names=where | names)

    def _read(self, sql: str) -> Sequence[Row[Any]]:
        values = {"key": self.key, "most": CALLS_KEPT}
        return self._connection.execute(text(sql), values).all()
