"""What the Alerts page and ``python -m storage alerts`` ask the store."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
from sqlalchemy import Connection, Engine, text

from storage.alert_preview import SINCE
from storage.alerts import METRICS, Rule, Silence, decode_subject, readable
from storage.queries import fetch, now_us, reading
from storage.queries_resources import has_tables

EVENTS_MOST = 200
DELIVERIES_MOST = 100
_STATES = ("rule_id", "title", "severity", "unit", "state", "subject", "thread", "saver",
           "since_us", "fired_us", "value", "peak", "told", "silenced")  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A rule of the store."""

    rule: Rule
    enabled: bool
    looked_us: int
    value: float | None
    """The worst at the last look; None: unknown."""
    subjects: int
    untold: int
    why: str
    firing: int
    pending: int


@dataclass(frozen=True)
class Target:
    """Where messages can go."""

    name: str
    service: str
    problem: str


@dataclass(frozen=True)
class Alerts:
    """All of it."""

    at_us: int = 0
    rules: list[Kept] = field(default_factory=list)
    states: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=_STATES))
    """A row for each alert, firing ones first: rule_id, title, severity, unit, state (pending or
    firing), subject, thread, saver, since_us, fired_us, value, peak, told, silenced (reason)."""
    events: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The newest first: at_us, rule_id, title, subject, change, severity, value, threshold, unit,
    silenced, detail."""
    deliveries: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The newest first: id, target, created_us, kind, title, state, tries, next_us, ended_us,
    problem."""
    silences: list[Silence] = field(default_factory=list)
    """Those that hold."""
    targets: list[Target] = field(default_factory=list)
    problem: str = ""
    """Of the file of targets."""
    there: bool = True
    """Whether the store has the tables: an older one gains them from its collector."""
    unreadable: int = 0
    """Rules that another version wrote, and this one cannot look at; they are none of ``rules``."""


def alerts(engine: Engine, at_us: int | None = None) -> Alerts:
    """All of it, as the collector left it."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        return read(connection, at_us)


def read(connection: Connection, at_us: int) -> Alerts:
    """The same on a connection."""
    if not has_tables(connection, SINCE):
        return Alerts(at_us, there=False)
    silences = [
        Silence(id=row.id, rule=row.rule_id, subject=row.subject, until_us=row.until_us,
                reason=row.reason)
        for row in connection.execute(
            text("SELECT * FROM alert_silences WHERE until_us > :at ORDER BY until_us"),
            {"at": at_us},
        )
    ]  # fmt: skip
    counts = {
        (row.rule_id, row.state): row.n
        for row in connection.execute(
            text("SELECT rule_id, state, count(*) AS n FROM alert_states GROUP BY 1, 2")
        )
    }
    kept = connection.execute(text("SELECT * FROM alert_rules ORDER BY changed_us, id")).all()
    rules = [
        Kept(rule, bool(row.enabled), row.looked_us, row.value, row.subjects,
             row.untold, row.why, counts.get((row.id, "firing"), 0),
             counts.get((row.id, "pending"), 0))
        for row in kept if (rule := readable(row.body)) is not None
    ]  # fmt: skip
    events = fetch(
        connection, "SELECT * FROM alert_events ORDER BY id DESC LIMIT :most", most=EVENTS_MOST
    )
    events["subject"] = [decode_subject(one).words for one in events["subject"]]
    told = connection.execute(text("SELECT * FROM alert_targets ORDER BY name")).all()
    return Alerts(
        at_us, rules, _states(connection, rules, silences, at_us), events,
        fetch(
            connection,
            "SELECT id, target, created_us, kind, title, state, tries, next_us, ended_us, problem "
            "FROM alert_deliveries ORDER BY created_us DESC, rowid DESC LIMIT :most",
            most=DELIVERIES_MOST,
        ),
        silences, [Target(row.name, row.service, row.problem) for row in told if row.name],
        "".join(row.problem for row in told if not row.name), unreadable=len(kept) - len(rules),
    )  # fmt: skip


def _states(
    connection: Connection, rules: list[Kept], silences: list[Silence], at_us: int
) -> pd.DataFrame:
    from_rule = {one.rule.id: one.rule for one in rules}
    rows = []
    for row in connection.execute(
        text("SELECT * FROM alert_states ORDER BY state = 'pending', fired_us DESC, since_us DESC")
    ):
        rule = from_rule.get(row.rule_id)
        if rule is None:
            continue
        subject = decode_subject(row.subject)
        reasons = [
            one.reason for one in silences if one.covers(rule.id, subject.words, at_us)
        ]  # fmt: skip
        rows.append((
            rule.id, rule.title, rule.severity, METRICS[rule.metric].unit, row.state, subject.words,
            subject.thread, subject.saver, row.since_us, row.fired_us, row.value, row.peak,
            row.told, reasons[0] if reasons else "",
        ))  # fmt: skip
    return pd.DataFrame.from_records(rows, columns=list(_STATES))
