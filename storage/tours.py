"""The newest play of the tour (``python -m examples.tour``): both of its applications, as they are
in the store beside all others. Nothing that the programs say of themselves is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, Row, text

from storage import costs, queries_findings
from storage.queries import Scope, reading
from storage.queries_findings import Shown
from storage.queries_resources import has_tables

APPLICATIONS = {"before": "tour-before", "after": "tour-after"}
"""Half → name of the application."""
TURNS = 100
"""Of each half."""
PRICED = "postgres"
"""Where both are priced alike: neither memory nor a file has a price list of its own."""
WINDOW_S = 3600
"""Calls are priced at the rate of the hour that ended with the play."""
LOOKS = "in-memory-leak"
"""A rule that always looks: when it has, all have."""


@dataclass(frozen=True)
class Half:
    """One of the two applications: its newest thread, and the process that ran it."""

    application: str
    thread: str
    saver: str
    backend: str
    began_us: int
    last_us: int
    """The newest of its calls."""
    turns: int
    """Runs that were done."""
    turn_us: float | None
    """How long one took, the median."""
    written_bytes: int
    stored_bytes: int
    curve: tuple[int, ...]
    """Bytes stored after each turn."""
    incarnation: str
    """Of the process; empty: unknown."""
    rss_bytes: int | None
    """Most resident memory of its process."""
    rss_first_bytes: int | None
    """When its probe looked first."""
    usd: float | None
    """What the application costs a month on ``PRICED``; None: unknown."""
    storage_usd: float | None
    """Of it for storage."""
    why: str
    """Why the cost is unknown."""
    findings: Sequence[Shown]
    """Found of this play, the worst first; those that were resolved since at the end."""
    looked: bool
    """Whether the rules have looked since."""

    @property
    def bytes_a_turn(self) -> float | None:
        """Written in a turn, on average; None: no turn is known."""
        return self.written_bytes / self.turns if self.turns else None


_THREAD = """
SELECT t.id, t.thread_id, t.backend, t.first_seen_us, t.last_seen_us, t.written_bytes,
t.stored_bytes, s.key AS saver FROM threads t JOIN savers s ON s.id = t.saver_id
WHERE t.application = :application ORDER BY t.first_seen_us DESC, t.id DESC LIMIT 1"""
_RUNS = """
SELECT process_id, duration_us FROM runs WHERE thread_key = :key AND status = 'done'
ORDER BY at_us DESC LIMIT 10000"""
_CURVE = """
SELECT sum(stored_delta_bytes) AS added FROM operations WHERE thread_key = :key AND run > 0
GROUP BY run ORDER BY run LIMIT 10000"""
_PROCESS = """
SELECT p.incarnation, max(coalesce(max(s.rss_bytes), 0), coalesce(p.rss_bytes, 0)) AS most,
(SELECT rss_bytes FROM samples WHERE process_id = p.id ORDER BY at_us LIMIT 1) AS first
FROM processes p LEFT JOIN samples s ON s.process_id = p.id WHERE p.id = :id"""


def halves(engine: Engine) -> dict[str, Half]:
    """The halves of the newest play, ``before`` and ``after``; one that is not there (yet) is left
    out.

    Args:
        engine: a reader's.
    """
    with reading(engine) as connection:
        rows = {
            name: row
            for name, application in APPLICATIONS.items()
            if (row := connection.execute(text(_THREAD), {"application": application}).first())
        }
        if set(rows) == set(APPLICATIONS) and (
            rows["after"].first_seen_us < rows["before"].first_seen_us
        ):
            del rows["after"]  # that of an earlier play
        end_us = max((row.last_seen_us for row in rows.values()), default=0)
        return {name: _half(connection, APPLICATIONS[name], row, end_us)
                for name, row in rows.items()}  # fmt: skip


def _half(connection: Connection, application: str, row: Row[Any], end_us: int) -> Half:
    runs = connection.execute(text(_RUNS), {"key": row.id}).all()
    added = connection.execute(text(_CURVE), {"key": row.id}).scalars().all()
    process = None
    if runs:
        process = connection.execute(text(_PROCESS), {"id": runs[0].process_id}).first()
    ran_us = 0
    if has_tables(connection, queries_findings.SINCE):
        rule = text("SELECT ran_us FROM rules WHERE id = :id")
        ran_us = connection.execute(rule, {"id": LOOKS}).scalar() or 0
    usd, storage_usd, why = _priced(connection.engine, application, end_us)
    return Half(
        application=application, thread=row.thread_id, saver=row.saver, backend=row.backend,
        began_us=row.first_seen_us, last_us=row.last_seen_us, turns=len(runs),
        turn_us=float(np.median([one.duration_us for one in runs])) if runs else None,
        written_bytes=row.written_bytes, stored_bytes=row.stored_bytes,
        curve=tuple(np.cumsum(added, dtype=np.int64).tolist()),
        incarnation=process.incarnation if process is not None else "",
        rss_bytes=(process.most or None) if process is not None else None,
        rss_first_bytes=process.first if process is not None else None,
        usd=usd, storage_usd=storage_usd, why=why,
        findings=_found(connection, application, row), looked=ran_us > row.last_seen_us,
    )  # fmt: skip


def _found(connection: Connection, application: str, row: Row[Any]) -> list[Shown]:
    """Those of a process are resolved when it ends: they are a part of the play, too."""
    found = [
        one
        for state in queries_findings.STATES
        for one in queries_findings.read(connection, state, Scope(application=application))
    ]
    return sorted(
        (
            one for one in found
            if one.finding.subject.application == application
            and one.finding.subject.thread in {"", row.thread_id}
            and one.opened_us >= row.first_seen_us
        ),
        key=lambda one: bool(one.resolved_us),
    )  # fmt: skip


def _priced(
    engine: Engine, application: str, end_us: int
) -> tuple[float | None, float | None, str]:
    """A month on ``PRICED``, of it for storage, and why that is unknown."""
    found = costs.costs(engine, WINDOW_S, Scope(application=application), end_us)
    cost = found.elsewhere.get(PRICED)
    if cost is None:
        return None, None, "nothing was priced"
    parts = {part.name: part.usd for part in cost.parts}
    return cost.usd, parts.get("storage"), "; ".join(cost.reasons)
