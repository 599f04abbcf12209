"""The collector and the instrumented processes: is what the pages show complete and fresh?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec
import pandas as pd
from sqlalchemy import Connection, Engine, text

from storage.queries import SECOND_US, fetch, now_us, reading
from storage.queries_resources import has_tables

STALE_AFTER_US = 8 * SECOND_US
"""Silence of the collector after which its figures count as old; it reports once a second."""

RECENT_US = 30 * SECOND_US
KINDS_SINCE = 5
"""Schema that tells processes of ours from instrumented ones."""
"""A process that was silent for longer is not listed; probes report once a second."""


@dataclass(frozen=True)
class Health:
    """The collector's own report, and what was lost on the way."""

    heartbeat_us: int = 0
    """When the collector last reported, 0: never."""
    at_us: int = 0
    """When this was read."""
    spool: str = ""
    ingested: int = 0
    """Events stored ever, count."""
    events_per_second: float = 0.0
    lag_bytes: int = 0
    lag_events: int = 0
    lag_seconds: float = 0.0
    backlog_bytes: int = 0
    """Bytes that waited when the present drain began, 0: none."""
    store_bytes: int = 0
    problem: str = ""
    """What stops the collector from reading or writing now."""
    problem_since_us: int = 0
    dead_letters: dict[str, int] = field(default_factory=dict)
    """Records that could not be taken, reason → count ever."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Events the probes dropped and reported, reason → count."""
    lost: int = 0
    """Events proved lost by gaps in sequence numbers, count."""
    failures: int = 0
    """Faults inside the probes, count."""
    processes: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Instrumented processes that are alive: application, host, pid, rss_bytes, cpu_percent (of
    one core), threads, emitted (events), most memory first."""

    @property
    def ever(self) -> bool:
        """Whether a collector has ever worked on this store."""
        return self.heartbeat_us > 0

    @property
    def stale(self) -> bool:
        """Whether the collector is silent, so that all figures are old."""
        return self.at_us - self.heartbeat_us > STALE_AFTER_US

    @property
    def drained(self) -> float | None:
        """Share of the backlog that was taken, 0 to 1; None where nothing waits."""
        if self.backlog_bytes <= 0 or self.lag_bytes <= 0:
            return None
        return min(1.0, max(0.0, 1 - self.lag_bytes / self.backlog_bytes))


def health(engine: Engine, at_us: int | None = None) -> Health:
    """The state of the collector and of the processes that report to it."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        row = connection.execute(text("SELECT * FROM collector WHERE id = 1")).mappings().first()
        lost = connection.execute(
            text("SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM gaps")
        ).scalar_one()
        reports = connection.execute(
            text("SELECT dropped, failures FROM processes WHERE dropped <> '{}' OR failures > 0")
        ).all()
        processes = _processes(connection, at_us)
    dropped: Counter[str] = Counter()
    for counts, _ in reports:
        dropped.update(_counts(counts))
    told = dict(row) if row is not None else {}
    return Health(
        **{
            name: told[name]
            for name in (
                "heartbeat_us", "spool", "ingested", "events_per_second", "lag_bytes",
                "lag_events", "lag_seconds", "backlog_bytes", "store_bytes", "problem",
                "problem_since_us",
            )
            if name in told
        },
        at_us=at_us,
        dead_letters=_counts(told.get("dead_letters", "{}")),
        dropped=dict(dropped),
        lost=int(lost),
        failures=sum(failures for _, failures in reports),
        processes=processes,
    )  # fmt: skip


def _counts(value: str) -> dict[str, int]:
    try:
        return {reason: n for reason, n in msgspec.json.decode(value, type=dict).items() if n}
    except msgspec.DecodeError:
        return {}


def _instrumented(connection: Connection) -> str:
    """The condition that leaves out processes of ours, which read attached databases."""
    return " AND p.kind = ''" if has_tables(connection, KINDS_SINCE) else ""


def _processes(connection: Connection, at_us: int) -> pd.DataFrame:
    return fetch(
        connection,
        "SELECT p.incarnation, p.application, p.host, p.pid, p.rss_bytes, p.threads, p.emitted, "
        "(SELECT cpu_percent FROM samples AS m WHERE m.process_id = p.id "
        "ORDER BY m.at_us DESC LIMIT 1) AS cpu_percent FROM processes AS p "
        f"WHERE p.ended = 0 AND p.last_seen_us >= :recent{_instrumented(connection)} "
        "ORDER BY p.rss_bytes DESC NULLS LAST, p.id LIMIT 50",
        recent=at_us - RECENT_US,
    )
