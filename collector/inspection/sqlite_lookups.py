"""EXPLAIN QUERY PLAN of the look-ups that SqliteSaver and SqliteStore make.

The statements are those of langgraph-checkpoint-sqlite 3.1.2; a test compares them with what the
installed one writes. An expression index is used only where its text matches theirs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from collector.inspection.findings import Findings
from collector.inspection.limits import Limits

if TYPE_CHECKING:
    from collector.inspection.sqlite_file import File

_COLUMNS = (
    "thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata"
)

BY_THREAD = {
    "checkpoints": (
        "the newest checkpoint of a thread",
        f"SELECT {_COLUMNS} FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? "
        "ORDER BY checkpoint_id DESC LIMIT 1",
        "CREATE UNIQUE INDEX IF NOT EXISTS checkpoints_by_thread "
        "ON checkpoints (thread_id, checkpoint_ns, checkpoint_id);",
    ),
    "writes": (
        "the pending writes of a checkpoint",
        "SELECT task_id, channel, type, value, idx FROM writes "
        "WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?",
        "CREATE UNIQUE INDEX IF NOT EXISTS writes_by_checkpoint "
        "ON writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx);",
    ),
    "store": (
        "an item of the store",
        "SELECT key, value, created_at, updated_at FROM store WHERE prefix = ? AND key IN (?)",
        "CREATE UNIQUE INDEX IF NOT EXISTS store_by_key ON store (prefix, key);",
    ),
}
"""Table → what is looked for, the statement, the index that serves it."""


def expression(key: str) -> str:
    """A metadata key as SqliteSaver writes it."""
    return f"json_extract(CAST(metadata AS TEXT), '$.{key}')"


def filter_statement(key: str) -> str:
    """``list(None, filter={key: …})``."""
    return (
        f"SELECT {_COLUMNS} FROM checkpoints WHERE {expression(key)} = ? "
        "ORDER BY checkpoint_id DESC"
    )


def check(file: File, tables: set[str], findings: Findings, limits: Limits) -> None:
    """Tell of each look-up whether an index serves it."""
    for table, (what, sql, index) in BY_THREAD.items():
        if table in tables:
            with findings.trying("lookup.key", f"Look-up of {what}", table):
                _check_key(file, table, (what, sql, index), findings)
    if "checkpoints" in tables:
        for key in ("run_id", *limits.filters):
            with findings.trying("lookup.metadata", "Look-up by metadata", key):
                _check_filter(file, key, findings, limits)


def _plan(file: File, sql: str) -> str:
    rows = file.rows("EXPLAIN QUERY PLAN " + sql, ("",) * sql.count("?"))
    return "; ".join(row[3] for row in rows)


def _check_key(file: File, table: str, known: tuple[str, str, str], findings: Findings) -> None:
    what, sql, index = known
    plan = _plan(file, sql)
    scans = f"SCAN {table}" in plan
    findings.add(
        "lookup.key", f"Look-up of {what}", "reads the whole table" if scans else "index",
        subject=table,
        status="critical" if scans else "ok",
        why=f"The table was made without its primary key: each step of a graph reads all of "
        f"{table}. SQLite plans: {plan}." if scans else "",
        mend=index if scans else "", language="sql" if scans else "",
    )  # fmt: skip


def _check_filter(file: File, key: str, findings: Findings, limits: Limits) -> None:
    plan = _plan(file, filter_statement(key))
    scans = "SCAN checkpoints" in plan
    rows = file.one("SELECT coalesce(max(rowid), 0) FROM checkpoints")
    many = scans and rows >= limits.scan_rows
    told = key in limits.filters
    findings.add(
        "lookup.metadata", "Look-up by metadata",
        "reads the whole table" if scans else "index", subject=key,
        status="warning" if many else "ok",
        why=(
            f"list(filter={{{key!r}: …}}) parses the metadata of all {rows:,} checkpoints. "
            + ("" if many else "That is quick while they are few. ")
            + ("" if told else "It matters if the application or its tools look runs up so.")
        ).strip() if scans else "",
        mend=_index(key) if scans else "", language="sql" if scans else "",
    )  # fmt: skip


def _index(key: str) -> str:
    name = "checkpoints_by_" + re.sub(r"\W", "_", key)
    return (
        f"CREATE INDEX IF NOT EXISTS {name} ON checkpoints ({expression(key)}, checkpoint_id DESC);"
    )
