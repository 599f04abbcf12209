"""Regions that an application marked: time and memory by name."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from sqlalchemy import Engine, text

from storage.migrations import CHANGES
from storage.queries import fetch, now_us, reading
from storage.queries_health import KINDS_SINCE, RECENT_US
from storage.queries_resources import has_tables

SINCE = next(change.version for change in CHANGES if change.name == "regions of applications")
"""Schema that has them."""
MOST = 200
COLUMNS = (
    "name", "node", "count", "errors", "mean_us", "longest_us", "change_bytes", "most_bytes",
    "peak_bytes", "looked",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """An instrumented process, as it told of itself."""

    incarnation: str
    application: str
    host: str
    pid: int
    alive: bool
    """It reported a moment ago, and has not ended."""


def processes(engine: Engine, at_us: int | None = None) -> list[Told]:
    """Instrumented processes, those that live first, the newest first; at most 100."""
    recent = (now_us() if at_us is None else at_us) - RECENT_US
    with reading(engine) as connection:
        where = "WHERE kind = ''" if has_tables(connection, KINDS_SINCE) else ""
        rows = connection.execute(
            text(
                "SELECT incarnation, application, host, pid, "
                f"ended = 0 AND last_seen_us >= :recent AS alive FROM processes {where} "
                "ORDER BY alive DESC, first_seen_us DESC LIMIT 100"
            ),
            {"recent": recent},
        ).all()
    return [
        Told(incarnation, application, host, pid, bool(alive))
        for incarnation, application, host, pid, alive in rows
    ]


def regions(engine: Engine, incarnation: str, since_us: int = 0) -> pd.DataFrame:
    """Regions of a process, those first whose memory rose most.

    A row for each name and node: count, errors (count), mean_us, longest_us, change_bytes
    (resident memory after less before, all together), most_bytes (the largest such rise of one),
    peak_bytes (the highest that was read of one: before, after, or in between), looked (of so many
    something was read in between; with less than count, the peak may have been higher).
    """
    with reading(engine) as connection:
        if not has_tables(connection, SINCE):
            return pd.DataFrame(columns=list(COLUMNS))
        process = connection.execute(
            text("SELECT id FROM processes WHERE incarnation = :one"), {"one": incarnation}
        ).scalar()
        return fetch(
            connection,
            "SELECT name, node, count(*) AS count, sum(error <> '') AS errors, "
            "avg(duration_us) AS mean_us, max(duration_us) AS longest_us, "
            "sum(after_bytes - before_bytes) AS change_bytes, "
            "max(after_bytes - before_bytes) AS most_bytes, "
            "max(coalesce(peak_bytes, CASE WHEN before_bytes > after_bytes THEN before_bytes "
            "ELSE after_bytes END)) AS peak_bytes, count(peak_bytes) AS looked "
            "FROM regions WHERE process_id = :process AND at_us >= :since "
            f"GROUP BY name, node ORDER BY change_bytes DESC, name, node LIMIT {MOST}",
            process=process, since=since_us,
        )  # fmt: skip
