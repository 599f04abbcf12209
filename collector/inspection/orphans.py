"""Rows of a saver whose checkpoint is not there: their put failed, or somebody deleted it by hand.

Pending writes may come before the put of their checkpoint, as puts of a run wait for each other:
those of the last minute are left out, by the time that a checkpoint id has.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collector.inspection.findings import Findings

YOUNG_SECONDS = 60.0
_GREGORIAN = 0x01B21DD213814000
"""Ticks of 100 ns from 1582-10-15, where UUIDs begin, to 1970."""

_SAME = "c.thread_id = o.thread_id AND c.checkpoint_ns = o.checkpoint_ns"
_NO_CHECKPOINT = f"""checkpoint_id {{less}} '{{before}}' AND NOT EXISTS (
  SELECT 1 FROM checkpoints c WHERE {_SAME} AND c.checkpoint_id = o.checkpoint_id)"""
_NO_THREAD = f"NOT EXISTS (SELECT 1 FROM checkpoints c WHERE {_SAME})"

Rows = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Table:
    """A table that may have orphans."""

    name: str
    where: str
    length: str
    """Of a row's value, in SQL."""


SQLITE = (Table("writes", _NO_CHECKPOINT, "length(value)"),)
POSTGRES = (
    Table("checkpoint_writes", _NO_CHECKPOINT, "octet_length(blob)"),
    # Blobs of one checkpoint among others of its thread are not looked for: that takes a look into
    # the document of every checkpoint for each of them.
    Table("checkpoint_blobs", _NO_THREAD, "octet_length(blob)"),
)


def check(findings: Findings, tables: tuple[Table, ...], rows: Rows, less: str = "<") -> None:
    """Tell of each table.

    Args:
        findings: to add to.
        tables: of the backend.
        rows: runs a statement.
        less: compares checkpoint ids by their bytes.
    """
    for table in tables:
        where = table.where.format(less=less, before=made_before(time.time() - YOUNG_SECONDS))
        with findings.trying("orphans.size", "Rows without a checkpoint", table.name):
            ((count, size),) = rows(
                f"SELECT count(*), coalesce(sum({table.length}), 0) FROM {table.name} o "
                f"WHERE {where}"
            )
            findings.add(
                "orphans.rows", "Rows without a checkpoint", int(count), "rows", subject=table.name,
                status="warning" if count else "ok",
                why="Their checkpoint was never stored, as its put failed, or was deleted without "
                "them. Nothing reads them, and delete_thread alone removes them." if count else "",
                mend=_mend(table, where) if count else "", language="sql" if count else "",
            )  # fmt: skip
            findings.add("orphans.size", "Their content", int(size), "bytes", subject=table.name)


def _mend(table: Table, where: str) -> str:
    return f"DELETE FROM {table.name} AS o WHERE {where};"


def made_before(seconds: float) -> str:
    """The first checkpoint id (UUIDv6) that can be made at a time, seconds since 1970."""
    ticks = f"{int(seconds * 10_000_000) + _GREGORIAN:015x}"
    return f"{ticks[:8]}-{ticks[8:12]}-6{ticks[12:]}"
