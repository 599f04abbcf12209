"""EXPLAIN of the look-ups that PostgresSaver and PostgresStore make; none of them is run.

A small table is read whole even where there is an index, rightly. So each statement is planned
twice: as it would run now, and with sequential scans discouraged, which shows whether any index
serves it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.inspection.findings import Findings
from collector.inspection.limits import Limits
from collector.inspection.postgres_setup import KEYS, SHALLOW_KEYS, is_shallow

if TYPE_CHECKING:
    from collector.inspection.postgres import Reader

_NO_SCANS = "SET LOCAL enable_seqscan = off"


@dataclass(frozen=True)
class Lookup:
    """A look-up and the index that serves it."""

    table: str
    what: str
    sql: str
    column: str
    """The condition on it has to be answered by an index."""
    mend: str


def _primary(table: str, keys: dict[str, str] = KEYS) -> str:
    return f"CREATE UNIQUE INDEX CONCURRENTLY {table}_key ON {table} ({keys[table]});"


BY_KEY = (
    Lookup(
        "checkpoints", "the newest checkpoint of a thread",
        "SELECT thread_id, checkpoint, checkpoint_ns, metadata FROM checkpoints "
        "WHERE thread_id = 'x' AND checkpoint_ns = '' ORDER BY checkpoint_id DESC LIMIT 1",
        "thread_id", _primary("checkpoints"),
    ),
    Lookup(
        "checkpoint_blobs", "the values of a checkpoint",
        "SELECT channel, type, blob FROM checkpoint_blobs WHERE thread_id = 'x' "
        "AND checkpoint_ns = '' AND channel = 'x' AND version = 'x'",
        "thread_id", _primary("checkpoint_blobs"),
    ),
    Lookup(
        "checkpoint_writes", "the pending writes of a checkpoint",
        "SELECT task_id, channel, type, blob FROM checkpoint_writes "
        "WHERE thread_id = 'x' AND checkpoint_ns = '' AND checkpoint_id = 'x'",
        "thread_id",
        _primary("checkpoint_writes"),
    ),
    Lookup(
        "store", "an item of the store",
        "SELECT key, value, created_at, updated_at FROM store WHERE prefix = 'x' AND key = 'x'",
        "prefix", _primary("store"),
    ),
)  # fmt: skip

SHALLOW = (
    Lookup(
        "checkpoints", "the checkpoint of a thread",
        "SELECT thread_id, checkpoint, checkpoint_ns, metadata FROM checkpoints "
        "WHERE thread_id = 'x' AND checkpoint_ns = ''",
        "thread_id", _primary("checkpoints", SHALLOW_KEYS),
    ),
    Lookup(
        "checkpoint_blobs", "the values of a checkpoint",
        "SELECT channel, type, blob FROM checkpoint_blobs WHERE thread_id = 'x' "
        "AND checkpoint_ns = '' AND channel = 'x'",
        "thread_id", _primary("checkpoint_blobs", SHALLOW_KEYS),
    ),
    *BY_KEY[2:],
)  # fmt: skip
"""Those of ShallowPostgresSaver."""

_INDEX = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoints_metadata_idx "
    "ON checkpoints USING gin (metadata jsonb_path_ops);"
)


def by_metadata(key: str) -> Lookup:
    """``list(None, filter={key: …})``."""
    return Lookup(
        "checkpoints", f"metadata {key}",
        "SELECT thread_id, checkpoint, checkpoint_ns, metadata FROM checkpoints "
        f"WHERE metadata @> '{json.dumps({key: 'x'})}' ORDER BY checkpoint_id DESC",
        "metadata", _INDEX,
    )  # fmt: skip


def check(reader: Reader, tables: dict[str, int], findings: Findings, limits: Limits) -> None:
    """Tell of each look-up whether an index serves it."""
    for lookup in SHALLOW if is_shallow(reader, tables) else BY_KEY:
        if lookup.table in tables:
            with findings.trying("lookup.key", f"Look-up of {lookup.what}", lookup.table):
                _check_key(reader, lookup, findings)
    if "checkpoints" in tables:
        for key in ("run_id", *limits.filters):
            with findings.trying("lookup.metadata", "Look-up by metadata", key):
                _check_metadata(reader, key, findings, limits)


def _plan(reader: Reader, lookup: Lookup, before: str = "") -> list[dict[str, Any]]:
    (row,) = reader.rows(f"EXPLAIN (FORMAT JSON) {lookup.sql}", before=before)
    plans = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    return list(_nodes(plans[0]["Plan"]))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _index_of(plan: list[dict[str, Any]], column: str) -> str:
    """The index that answers the condition on a column; empty: none does."""
    for node in plan:
        # An index may also be read from end to end, with the condition as a mere filter.
        if column in node.get("Index Cond", ""):
            return str(node.get("Index Name", "an index"))
    return ""


def _check_key(reader: Reader, lookup: Lookup, findings: Findings) -> None:
    index = _index_of(_plan(reader, lookup, _NO_SCANS), lookup.column)
    findings.add(
        "lookup.key", f"Look-up of {lookup.what}", index or "reads the whole table",
        subject=lookup.table,
        status="ok" if index else "critical",
        why="" if index else f"Neither primary key nor index of {lookup.table} serves it: each "
        "step of a graph reads all of the table.",
        mend="" if index else lookup.mend, language="" if index else "sql",
    )  # fmt: skip


def _check_metadata(reader: Reader, key: str, findings: Findings, limits: Limits) -> None:
    lookup = by_metadata(key)
    index = _index_of(_plan(reader, lookup, _NO_SCANS), lookup.column)
    rows = reader.one(
        "SELECT greatest(c.reltuples, coalesce(s.n_live_tup, 0))::bigint "
        "FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid "
        "WHERE c.oid = 'checkpoints'::regclass"
    )
    now = _index_of(_plan(reader, lookup), lookup.column)
    many = not index and rows >= limits.scan_rows
    told = key in limits.filters
    findings.add(
        "lookup.metadata", "Look-up by metadata", index or "reads the whole table", subject=key,
        status="warning" if many else "ok",
        why=(
            f"list(filter={{{key!r}: …}}) reads the metadata of all {max(rows, 0):,} checkpoints. "
            + ("" if many else "That is quick while they are few. ")
            + ("" if told else "It matters if the application or its tools look runs up so.")
        ).strip() if not index else "" if now else "The table is so small that it is read whole.",
        mend="" if index else lookup.mend, language="" if index else "sql",
    )  # fmt: skip
