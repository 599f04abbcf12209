"""A look into a PostgreSQL database of PostgresSaver or PostgresStore.

One connection of its own, named ``statemeter`` in ``pg_stat_activity``. Each step is a short
transaction that is ``READ ONLY`` with timeouts of its own, so that it stays so behind a pooler too,
which may hand out another session each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from collector.inspection import (
    orphans,
    postgres_activity,
    postgres_lookups,
    postgres_setup,
    postgres_tables,
    url,
)
from collector.inspection.errors import CouldNotLook
from collector.inspection.findings import Findings
from collector.inspection.limits import CONNECT_SECONDS, STATEMENT_SECONDS, Limits
from collector.inspection.url import Address

_GUARDS = (
    "-c default_transaction_read_only=on "
    f"-c statement_timeout={STATEMENT_SECONDS * 1000} "
    f"-c idle_in_transaction_session_timeout={STATEMENT_SECONDS * 6000} -c lock_timeout=1000"
)
_FIXES = (
    # what the driver says → what to do
    ("password authentication failed", "Check user and password."),
    ("no password supplied", "Give the password in the URL, or in PGPASSWORD or ~/.pgpass."),
    ("no pg_hba.conf entry", "Let this host in, in the server's pg_hba.conf."),
    ('database "', "Check the name of the database; psql -l lists those there are."),
    ('role "', "Check the name of the user."),
    ("permission denied", "Give the user CONNECT on the database: GRANT CONNECT."),
    ("too many", "Wait until connections are free, or raise max_connections."),
    ("starting up", "Look again in a moment."),
    ("Connection refused", "Start the server, or check host and port."),
    ("timeout expired", "Check host, port and the firewall between."),
    ("resolve host", "Check the name of the host."),
    ("No such file or directory", "Give the host in the URL, or start the server on this machine."),
    ("SSL", "Check sslmode and the certificates in the URL."),
    ("invalid", "Check the URL: postgresql://user:password@host:port/database?option=value."),
)


class Reader:
    """Statements that only read, each in a transaction of its own."""

    def __init__(self, connection: psycopg.Connection[TupleRow], limits: Limits) -> None:
        self._connection = connection
        self._limits = limits

    def rows(self, sql: str, *values: Any, before: str = "") -> list[TupleRow]:
        """All rows of a statement.

        Args:
            sql: with ``%s`` for values.
            values: are bound.
            before: a ``SET LOCAL`` for this statement alone.

        Raises:
            psycopg.Error: refused, or not done in time.
        """
        seconds = self._limits.seconds_left(STATEMENT_SECONDS)
        with self._connection.transaction():
            self._connection.execute("SET TRANSACTION READ ONLY")
            self._connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
            if before:
                self._connection.execute(before)
            return self._connection.execute(sql, values or None).fetchall()

    def one(self, sql: str, *values: Any) -> Any:
        """The first value of the first row."""
        return self.rows(sql, *values)[0][0]


def look(address: Address, limits: Limits) -> tuple[str, str, str, Findings]:
    """Identity, label, server and findings of a database.

    Raises:
        CouldNotLook: it cannot be reached, refuses the login, or has nothing of LangGraph.
    """
    with connected(address) as (connection, pooled):
        reader = Reader(connection, limits)
        findings = Findings((psycopg.Error,), lambda error: _tell(error, address))
        try:
            tables = postgres_setup.tables(reader)
            version = reader.one("SHOW server_version")
        except psycopg.Error as error:
            raise CouldNotLook(
                f"{address.shown} cannot be read: {_tell(error, address)} "
                "Look as a user that may read it."
            ) from None
        if pooled:
            _tell_pooler(findings)
        postgres_setup.check(reader, tables, address, findings)
        for name in sorted(postgres_setup.KEYS.keys() & tables.keys()):
            with findings.trying("table.size", "Size", name):
                postgres_tables.check(reader, name, tables[name], findings, limits)
        if "store" in tables:
            with findings.trying("store.expired", "Expired items"):
                postgres_tables.check_expired(reader, findings)
        if {"checkpoints", *(one.name for one in orphans.POSTGRES)} <= tables.keys():
            orphans.check(findings, orphans.POSTGRES, reader.rows, less='COLLATE "C" <')
        with findings.trying("activity.idle", "Idle transactions"):
            postgres_activity.check(reader, findings, limits)
        with findings.trying("lookup.key", "Look-ups"):
            postgres_lookups.check(reader, tables, findings, limits)
        identity, label = place_of(connection)
    return identity, label, f"PostgreSQL {version.split()[0]}", findings


def place_of(connection: psycopg.Connection[TupleRow]) -> tuple[str, str]:
    """Identity and label of the database at the other end."""
    info = connection.info
    host = info.host if "host" in info.get_parameters() else info.hostaddr
    return url.at_server("postgres", host, info.port, info.dbname)


@contextmanager
def connected(address: Address) -> Iterator[tuple[psycopg.Connection[TupleRow], bool]]:
    """A connection, and whether a pooler is seen to be in between."""
    try:
        # What the user's URL says of these would weaken or replace our own.
        options = conninfo_to_dict(address.url).get("options") or ""
    except psycopg.Error as error:
        raise refused(address, error) from None
    pooled = False
    try:
        connection = _connect(address, options=f"{options} {_GUARDS}".strip())
    except psycopg.OperationalError as error:
        if "unsupported startup parameter" not in str(error):
            raise refused(address, error) from None
        pooled = True  # PgBouncer takes few parameters; transactions still guard themselves
        try:
            connection = _connect(address, options="")
        except psycopg.OperationalError as second:
            raise refused(address, second) from None
    with connection:
        yield connection, pooled


def _connect(address: Address, options: str) -> psycopg.Connection[TupleRow]:
    return psycopg.connect(
        address.url,
        autocommit=True,
        prepare_threshold=None,  # a pooler in transaction mode has no prepared statements
        connect_timeout=CONNECT_SECONDS,
        application_name="statemeter",
        options=options,
    )


def refused(address: Address, error: psycopg.Error) -> CouldNotLook:
    said = _tell(error, address)
    fix = next((fix for part, fix in _FIXES if part in said), "Check the URL.")
    return CouldNotLook(f"{address.shown} cannot be reached: {said} {fix}")


def _tell(error: Exception, address: Address) -> str:
    if isinstance(error, psycopg.errors.QueryCanceled):
        return "It takes longer than a look may."
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return f"This user may not: {error.diag.message_primary}."
    text = re.split(r"\n(?:\t|DETAIL:|LINE )", str(error))[0]
    said = address.scrubbed(text.removeprefix("connection failed: "))
    return said if said.endswith(".") else said + "."


def _tell_pooler(findings: Findings) -> None:
    findings.add(
        "pooler", "Connection pooler", "PgBouncer",
        why="It refused a startup parameter, as PgBouncer does. In its transaction mode, prepared "
        "statements fail at times: make the saver's connections with prepare_threshold=None.",
        mend="ConnectionPool(url, kwargs={'autocommit': True, 'prepare_threshold': None, "
        "'row_factory': dict_row})",
        language="python",
    )  # fmt: skip
