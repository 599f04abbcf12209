"""A PostgreSQL database of PostgresSaver or ShallowPostgresSaver, attached.

A connection of its own, named ``statemeter``. Every statement is a transaction of its own that is
``READ ONLY``, with a timeout: none holds back vacuum for long (``collector.inspection.postgres``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any

import psycopg
from psycopg.rows import dict_row

from collector.attach import postgres_first, postgres_new, postgres_rows
from collector.attach.cursors import Cursor
from collector.attach.postgres_gauges import Gauges
from collector.attach.postgres_rows import Key
from collector.attach.source import Batch, Found, Held, SaverFacts, Total
from collector.inspection import limits, postgres, postgres_setup, url
from collector.inspection.errors import CouldNotLook
from collector.inspection.url import Address

_NEEDED = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
_COLUMNS = (
    "SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = %s AND a.attnum > 0 "
    "AND NOT a.attisdropped"
)
_CHANGES = (
    "SELECT sum(n_tup_ins), sum(n_tup_upd), sum(n_tup_del), "
    "(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() "
    "ELSE pg_current_wal_insert_lsn() END)::text "
    "FROM pg_catalog.pg_stat_all_tables WHERE relid = ANY(%s)"
)
LAG_SECONDS = 10.0
"""A session tells its statistics when it has been idle for so long (PostgreSQL 15 and later), at
its next statement (before), and on a standby never."""
_COUNTS = "SELECT thread_id, count(*) FROM checkpoints WHERE thread_id = ANY(%s) GROUP BY thread_id"


@contextmanager
def opened(address: Address) -> Iterator[Postgres]:
    """The database of an address.

    Raises:
        CouldNotLook: it cannot be reached, or has no tables of a saver.
    """
    with postgres.connected(address) as (connection, _):
        reader = postgres.Reader(connection, limits.from_settings(seconds=inf))
        try:
            tables = postgres_setup.tables(reader)
            missing = [name for name in _NEEDED if name not in tables]
            if missing:
                raise CouldNotLook(
                    f"{address.shown} has no table {', '.join(missing)} that this user sees. Name "
                    "the database of the saver (?options=-csearch_path%3Dschema for another "
                    "schema), or run saver.setup() there."
                )
            source = Postgres(connection, reader, tables)
        except psycopg.Error as error:
            raise postgres.refused(address, error) from None
        yield source


class Postgres:
    """A ``Source``."""

    failures: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(
        self, connection: psycopg.Connection[Any], reader: postgres.Reader, tables: dict[str, int]
    ) -> None:
        columns = {
            name: {row[0] for row in reader.rows(_COLUMNS, tables[name])}
            for name in ("checkpoints", "checkpoint_writes")
        }
        self.latest = "checkpoint_id" not in columns["checkpoints"]
        self.statements = postgres_rows.statements(
            self.latest, "task_path" in columns["checkpoint_writes"]
        )
        self._reader = reader
        self._connection = connection
        self._relations = [tables[name] for name in _NEEDED]
        self._gauges = Gauges(reader, {name: tables[name] for name in _NEEDED}, self.latest)
        self._changes: tuple[Any, Any, float] = (None, None, 0.0)
        self._new = postgres_new.New(self)

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """All rows of a statement, which is one short transaction."""
        return self._reader.rows(sql, *values)

    def named_rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """The same, columns by their names."""
        self._connection.row_factory = dict_row
        try:
            return self._reader.rows(sql, *values)  # type: ignore[return-value]
        finally:
            self._connection.row_factory = psycopg.rows.tuple_row

    def saver(self) -> SaverFacts:
        """See ``Source``."""
        identity, label = postgres.place_of(self._connection)
        layout = "latest" if self.latest else "channels"
        return SaverFacts(
            key=url.storage_key("postgres", f"{identity} latest" if self.latest else identity),
            backend="postgres",
            class_name="ShallowPostgresSaver" if self.latest else "PostgresSaver",
            layout=layout, label=label,
        )  # fmt: skip

    def total(self) -> Total:
        """See ``Source``. Bytes are unknown: their sum would look at every row."""
        return Total(self._gauges.checkpoints())

    def read(self, cursor: str) -> Iterator[Batch]:
        """See ``Source``: the first pass thread by thread, each in the order of its checkpoint ids;
        what comes after it is found by the ids (``postgres_new``)."""
        at = Cursor.of(cursor)
        if at.key is not None:
            yield from postgres_first.read(self, self._new, at)
        yield from self._new.read(at)

    def changed(self) -> bool:
        """See ``Source``: by the statistics of the tables; and where something was written on the
        server and they tell nothing, every ``LAG_SECONDS``."""
        *counts, written = self.rows(_CHANGES, self._relations)[0]
        now = time.monotonic()
        if self._new.waits:
            return True
        if (counts, written) == self._changes[:2]:
            return False
        if counts == self._changes[0] and now - self._changes[2] < LAG_SECONDS:
            return False
        self._changes = (counts, written, now)
        return True

    def gauges(self) -> dict[str, int]:
        """See ``Source``."""
        return self._gauges.read()

    def counts(self, threads: Sequence[str]) -> dict[str, int]:
        """See ``Source``."""
        return dict(self.rows(_COUNTS, list(threads)))

    def held(self, thread: str) -> Held:
        """See ``Source``."""
        key = "checkpoint ->> 'id'" if self.latest else "checkpoint_id"
        found = self.rows(
            f"SELECT checkpoint_ns, {key} FROM checkpoints WHERE thread_id = %s", thread
        )
        writes = self.rows(
            "SELECT DISTINCT checkpoint_ns, checkpoint_id FROM checkpoint_writes "
            "WHERE thread_id = %s",
            thread,
        )
        self._new.shortened(thread)
        return Held(set(found), set(writes))

    def checkpoints(
        self, rows: Sequence[Mapping[str, Any]], told: postgres_new.Told
    ) -> tuple[list[Found], int]:
        """What rows of checkpoints tell, with a statement for the blobs; and the bytes of it.

        Args:
            rows: of ``Statements.given``.
            told: what was told before, by which a row without its parent is understood.
        """
        asked: list[tuple[int, str]] = []
        each: list[list[str]] = []
        for number, row in enumerate(rows):
            changed, names = postgres_rows.wanted(row, told.before(row))
            each.append(changed)
            asked += [(number, name) for name in names]
        columns = [
            [rows[n]["thread_id"] for n, _ in asked], [rows[n]["checkpoint_ns"] for n, _ in asked],
            [name for _, name in asked], [str(rows[n]["versions"][name]) for n, name in asked],
        ]  # fmt: skip
        blobs: list[dict[str, postgres_rows.Blob]] = [{} for _ in rows]
        for n, tag, size in self.rows(self.statements.blobs, *columns) if asked else ():
            number, name = asked[n - 1]
            blobs[number][name] = (tag, size or 0)
        found: list[Found] = []
        size = 0
        for row, changed, held in zip(rows, each, blobs, strict=True):
            one = postgres_rows.checkpoint(row, changed, held)
            one.blob_bytes = told.blob_bytes(row, one, held)
            found.append(one)
            size += one.document_bytes + one.blob_bytes
        return found, size

    def pending(self, keys: Sequence[Key]) -> list[Any]:
        """Rows of the pending writes of some checkpoints."""
        columns = [list(column) for column in zip(*keys, strict=True)]
        return self.rows(self.statements.writes_of, *columns) if keys else []
