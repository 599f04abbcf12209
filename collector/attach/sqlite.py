"""Checkpoints of SqliteSaver and AsyncSqliteSaver, read from their file while they write to it.

Opened with ``mode=ro`` and ``query_only``; never through a saver, whose every read may create
tables. Rows come in the order in which they were written, by rowid, in statements of some
milliseconds: an open reader keeps the WAL from being emptied, and without a WAL it keeps the
application from writing. Documents are walked, values of pending writes only measured.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from collector.attach import sqlite_gauges
from collector.attach.rowids import Position
from collector.attach.source import Batch, Held, SaverFacts, Total
from collector.attach.sqlite_rows import Checkpoints, Row, Writes
from collector.inspection.limits import STATEMENT_SECONDS
from collector.inspection.sqlite_file import checkpoints
from collector.inspection.url import Address, storage_key

BLOCKING_SECONDS = 0.5
"""Longest statement on a file without a WAL, where readers and the writer block each other."""
_STEPS = 1_000  # of the virtual machine between looks at the clock


class Replaced(OSError):
    """The path names another file than the one that is open."""


@contextmanager
def opened(address: Address) -> Iterator[SqliteSource]:
    """Open a file.

    Raises:
        CouldNotLook: it is not there, cannot be read, or holds no checkpoints.
    """
    path = Path(address.url)
    with checkpoints(path, address.shown) as (connection, _):
        yield SqliteSource(connection, path)


class SqliteSource:
    """See ``collector.attach.source.Source``."""

    failures = (sqlite3.Error, OSError)

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        connection.text_factory = _text
        self._connection = connection
        self._path = path
        self._inode = path.stat().st_ino
        self._version: int | None = None
        wal = self.rows("PRAGMA journal_mode")[0][0] == "wal"
        self.seconds = STATEMENT_SECONDS if wal else BLOCKING_SECONDS
        """Longest statement."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows of a statement, which is bounded in time."""
        return self.some(sql, values)

    def some(self, sql: str, values: Sequence[Any], most_bytes: int = 0, at: int = 0) -> list[Any]:
        """Rows until their column ``at`` sums up to ``most_bytes``, then the statement ends."""
        end = time.monotonic() + getattr(self, "seconds", STATEMENT_SECONDS)
        self._connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        found = self._connection.execute(sql, values)
        if not most_bytes:
            return found.fetchall()
        rows = []
        for row in found:
            rows.append(row)
            most_bytes -= row[at]
            if most_bytes <= 0:
                break
        found.close()
        return rows

    def saver(self) -> SaverFacts:
        """The file."""
        return SaverFacts(
            key=storage_key("sqlite", str(self._path)), backend="sqlite", class_name="SqliteSaver",
            layout="whole", label=self._path.name, database=str(self._path),
        )  # fmt: skip

    def total(self) -> Total:
        """Checkpoints, and the pages in use, which hold some more than documents and values."""
        page_bytes, pages, free = (
            self.rows(f"PRAGMA {name}")[0][0]
            for name in ("page_size", "page_count", "freelist_count")
        )
        try:
            checkpoints = self.rows("SELECT count(*) FROM checkpoints")[0][0]
        except sqlite3.OperationalError:  # it takes longer than a statement may
            checkpoints = None
        return Total(checkpoints, (pages - free) * page_bytes)

    def read(self, cursor: str) -> Iterator[Batch]:
        """Both tables, each by rowid, merged by time."""
        first, _, second = cursor.partition("|")
        checkpoints, writes = Checkpoints(self, Position(first)), Writes(self, Position(second))
        writes.sends_of = checkpoints.sends_of
        while True:
            batch = Batch([], "", 0)
            while (row := _next(checkpoints, writes)) is not None:
                found, batch.read_bytes = row.found(), batch.read_bytes + row.read_bytes
                batch.found.append(found)
                row.table.position.move(row.rowid, *row.key)
                if not row.table.ready():
                    break
            if not batch.found:
                return
            batch.cursor = f"{checkpoints.position.text()}|{writes.position.text()}"
            yield batch

    def changed(self) -> bool:
        """Whether another connection changed the file."""
        if self._path.stat().st_ino != self._inode:
            raise Replaced(f"{self._path.name} was replaced by another file")
        before, self._version = self._version, self.rows("PRAGMA data_version")[0][0]
        return self._version != before

    def gauges(self) -> dict[str, int]:
        """Counts, orphans, dead space."""
        wal = f"{self._path}-wal"
        files = {"file_bytes": self._path.stat().st_size}
        if os.path.exists(wal):
            files["wal_bytes"] = os.stat(wal).st_size
        return files | sqlite_gauges.measure(self.rows)

    def counts(self, threads: Sequence[str]) -> dict[str, int]:
        """Checkpoints of each thread, off the index alone."""
        sql = "SELECT count(*) FROM checkpoints WHERE thread_id = ?"
        return {thread: self.rows(sql, (thread,))[0][0] for thread in threads}

    def held(self, thread: str) -> Held:
        """Checkpoints and pending writes of a thread, off the indexes alone."""
        return Held(*(
            set(self.rows(
                f"SELECT DISTINCT checkpoint_ns, checkpoint_id FROM {table} WHERE thread_id = ?",
                (thread,),
            ))
            for table in ("checkpoints", "writes")
        ))  # fmt: skip


def _next(checkpoints: Checkpoints, writes: Writes) -> Row | None:
    """The older of the next row of either table, the checkpoint if they are as old."""
    first, second = checkpoints.head(), writes.head()
    if first is not None and (second is None or first.at_us <= second.at_us):
        return checkpoints.pop()
    return writes.pop() if second is not None else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
