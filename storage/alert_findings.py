"""Findings as a metric: the severity of each while it is open, neither muted nor acknowledged."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from storage.alert_sums import scope_of
from storage.alert_times import SUBJECTS_MOST, Curve, FloatArray, Read, Times
from storage.alerts import Rule, Subject
from storage.findings import decode
from storage.queries import fetch
from storage.queries_resources import has_tables

SINCE = 11
"""Schema that has findings."""
_CLOSED = {"resolved", "acknowledged", "muted"}
_OPEN = {"opened", "worse", "better", "unacknowledged", "unmuted"}


def look(connection: Connection, rule: Rule) -> Read:
    """Those that are open now, the worst first."""
    if not has_tables(connection, SINCE):
        return Read([])
    scope = scope_of(rule)
    rows = fetch(
        connection,
        "SELECT key, severity, body FROM findings WHERE resolved_us = 0 AND muted_us = 0 "
        f"AND acknowledged_us = 0 AND severity >= :least{scope.where()} "
        "ORDER BY severity DESC, since_us LIMIT :most",
        least=rule.threshold, most=10 * SUBJECTS_MOST, **scope.values(),
    )  # fmt: skip
    return Read(
        [
            Curve(_subject(row), np.array([float(row.severity)]))
            for row in rows.head(SUBJECTS_MOST).itertuples()
        ],
        max(0, len(rows) - SUBJECTS_MOST),
    )


def curves(connection: Connection, rule: Rule, times: Times) -> Read:
    """The severity of each over the times, NaN while it was not open.

    A change to worse or better is one step of severity; the present one is known.
    """
    if not has_tables(connection, SINCE):
        return Read([])
    scope = scope_of(rule)
    rows = fetch(
        connection,
        "SELECT id, key, severity, body FROM findings WHERE opened_us <= :end "
        f"AND (resolved_us = 0 OR resolved_us >= :start){scope.where()} "
        "ORDER BY severity DESC, since_us LIMIT :most",
        start=times.first_us, end=times.last_us, most=SUBJECTS_MOST, **scope.values(),
    )  # fmt: skip
    found = []
    for row in rows.itertuples():
        changes = fetch(
            connection,
            "SELECT at_us, change FROM finding_changes WHERE finding_id = :id ORDER BY at_us, id",
            id=int(row.id),
        )
        values = _course(changes, int(row.severity), times)
        if np.nanmax(values, initial=-1.0) >= rule.threshold:
            found.append(Curve(_subject(row), values))
    return Read(found)


def _course(changes: pd.DataFrame, severity: int, times: Times) -> FloatArray:
    values = np.full(times.count, np.nan)
    until = times.count
    at_us = times.at_us
    level = float(severity)
    for when, change in zip(changes["at_us"][::-1], changes["change"][::-1], strict=True):
        begin = int(np.searchsorted(at_us, when, "left"))
        if change in _OPEN:
            values[begin:until] = level
        until = min(until, begin)
        level += {"worse": -1.0, "better": 1.0}.get(change, 0.0)
        level = min(max(level, 0.0), 2.0)
    return values


def _subject(row: object) -> Subject:
    finding = decode(row.body)  # type: ignore[attr-defined]
    return Subject(
        key=str(row.key), words=finding.title,  # type: ignore[attr-defined]
        thread=finding.subject.thread, saver=finding.subject.saver,
    )  # fmt: skip
