"""Checkpoints of a SQLite file: SqliteSaver and AsyncSqliteSaver."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collector.inspection.sqlite_file import File, checkpoints, refused
from collector.inspection.url import Address
from collector.viewer.raw import EMPTY, MOST_WRITES, Blob, Budget, Found, Pending

_CHECKPOINT = (
    "SELECT checkpoint_id, coalesce(parent_checkpoint_id, ''), coalesce(type, ''), "
    "length(CAST(checkpoint AS BLOB)), length(CAST(metadata AS BLOB)), rowid FROM checkpoints "
    "WHERE thread_id = ? AND checkpoint_ns = ? "
)
_WRITES = (
    "SELECT task_id, {path}, idx, channel, coalesce(type, ''), length(CAST(value AS BLOB)), rowid "
    "FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ? {channels} "
    "ORDER BY 2, task_id, idx LIMIT {most}"
)


@contextmanager
def connected(address: Address) -> Iterator[Reader]:
    """A reader of the file.

    Raises:
        CouldNotLook: it is not there, cannot be read, or is no database.
    """
    path = Path(address.url)
    with checkpoints(path, address.shown) as (_, file):
        try:
            yield Reader(file)
        except sqlite3.Error as error:
            raise refused(path, address.shown, error) from None


class Reader:
    """See ``raw.Reader``. All of a checkpoint is read in one transaction."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._budget = Budget()
        columns = {row[1] for row in file.rows("PRAGMA table_info(writes)")}
        # Databases of older savers lack it; their writes sort by task alone.
        self._path = "task_path" if "task_path" in columns else "''"

    def find(
        self, thread: str, ns: str, checkpoint: str, channels: Collection[str] | None
    ) -> Found | None:
        self._rows("BEGIN")
        try:
            return self._find(thread, ns, checkpoint, channels)
        finally:
            self._rows("COMMIT")

    def _find(
        self, thread: str, ns: str, checkpoint: str, channels: Collection[str] | None
    ) -> Found | None:
        if checkpoint:
            rows = self._rows(f"{_CHECKPOINT} AND checkpoint_id = ?", thread, ns, checkpoint)
        else:
            rows = self._rows(f"{_CHECKPOINT} ORDER BY checkpoint_id DESC LIMIT 1", thread, ns)
        if not rows:
            return None
        found, parent, tag, document, metadata, row = rows[0]
        written = self._writes(thread, ns, found, channels)
        return Found(
            found,
            parent,
            self._blob("checkpoints", "checkpoint", row, tag, document),
            self._blob("checkpoints", "metadata", row, "json", metadata),
            writes=[
                Pending(task, path, index, channel, self._blob("writes", "value", at, kind, size))
                for task, path, index, channel, kind, size, at in written[:MOST_WRITES]
            ],
            more_writes=len(written) > MOST_WRITES,
        )

    def _writes(
        self, thread: str, ns: str, checkpoint: str, channels: Collection[str] | None
    ) -> list[tuple[Any, ...]]:
        named = tuple(channels or ())
        marks = ", ".join("?" * len(named))
        sql = _WRITES.format(
            path=self._path,
            channels="" if channels is None else f"AND channel IN ({marks})",
            most=MOST_WRITES + 1,
        )
        return self._rows(sql, thread, ns, checkpoint, *named)

    def _blob(self, table: str, column: str, row: int, tag: str, size: int | None) -> Blob:
        if size is None:
            return EMPTY
        most = self._budget.most(size)
        sql = f"SELECT substr(CAST({column} AS BLOB), 1, {most}) FROM {table} WHERE rowid = ?"
        return Blob(tag, size, self._rows(sql, row)[0][0] or b"")  # of nothing, it makes NULL

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._file.rows(sql, values)
