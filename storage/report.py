"""What ``python -m storage`` prints: documented fields for scripts, see docs/store.md.

Each report is a function from a read connection and a ``Choice`` to rows, a dict each, whose keys
are fixed: adding one is fine, changing or removing one breaks scripts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import isnan
from typing import Any

from sqlalchemy import Connection

from storage import (
    report_alerts,
    report_costs,
    report_findings,
    report_processes,
    report_resources,
    report_serializing,
    report_threads,
)
from storage.queries_threads import read_threads
from storage.thread_filter import EVERY, Filter

Row = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """Which rows are wanted."""

    thread: str | None = None
    """Of this thread id only."""
    limit: int = 100
    """Most rows."""
    window_s: int = 3600
    """Of reports of a window: its length in seconds."""
    threads: Filter = EVERY
    """Of the report of threads: which."""
    sort: str = "stored"
    """Of the report of threads: its order, a name of ``queries_threads.SORTS``."""


def threads(connection: Connection, choice: Choice) -> list[Row]:
    """One row a thread of a storage, in the order asked for."""
    chosen = choice.threads
    if choice.thread is not None:
        chosen = replace(chosen, search=choice.thread, match="exact")
    frames = read_threads(connection.engine, chosen, choice.sort, choice.limit)
    rows = [row for frame in frames for row in frame.to_dict("records")]
    return [
        _chosen(
            row, "thread_id", "application", "graph", "backend", "saver", "steps", "live_bytes",
            "written_bytes", "stored_bytes", "metadata_bytes", "operations",
        ) | _seen(row) | {
            "saver": row["saver_label"],
            "gained_bytes": None if isnan(row["gained_bytes"]) else int(row["gained_bytes"]),
            "first_seen": _iso(row["first_seen_us"]),
            "last_seen": _iso(row["last_seen_us"]),
            "deleted": _iso(row["deleted_us"]) if row["deleted_us"] else None,
            "partial": bool(row["partial"]),
        }
        for row in rows
    ]  # fmt: skip


def _seen(row: Row) -> Row:
    """What only a probe tells of a thread's calls; of one that was found in a database, null."""
    names = ("errors", "duration_us", "serde_us")
    return {name: None if isnan(row[name]) else int(row[name]) for name in names}


def operations(connection: Connection, choice: Choice) -> list[Row]:
    """One row a call of a saver, newest first."""
    rows = _rows(
        connection,
        "SELECT o.*, t.thread_id, t.application, t.backend FROM operations o "
        "LEFT JOIN threads t ON t.id = o.thread_key "
        "WHERE (:thread IS NULL OR o.thread_key IN "
        "(SELECT id FROM threads WHERE thread_id = :thread)) ORDER BY o.id DESC LIMIT :limit",
        choice,
    )
    return [
        {"at": _iso(row["at_us"])}
        | _chosen(
            _timed(row), "operation", "thread_id", "application", "graph", "backend", "ns",
            "checkpoint", "parent", "step", "source", "node", "task", "run", "error",
            "duration_us", "serde_us", "serializer", "payload_bytes", "live_bytes",
            "metadata_bytes", "stored_delta_bytes", "rows",
        )
        | {"channels": json.loads(row["channels"])}
        for row in rows
    ]  # fmt: skip


def _timed(row: Row) -> Row:
    """Without the times of a call that nobody saw."""
    return row | {"duration_us": None, "serde_us": None} if row["duration_us"] < 0 else row


def channels(connection: Connection, choice: Choice) -> list[Row]:
    """One row a channel of a namespace of a thread; threads with most stored bytes first."""
    found: list[Row] = []
    for row in _rows(
        connection,
        "SELECT thread_id, application, backend, channels FROM threads "
        "WHERE (:thread IS NULL OR thread_id = :thread) "
        "ORDER BY stored_bytes DESC, id LIMIT :limit",
        choice,
    ):
        for ns, by_channel in json.loads(row["channels"]).items():
            for channel, (live, written, writes, elements) in by_channel.items():
                found.append(
                    _chosen(row, "thread_id", "application", "backend")
                    | {
                        "ns": ns, "channel": channel, "live_bytes": live,
                        "written_bytes": written, "writes": writes, "elements": elements,
                    }
                )  # fmt: skip
    return found[: choice.limit]


def health(connection: Connection, choice: Choice) -> list[Row]:
    """One row: the collector and what was lost."""
    del choice
    found = connection.exec_driver_sql("SELECT * FROM collector WHERE id = 1").mappings().all()
    row: Row = dict(found[0]) if found else {}
    dropped: dict[str, int] = {}
    failures = 0
    for text, count in connection.exec_driver_sql("SELECT dropped, failures FROM processes"):
        failures += count
        for reason, lost in json.loads(text).items():
            dropped[reason] = dropped.get(reason, 0) + lost
    lost = connection.exec_driver_sql(
        "SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM gaps"
    ).scalar_one()
    beat = row.get("heartbeat_us", 0)
    since = row.get("problem_since_us", 0)
    return [{
        "collector": f"{row['host']}:{row['pid']}" if row.get("holder") else None,
        "heartbeat": _iso(beat) if beat else None,
        "spool": row.get("spool", ""),
        "ingested": row.get("ingested", 0),
        "events_per_second": row.get("events_per_second", 0.0),
        "lag_bytes": row.get("lag_bytes", 0),
        "lag_events": row.get("lag_events", 0),
        "lag_seconds": row.get("lag_seconds", 0.0),
        "store_bytes": row.get("store_bytes", 0),
        "dead_letters": json.loads(row.get("dead_letters", "{}")),
        "dropped": dropped,
        "lost": int(lost),
        "failures": failures,
        "problem": row.get("problem", ""),
        "problem_since": _iso(since) if since else None,
    }]  # fmt: skip


REPORTS: dict[str, Callable[[Connection, Choice], list[Row]]] = {
    "threads": threads,
    "operations": operations,
    "channels": channels,
    "health": health,
    **report_threads.REPORTS,
    **report_resources.REPORTS,
    **report_costs.REPORTS,
    **report_serializing.REPORTS,
    **report_processes.REPORTS,
    **report_findings.REPORTS,
    **report_alerts.REPORTS,
}


def _rows(connection: Connection, sql: str, choice: Choice) -> list[Row]:
    parameters = {"thread": choice.thread, "limit": choice.limit}
    return [dict(row) for row in connection.exec_driver_sql(sql, parameters).mappings()]


def _chosen(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names}


def _iso(at_us: int) -> str:
    """ISO 8601 in UTC, to the microsecond."""
    seconds, micros = divmod(at_us, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{micros:06}Z"
