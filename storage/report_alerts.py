"""Report of alerts: see ``storage.report`` and docs/alerts.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from storage.alerts import amount, told
from storage.queries import now_us
from storage.queries_alerts import read

if TYPE_CHECKING:
    from storage.report import Choice

Row = dict[str, Any]


def alerts(connection: Connection, choice: Choice) -> list[Row]:
    """One row an alert that is pending or fires, firing ones first."""
    found = read(connection, now_us())
    rules = {one.rule.id: one.rule for one in found.rules}
    return [
        {
            "state": row.state, "severity": row.severity, "rule": row.title,
            "subject": row.subject, "value": None if row.value != row.value else row.value,
            "unit": row.unit, "shown": amount(row.unit, row.value),
            "condition": told(rules[row.rule_id]), "since_us": row.since_us,
            "fired_us": row.fired_us or None, "silenced": row.silenced or None,
        }
        for row in found.states.head(choice.limit).itertuples()
    ]  # fmt: skip


REPORTS = {"alerts": alerts}
