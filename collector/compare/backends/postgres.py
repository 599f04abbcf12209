"""PostgresSaver and AsyncPostgresSaver over a pool, in a schema of the job's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from collector.compare.place import CONNECT_SECONDS, STATEMENT_SECONDS, Account
from collector.inspection.url import Address
from storage.comparisons import Outcome

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


class Postgres:
    """See ``place.Place``."""

    pools = True
    how = "pg_total_relation_size of the three tables: heap, indexes and TOAST"

    def __init__(self, address: Address, schema: str) -> None:
        self._url = address.url
        self._schema = schema
        options = conninfo_to_dict(address.url).get("options") or ""
        self._options: dict[str, Any] = {
            "autocommit": True, "prepare_threshold": 0, "row_factory": dict_row,
            "connect_timeout": CONNECT_SECONDS, "application_name": "statemeter",
            "options": f"{options} -c search_path={schema} "
            f"-c statement_timeout={STATEMENT_SECONDS * 1000}".strip(),
        }  # fmt: skip
        self._connection: psycopg.Connection[Any] | None = None
        self._set_up = False

    def create(self) -> None:
        self._own().execute(f"CREATE SCHEMA {self._schema}")

    @contextmanager
    def saver(self, pool: int, serde: Any = None) -> Iterator[Any]:
        self._own()  # raises at once where a pool would try for half a minute
        with ConnectionPool(
            self._url, min_size=1, max_size=pool, kwargs=self._options, open=False,
            timeout=STATEMENT_SECONDS,
        ) as opened:  # fmt: skip
            opened.wait(STATEMENT_SECONDS)
            saver = PostgresSaver(opened, serde=serde)
            self._setup(saver)
            yield saver

    @asynccontextmanager
    async def asaver(self, pool: int, serde: Any = None) -> AsyncIterator[Any]:
        if not self._set_up:
            with self.saver(1):
                pass
        async with AsyncConnectionPool(
            self._url, min_size=1, max_size=pool, kwargs=self._options, open=False,
            timeout=STATEMENT_SECONDS,
        ) as opened:  # fmt: skip
            await opened.wait(STATEMENT_SECONDS)
            yield AsyncPostgresSaver(opened, serde=serde)

    def _setup(self, saver: Any) -> None:
        if not self._set_up:
            saver.setup()
            self._set_up = True

    def empty(self) -> None:
        if self._set_up:
            self._own().execute(f"TRUNCATE {', '.join(TABLES)}")

    def account(self) -> Account:
        row = self._own().execute(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint AS total, "
            "coalesce(sum(pg_relation_size(oid)), 0)::bigint AS heap, "
            "coalesce(sum(pg_indexes_size(oid)), 0)::bigint AS indexes, "
            "coalesce(sum(pg_total_relation_size(nullif(reltoastrelid, 0))), 0)::bigint AS toast "
            "FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relname = ANY(%s)",
            (self._schema, list(TABLES)),
        ).fetchone()  # fmt: skip
        assert row is not None
        parts = {name: int(row[name]) for name in ("heap", "indexes", "toast")}
        return Account(int(row["total"]), None, parts)

    def describe(self, outcome: Outcome) -> None:
        outcome.saver = "PostgresSaver, AsyncPostgresSaver"
        outcome.reach = "machines"
        rows = self._own().execute(
            "SELECT name, setting FROM pg_settings WHERE name IN "
            "('server_version', 'fsync', 'synchronous_commit')"
        )
        told = {row["name"]: row["setting"] for row in rows}
        outcome.server = f"PostgreSQL {told.get('server_version', '?').split()[0]}"
        outcome.keeps = True
        outcome.kept_how = (
            f"It writes to disk (fsync {told.get('fsync', '?')}, synchronous_commit "
            f"{told.get('synchronous_commit', '?')})."
        )
        if told.get("fsync") == "off":
            outcome.kept_how += " With fsync off, a crash of the machine may lose or damage data."

    def remove(self) -> None:
        self._own().execute(f"DROP SCHEMA IF EXISTS {self._schema} CASCADE")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _own(self) -> psycopg.Connection[Any]:
        """A connection beside the savers' ones."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, **self._options)
        return self._connection


def make(address: Address, token: str, folder: Path) -> Postgres:
    """See ``place.opened``."""
    return Postgres(address, token)
