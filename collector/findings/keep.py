"""From what rules found to the store: findings open, change, are resolved, and have a history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, text

from collector.findings.outcome import Outcome, Ran
from storage import inserts
from storage.findings import SEVERITIES, About, Finding, encode

MOST_OPEN = 500
"""Findings of a rule that are open at once; further ones are counted."""
KEPT_US = 90 * 86_400 * 1_000_000
"""How long resolved ones stay."""

_INSERT = inserts.insert_sql("findings", without=("id",))
_INSERT_CHANGE = inserts.insert_sql("finding_changes", without=("id",))
_RULE = (
    "INSERT INTO rules (id, about, ran_us, looks, subjects, took_us, why, untold) "
    "VALUES (:id, :about, 0, 0, 0, 0, '', 0) ON CONFLICT (id) DO UPDATE SET about = excluded.about"
)
_RAN = (
    "UPDATE rules SET ran_us = :at, looks = looks + :looks, took_us = took_us + :took, "
    "subjects = coalesce(:subjects, subjects), why = :why, untold = untold + :untold WHERE id = :id"
)
_KNOWN = (
    "SELECT id, key, severity, since_us, opened_us, resolved_us, body FROM findings "
    "WHERE rule = ? AND "
)


def describe(connection: Connection, rules: Iterable[About]) -> None:
    """Tell the store which rules there are; those of other versions go."""
    known = []
    for rule in rules:
        known.append(rule.id)
        connection.execute(text(_RULE), {"id": rule.id, "about": encode(rule).decode()})
    marks = ", ".join("?" * len(known))
    connection.exec_driver_sql(f"DELETE FROM rules WHERE id NOT IN ({marks})", tuple(known))


def store(connection: Connection, outcome: Outcome) -> None:
    """Store what one look found, in the transaction of the connection."""
    for ran in outcome.ran.values():
        untold = _store_rule(connection, ran, outcome)
        if ran.looks or ran.whole or ran.why or ran.subjects is not None:
            connection.execute(
                text(_RAN),
                {
                    "at": outcome.at_us, "looks": ran.looks, "took": ran.took_us, "why": ran.why,
                    "subjects": ran.subjects, "untold": untold, "id": ran.rule,
                },
            )  # fmt: skip
    if outcome.moved is not None:
        name, position = outcome.moved
        if position is None:
            connection.exec_driver_sql("DELETE FROM rule_cursors WHERE name = ?", (name,))
        else:
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO rule_cursors (name, position) VALUES (?, ?)",
                (name, position),
            )


def sweep(connection: Connection, at_us: int) -> None:
    """Delete findings that were resolved long ago, unless they are muted."""
    old = "SELECT id FROM findings WHERE resolved_us > 0 AND resolved_us < ? AND muted_us = 0"
    connection.exec_driver_sql(
        f"DELETE FROM finding_changes WHERE finding_id IN ({old})", (at_us - KEPT_US,)
    )
    connection.exec_driver_sql(f"DELETE FROM findings WHERE id IN ({old})", (at_us - KEPT_US,))


def _store_rule(connection: Connection, ran: Ran, outcome: Outcome) -> int:
    known = {row.key: row for row in _known(connection, ran, outcome.threads)}
    seen: set[str] = set()
    untold = 0
    still_open: int | None = None
    for thread_key, finding in ran.found:
        key = finding.key
        if key in seen:
            continue
        seen.add(key)
        row = known.get(key)
        if row is None:
            if still_open is None:
                still_open = _open_count(connection, finding.rule)
            if still_open >= MOST_OPEN:
                untold += 1
                continue
            still_open += 1
            _insert(connection, finding, thread_key, outcome.at_us)
        else:
            if row.resolved_us and still_open is not None:
                still_open += 1
            _update(connection, row, finding, outcome.at_us)
    for key, row in known.items():
        if key not in seen and not row.resolved_us:
            connection.exec_driver_sql(
                "UPDATE findings SET resolved_us = ?, acknowledged_us = 0 WHERE id = ?",
                (outcome.at_us, row.id),
            )
            note(connection, row.id, outcome.at_us, "resolved")
    return untold


def _known(connection: Connection, ran: Ran, threads: list[int]) -> Iterator[Row[Any]]:
    if ran.whole:  # where it could not look, what it found before stays as it was
        yield from connection.exec_driver_sql(_KNOWN + "thread_key = 0", (ran.rule,))
    if ran.of_threads:
        for start in range(0, len(threads), 500):
            keys = threads[start : start + 500]
            marks = ", ".join("?" * len(keys))
            yield from connection.exec_driver_sql(
                _KNOWN + f"thread_key IN ({marks})", (ran.rule, *keys)
            )


def _open_count(connection: Connection, rule: str) -> int:
    found = connection.exec_driver_sql(
        "SELECT count(*) FROM findings WHERE rule = ? AND resolved_us = 0", (rule,)
    )
    return int(found.scalar_one())


def _insert(connection: Connection, finding: Finding, thread_key: int, at_us: int) -> None:
    subject = finding.subject
    row = (
        finding.key, finding.rule, SEVERITIES.index(finding.severity), subject.application,
        subject.backend, subject.saver, thread_key, encode(finding).decode(), finding.since_us,
        at_us, at_us, 0, 1, finding.cost.bytes, finding.cost.usd_a_month, 0, 0, "",
    )  # fmt: skip
    done = connection.exec_driver_sql(_INSERT, row)
    assert done.lastrowid is not None
    note(connection, done.lastrowid, at_us, "opened", finding.title)


def _update(connection: Connection, row: Row[Any], finding: Finding, at_us: int) -> None:
    severity = SEVERITIES.index(finding.severity)
    body = encode(finding).decode()
    change = ""
    since_us, opened_us = min(row.since_us, finding.since_us), row.opened_us
    if row.resolved_us:
        change, since_us, opened_us = "opened", finding.since_us, at_us
    elif severity != row.severity:
        change = "worse" if severity > row.severity else "better"
    elif body == row.body:
        return
    connection.exec_driver_sql(
        "UPDATE findings SET severity = ?, body = ?, since_us = ?, opened_us = ?, updated_us = ?, "
        "resolved_us = 0, opened = opened + ?, cost_bytes = ?, cost_usd = ? WHERE id = ?",
        (severity, body, since_us, opened_us, at_us, int(bool(row.resolved_us)),
         finding.cost.bytes, finding.cost.usd_a_month, row.id),
    )  # fmt: skip
    if change:
        note(connection, row.id, at_us, change, finding.title)


def note(
    connection: Connection, finding_id: int, at_us: int, change: str, detail: str = ""
) -> None:
    """Write a line of a finding's history."""
    connection.exec_driver_sql(_INSERT_CHANGE, (finding_id, at_us, change, detail))
