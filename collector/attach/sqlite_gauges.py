"""How much a file of SqliteSaver holds: counts, orphans, dead space."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

_COUNTS = {
    # All but the last are answered by indexes alone.
    "checkpoints": "SELECT count(*) FROM checkpoints",
    "threads": "SELECT count(*) FROM (SELECT DISTINCT thread_id FROM checkpoints)",
    "namespaces": "SELECT count(*) FROM "
    "(SELECT DISTINCT thread_id, checkpoint_ns FROM checkpoints)",
    "writes": "SELECT count(*) FROM writes",
}
_ORPHANS = (
    "SELECT count(*), coalesce(sum(length(CAST(value AS BLOB))), 0) FROM writes AS w WHERE NOT "
    "EXISTS (SELECT 1 FROM checkpoints AS c WHERE c.thread_id = w.thread_id AND "
    "c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)"
)


def measure(rows: Callable[[str], list[Any]]) -> dict[str, int]:
    """Each by itself; one that takes longer than a statement may is absent."""
    page_bytes = rows("PRAGMA page_size")[0][0]
    found = {"dead_bytes": rows("PRAGMA freelist_count")[0][0] * page_bytes}
    for name, sql in _COUNTS.items():
        for row in _in_time(rows, sql):
            found[name] = row[0]
    for count, size in _in_time(rows, _ORPHANS):
        found |= {"orphan_writes": count, "orphan_write_bytes": size}
    return found


def _in_time(rows: Callable[[str], list[Any]], sql: str) -> list[Any]:
    try:
        return rows(sql)
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_INTERRUPT:
            raise
        return []
