"""The two tables of SqliteSaver in pages: rows of ``checkpoints``, and calls from ``writes``."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol

from collector.attach import metadata, times
from collector.attach.documents import Parents, Versions, measure
from collector.attach.nodes import node_of
from collector.attach.rowids import Position
from collector.attach.source import BATCH_BYTES, BATCH_ROWS, Found, FoundCheckpoint, FoundWrites

WALKED_BYTES = 64_000_000
"""Largest document that is read; of a larger one the length alone is told."""
METADATA_BYTES = 1_000_000
WRITES_ROWS = 2_000
"""Rows of ``writes`` in a page: they are small, for their values are not read."""
SENDS_KEPT = 1_000
"""Checkpoints in memory that ``Send`` was used in."""

_BYTES = "CASE typeof({0}) WHEN 'blob' THEN length({0}) ELSE length(CAST({0} AS BLOB)) END"
"""Length without reading the value, where it is stored as LangGraph stores it."""
_CHECKPOINTS = (
    "SELECT rowid, thread_id, checkpoint_ns, checkpoint_id, coalesce(parent_checkpoint_id, ''), "
    f"coalesce(type, ''), coalesce({_BYTES.format('checkpoint')}, 0), "
    f"CASE WHEN length(checkpoint) <= {WALKED_BYTES} THEN CAST(checkpoint AS BLOB) END, "
    f"{_BYTES.format('metadata')}, "
    f"CASE WHEN length(metadata) <= {METADATA_BYTES} THEN metadata END "
    f"FROM checkpoints WHERE rowid > ? ORDER BY rowid LIMIT {BATCH_ROWS}"
)
_ONE_CHECKPOINT = (
    "SELECT coalesce(type, ''), CAST(checkpoint AS BLOB) FROM checkpoints WHERE thread_id = ? "
    f"AND checkpoint_ns = ? AND checkpoint_id = ? AND length(checkpoint) <= {WALKED_BYTES}"
)
_WRITES = (
    "SELECT rowid, thread_id, checkpoint_ns, checkpoint_id, task_id, idx, {path}, channel, "
    f"coalesce(type, ''), coalesce({_BYTES.format('value')}, 0) FROM writes WHERE rowid > ? "
    f"ORDER BY rowid LIMIT {WRITES_ROWS}"
)

Key = tuple[str, str, str]
"""(thread, namespace, checkpoint)."""


class Database(Protocol):
    """What runs statements."""

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        """All rows."""
        ...

    def some(self, sql: str, values: tuple[Any, ...], most_bytes: int, at: int) -> list[Any]:
        """The first rows, until their column ``at`` sums up to ``most_bytes``."""
        ...


@dataclass(slots=True)
class Row:
    """One or several rows of a table that are told together."""

    table: Table
    rowid: int
    """Of the last of them."""
    key: tuple[object, ...]
    """Primary key of that one."""
    at_us: int
    """By which the tables are merged."""
    read_bytes: int
    found: Callable[[], Found]


class Table:
    """Rows of a table in the order of their rowids, read a page at a time."""

    NAME = ""
    KEY = ""

    def __init__(self, database: Database, position: Position) -> None:
        self._database = database
        self._waiting: deque[Row] = deque()
        self._end = False
        self._read_to = 0
        self.position = position
        """What was told."""
        position.return_to(self._row_at)
        self._read_to = position.rowid

    def ready(self) -> bool:
        """Whether the next row is in memory, or known not to be there."""
        return bool(self._waiting) or self._end

    def head(self) -> Row | None:
        """The next row; None at the present end."""
        while not self._waiting and not self._end:
            self._waiting.extend(self._page())
        return self._waiting[0] if self._waiting else None

    def pop(self) -> Row:
        """The next row, which is told now."""
        return self._waiting.popleft()

    def _page(self) -> list[Row]:
        raise NotImplementedError

    def _row_at(self, rowid: int) -> tuple[object, ...] | None:
        sql = f"SELECT {self.KEY} FROM {self.NAME} WHERE rowid = ?"
        rows = self._database.rows(sql, (rowid,))
        return tuple(rows[0]) if rows else None


class Checkpoints(Table):
    """Rows of ``checkpoints``."""

    NAME = "checkpoints"
    KEY = "thread_id, checkpoint_ns, checkpoint_id"

    def __init__(self, database: Database, position: Position) -> None:
        super().__init__(database, position)
        self._parents = Parents()
        self._sends: OrderedDict[Key, list[str]] = OrderedDict()

    def sends_of(self, key: Key) -> list[str]:
        """Node of each ``Send`` in a checkpoint."""
        if key not in self._sends:
            self._remember(key, self._look_up(key)[1])
        return self._sends[key]

    def _page(self) -> list[Row]:
        rows = self._database.some(_CHECKPOINTS, (self._read_to,), BATCH_BYTES, 6)
        if rows:
            self._read_to = rows[-1][0]
        self._end = len(rows) < BATCH_ROWS and sum(row[6] for row in rows) < BATCH_BYTES
        page = [self._row(row) for row in rows]
        for later, row in zip(page[:0:-1], page[-2::-1], strict=True):
            row.at_us = min(row.at_us, later.at_us)  # before the writes of any later one
        return page

    def _row(self, row: tuple[Any, ...]) -> Row:
        rowid, thread, ns, checkpoint, parent, tag, size, blob, metadata_bytes, text = row
        told = metadata.of_json(text)
        deltas = told.deltas()
        found = FoundCheckpoint(
            thread, ns, checkpoint, parent, times.of_checkpoint(checkpoint), tag,
            step=told.step_number(), source=told.source_name(), document_bytes=size,
            metadata_bytes=-1 if metadata_bytes is None else metadata_bytes, whole=True,
            root=told.root(), deltas=deltas, run_id=told.run(),
        )  # fmt: skip
        if blob is None:
            found.channels_unknown = "too large" if size else "unreadable"
            found.changed = []
        else:
            self._measure(found, blob)
        return Row(
            self, rowid, (thread, ns, checkpoint), found.at_us, found.document_bytes, lambda: found
        )

    def _measure(self, found: FoundCheckpoint, blob: bytes) -> None:
        thread, ns = found.thread, found.ns
        document = measure(
            found.serializer, blob, lambda: self._versions(thread, ns, found.parent), found.deltas
        )
        found.channels_unknown = document.unknown
        found.bookkeeping_bytes = document.bookkeeping_bytes
        found.channels = dict(document.channels)
        found.changed = document.changed + document.emptied
        found.lists, found.snapshots = document.lists, document.snapshots
        if not found.at_us:
            found.at_us = times.of_checkpoint(found.checkpoint, document.ts)
        if not document.unknown:
            self._parents.add(thread, ns, found.checkpoint, document.versions)
        if document.sends:
            self._remember((thread, ns, found.checkpoint), document.sends)

    def _versions(self, thread: str, ns: str, parent: str) -> Versions | None:
        if not parent:
            return {}
        known = self._parents.get(thread, ns, parent)
        if known is None:
            known = self._look_up((thread, ns, parent))[0]
            if known is not None:
                self._parents.add(thread, ns, parent, known)
        return known

    def _look_up(self, key: Key) -> tuple[Versions | None, list[str]]:
        """Versions and sends of any checkpoint; None where it is gone or cannot be read."""
        for tag, blob in self._database.rows(_ONE_CHECKPOINT, key):
            document = measure(tag, blob, dict, {})
            if not document.unknown:
                return document.versions, document.sends
        return None, []

    def _remember(self, key: Key, sends: list[str]) -> None:
        self._sends[key] = sends
        if len(self._sends) > SENDS_KEPT:
            self._sends.popitem(last=False)


class Writes(Table):
    """Rows of ``writes``, those of one task that lie together as one call."""

    NAME = "writes"
    KEY = "thread_id, checkpoint_ns, checkpoint_id, task_id, idx"

    def __init__(self, database: Database, position: Position) -> None:
        super().__init__(database, position)
        self.sends_of: Callable[[Key], list[str]] = lambda _: []
        columns = {row[1] for row in database.rows("PRAGMA table_info(writes)")}
        # Tables that were made before langgraph-checkpoint-sqlite 2.0.7 lack the path.
        self._sql = _WRITES.format(path="task_path" if "task_path" in columns else "''")

    def _page(self) -> list[Row]:
        rows = self._database.rows(self._sql, (self._read_to,))
        calls = [list(call) for _, call in groupby(rows, key=lambda row: row[1:5])]
        if len(rows) < WRITES_ROWS:
            self._end = True
        elif len(calls) > 1:
            calls.pop()  # its other rows are on the next page
        if calls:
            self._read_to = calls[-1][-1][0]
        return [self._row(call) for call in calls]

    def _row(self, call: list[tuple[Any, ...]]) -> Row:
        rowid, thread, ns, checkpoint, task, index, path = call[-1][:7]
        at_us = times.of_checkpoint(checkpoint)

        def found() -> FoundWrites:
            sends = self.sends_of((thread, ns, checkpoint)) if "__pregel_push" in path else []
            writes = [(row[5], row[7], row[9]) for row in call]
            return FoundWrites(
                thread, ns, checkpoint, at_us, call[0][8], task, node_of(path, sends), writes
            )

        read_bytes = sum(row[9] for row in call)
        return Row(self, rowid, (thread, ns, checkpoint, task, index), at_us, read_bytes, found)
