"""From what rules saw to the store: states, history, and a message for each target."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, text

from collector.alerts.outcome import Listed, Looked, Outcome, Seen
from collector.alerts.words import Told, message
from storage import inserts
from storage.alerts import METRICS, Rule, Silence, Subject

KEPT_US = 90 * 86_400 * 1_000_000
"""How long history and messages stay."""
READINGS_KEPT_US = 8 * 86_400_000_000
"""A preview of a week needs no more."""
WAITING_MOST = 100
"""Messages that wait for a target; further ones are given up, and say so."""

_STATE = inserts.insert_sql("alert_states", prefix="OR REPLACE")
_EVENT = inserts.insert_sql("alert_events", without=("id",))
_DELIVERY = inserts.insert_sql("alert_deliveries", prefix="OR IGNORE")
_READING = inserts.insert_sql("alert_readings", prefix="OR REPLACE")
_TARGET = inserts.insert_sql("alert_targets")


def store(connection: Connection, outcome: Outcome) -> None:
    """Store what one look saw, in the transaction of the connection."""
    at_us = outcome.at_us
    inserts.run(connection, _READING, list(outcome.readings))
    stand = {
        row.id: row.changed_us
        for row in connection.execute(
            text("SELECT id, changed_us FROM alert_rules WHERE enabled = 1")
        )
    }
    silences = active_silences(connection, at_us)
    by_target: dict[str, list[Told]] = defaultdict(list)
    for one in outcome.looked:
        if stand.get(one.rule.id) != one.changed_us:
            continue  # changed, switched off or removed meanwhile
        connection.execute(
            text(
                "UPDATE alert_rules SET looked_us = :at, value = :value, subjects = :subjects, "
                "untold = :untold, why = :why WHERE id = :id"
            ),
            {
                "at": at_us, "value": one.value, "subjects": one.subjects, "untold": one.untold,
                "why": one.why, "id": one.rule.id,
            },
        )  # fmt: skip
        for seen in one.seen:
            _store_seen(connection, one, seen, (at_us, silences, outcome.targets), by_target)
    for target, lines in by_target.items():
        key = uuid.uuid4().hex
        deliver(connection, key, target, message(lines, key), at_us)


def deliver(
    connection: Connection, key: str, target: str, told: tuple[str, str, str], at_us: int
) -> None:
    """Leave a message for a target; its id makes it one, however often that is asked."""
    kind, title, body = told
    waiting = connection.execute(
        text("SELECT count(*) FROM alert_deliveries WHERE state = 'waiting' AND target = :target"),
        {"target": target},
    ).scalar_one()
    full = waiting >= WAITING_MOST
    problem = f"{WAITING_MOST} messages wait for this target already." if full else ""
    row = (key, target, at_us, kind, title, body, "failed" if full else "waiting", 0, 0,
           at_us if full else 0, problem)  # fmt: skip
    inserts.run(connection, _DELIVERY, [row])


def store_targets(connection: Connection, targets: list[Listed]) -> None:
    """Tell which targets there are."""
    connection.exec_driver_sql("DELETE FROM alert_targets")
    inserts.run(connection, _TARGET, [(one.name, one.service, one.problem) for one in targets])


def active_silences(connection: Connection, at_us: int) -> list[Silence]:
    """Silences that hold."""
    rows = connection.execute(
        text("SELECT * FROM alert_silences WHERE until_us > :at"), {"at": at_us}
    )
    return [
        Silence(id=row.id, rule=row.rule_id, subject=row.subject, until_us=row.until_us,
                reason=row.reason)
        for row in rows
    ]  # fmt: skip


def end(connection: Connection, rule: Rule, at_us: int, why: str) -> None:
    """End all alerts of a rule, which is changed, switched off or removed; nobody is told."""
    rows = connection.execute(
        text("SELECT subject, peak, fired_us FROM alert_states WHERE rule_id = :rule"),
        {"rule": rule.id},
    ).all()
    for row in rows:
        if row.fired_us:
            _note(connection, rule, row.subject, (at_us, "resolved", row.peak, "", why))
    connection.execute(text("DELETE FROM alert_states WHERE rule_id = :rule"), {"rule": rule.id})


def sweep(connection: Connection, at_us: int) -> None:
    """Delete what is old."""
    for table, column, kept_us in (
        ("alert_readings", "at_us", READINGS_KEPT_US),
        ("alert_events", "at_us", KEPT_US), ("alert_deliveries", "created_us", KEPT_US),
        ("alert_silences", "until_us", KEPT_US),
    ):  # fmt: skip
        connection.exec_driver_sql(f"DELETE FROM {table} WHERE {column} < ?", (at_us - kept_us,))


def _store_seen(
    connection: Connection, one: Looked, seen: Seen, how: tuple[int, list[Silence], list[str]],
    by_target: dict[str, list[Told]],
) -> None:  # fmt: skip
    at_us, silences, targets = how
    rule = one.rule
    subject = msgspec.json.encode(seen.subject).decode()
    reason = _silenced(silences, rule, seen.subject, at_us)
    told = seen.told
    gone = "it is no longer known" if seen.value is None else ""
    line = Told(rule, seen.subject, "", seen.value, seen.since_us, gone)
    if seen.change == "resolved" and told and not reason:
        _tell(line, "resolved", targets, by_target)
    if seen.state == "firing" and not told and not reason:
        told = _tell(line, "fired", targets, by_target)
    if seen.change == "fired":
        _note(connection, rule, subject, (at_us, "fired", seen.value, reason, ""))
    elif seen.change == "resolved":
        _note(connection, rule, subject, (at_us, "resolved", seen.peak, reason, gone))
    if not seen.state:
        connection.execute(
            text("DELETE FROM alert_states WHERE rule_id = :rule AND subject_key = :key"),
            {"rule": rule.id, "key": seen.subject.key},
        )
    elif seen.changed or told != seen.told:
        row = (rule.id, seen.subject.key, subject, seen.state, seen.since_us, seen.fired_us,
               seen.back_us, seen.value, seen.peak, int(told))  # fmt: skip
        inserts.run(connection, _STATE, [row])


def _tell(line: Told, change: str, there: Iterable[str], by_target: dict[str, list[Told]]) -> bool:
    """Add a line to the message of each target of its rule; False: there is none."""
    names = [name for name in there if not line.rule.targets or name in line.rule.targets]
    for name in names:
        by_target[name].append(
            Told(line.rule, line.subject, change, line.value, line.since_us, line.detail)
        )
    return bool(names)


def _silenced(silences: list[Silence], rule: Rule, subject: Subject, at_us: int) -> str:
    for one in silences:
        if one.covers(rule.id, subject.words, at_us):
            return one.reason or "silenced"
    return ""


def _note(
    connection: Connection, rule: Rule, subject: str,
    what: tuple[int, str, float | None, str, str],
) -> None:  # fmt: skip
    at_us, change, value, reason, detail = what
    row = (at_us, rule.id, rule.title, subject, change, rule.severity, value, rule.threshold,
           METRICS[rule.metric].unit, reason, detail)  # fmt: skip
    inserts.run(connection, _EVENT, [row])
