"""Tables of a SQLite file: how much they hold, and whether ``setup()`` made all of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.inspection import installed
from collector.inspection.findings import Findings

if TYPE_CHECKING:
    from collector.inspection.sqlite_file import File

COUNT_SECONDS = 2.0
"""For the exact figures of a table; beyond it they are estimated from its newest rows."""
_SAMPLE_ROWS = 500
_SWEEP_LATE = "-1 hours"  # a sweeper runs every few minutes


@dataclass(frozen=True)
class Table:
    """A table of LangGraph."""

    columns: str
    """Those that hold content, summed by length."""
    owner: str
    indexes: tuple[tuple[str, str], ...] = ()
    """(name, statement) that ``setup()`` makes."""


TABLES = {
    "checkpoints": Table("checkpoint metadata", "SqliteSaver"),
    "writes": Table("value", "SqliteSaver"),
    "store": Table(
        "value",
        "SqliteStore",
        (
            ("store_prefix_idx", "CREATE INDEX IF NOT EXISTS store_prefix_idx ON store (prefix);"),
            (
                "idx_store_expires_at",
                "CREATE INDEX IF NOT EXISTS idx_store_expires_at ON store (expires_at) "
                "WHERE expires_at IS NOT NULL;",
            ),
        ),
    ),
    "store_vectors": Table("embedding", "SqliteStore"),
    "cache": Table("val", "SqliteCache"),
}

SETUP_SAVER = (
    "from langgraph.checkpoint.sqlite import SqliteSaver\n"
    "with SqliteSaver.from_conn_string(path) as saver:\n"
    "    saver.setup()"
)
SETUP_STORE = (
    "from langgraph.store.sqlite import SqliteStore\n"
    "with SqliteStore.from_conn_string(path) as store:\n"
    "    store.setup()"
)


def check(file: File, tables: set[str], findings: Findings) -> None:
    """Tell of each table, and of what is missing."""
    _check_setup(file, tables, findings)
    indexes = {name for (name,) in file.rows("SELECT name FROM sqlite_schema WHERE type = 'index'")}
    for name, table in TABLES.items():
        if name not in tables:
            continue
        with findings.trying("table.size", "Content of the table", name):
            _check_size(file, name, table, findings)
        for index, statement in table.indexes:
            missing = index not in indexes
            findings.add(
                "index", "Index", "missing" if missing else "there", subject=index,
                status="warning" if missing else "ok",
                why=f"{table.owner} makes it in setup(); without it, look-ups read all of {name}."
                if missing else "",
                mend=statement if missing else "", language="sql" if missing else "",
            )  # fmt: skip
    if "store" in tables:
        with findings.trying("store.expired", "Expired items"):
            _check_expired(file, findings)


def _check_setup(file: File, tables: set[str], findings: Findings) -> None:
    if not tables:
        findings.add(
            "setup", "Tables of LangGraph", "none", status="critical",
            why="The file is empty: no saver has used it yet, or another file is in use.",
            mend=SETUP_SAVER, language="python",
        )  # fmt: skip
        return
    saver = {"checkpoints", "writes"}
    if len(tables & saver) == 1:
        findings.add(
            "setup", "Tables of SqliteSaver", f"{(saver - tables).pop()} is missing",
            status="critical", why="Every run fails with 'no such table'.",
            mend=SETUP_SAVER, language="python",
        )  # fmt: skip
    elif saver <= tables:
        _check_task_path(file, findings)
    if "store" in tables or "store_migrations" in tables:
        _check_store_version(file, tables, findings)


def _check_task_path(file: File, findings: Findings) -> None:
    columns = {row[1] for row in file.rows("PRAGMA table_info(writes)")}
    old = "task_path" not in columns
    findings.add(
        "setup", "Tables of SqliteSaver", "writes has no task_path" if old else "complete",
        status="warning" if old else "ok",
        why="An older langgraph-checkpoint-sqlite made them. The present one adds the column when "
        "it first writes; a reader without the right to write does not." if old else "",
        mend="ALTER TABLE writes ADD COLUMN task_path TEXT NOT NULL DEFAULT '';" if old else "",
        language="sql" if old else "",
    )  # fmt: skip


def _check_store_version(file: File, tables: set[str], findings: Findings) -> None:
    newest, source = installed.newest("sqlite store")
    version = -1
    if "store_migrations" in tables:
        version = file.one("SELECT coalesce(max(v), -1) FROM store_migrations")
    behind = version < newest or "store" not in tables
    findings.add(
        "setup.store", "Migrations of SqliteStore", f"{version} of {newest}",
        status="critical" if behind else "ok",
        why=f"setup() was not run since {source} was installed: items cannot be read or written."
        if behind else f"{source} knows {newest}.",
        mend=SETUP_STORE if behind else "", language="python" if behind else "",
    )  # fmt: skip


def _check_size(file: File, name: str, table: Table, findings: Findings) -> None:
    lengths = "+".join(f"coalesce(length({column}), 0)" for column in table.columns.split())
    estimate = False
    try:
        sql = f"SELECT count(*), coalesce(sum({lengths}), 0) FROM {name}"
        ((rows, size),) = file.rows(sql, seconds=COUNT_SECONDS)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        estimate = True
        rows = file.one(f"SELECT coalesce(max(rowid), 0) FROM {name}")
        newest = f"SELECT {lengths} AS bytes FROM {name} ORDER BY rowid DESC LIMIT {_SAMPLE_ROWS}"
        size = int(rows * (file.one(f"SELECT avg(bytes) FROM ({newest})") or 0))
    why = f"Too many to count in {COUNT_SECONDS:.0f} s: most that there can be." if estimate else ""
    findings.add("table.rows", "Rows", rows, "rows", subject=name, estimate=estimate, why=why)
    findings.add(
        "table.size", "Content of the table", size, "bytes", subject=name, estimate=estimate,
        why=f"Mean of the newest {_SAMPLE_ROWS} rows times the rows." if estimate else "",
    )  # fmt: skip


def _check_expired(file: File, findings: Findings) -> None:
    columns = {row[1] for row in file.rows("PRAGMA table_info(store)")}
    if "expires_at" not in columns:
        return
    late = "expires_at < datetime('now', ?)"
    count = file.one(f"SELECT count(*) FROM store WHERE {late}", (_SWEEP_LATE,))
    findings.add(
        "store.expired", "Items expired for more than an hour", count, "rows",
        status="warning" if count else "ok",
        why="No TTL sweeper runs: call store.start_ttl_sweeper() after opening the store."
        if count else "",
        mend=f"DELETE FROM store WHERE expires_at < datetime('now', '{_SWEEP_LATE}');"
        if count else "",
        language="sql" if count else "",
    )  # fmt: skip
