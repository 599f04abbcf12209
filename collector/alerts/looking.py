"""The rules at work: what each sees at one time, and what that changes of its alerts."""

from __future__ import annotations

import logging
import math
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, text

from collector.alerts import recording
from collector.alerts.outcome import Looked, Outcome, Seen
from storage import alert_metrics, alert_preview
from storage.alert_times import Times, now
from storage.alerts import Course, Rule, Subject, decode_subject, readable
from storage.queries import SECOND_US, reading

logger = logging.getLogger("statemeter.collector")

SETTLE_US = 2 * SECOND_US
"""What happened in the two seconds before a look may not be stored yet: it is at a time before."""


class Looker:
    """Looks, again and again."""

    def __init__(self) -> None:
        self._recording = recording.Recording()
        self._last_us = 0
        self._said: set[str] = set()

    def look(self, engine: Engine, at_us: int, targets: list[str]) -> Outcome | None:
        """Look once; None where that time was looked at already.

        Args:
            engine: a reader's.
            at_us: now.
            targets: names of all that there are.
        """
        times = now(at_us - SETTLE_US)
        if times.last_us == self._last_us:
            return None
        with reading(engine) as connection:
            rows = connection.execute(
                text("SELECT id, body, changed_us FROM alert_rules WHERE enabled = 1 ORDER BY id")
            ).all()
        kept = [(row.id, readable(row.body), row.changed_us) for row in rows]
        for name in [name for name, rule, _ in kept if rule is None and name not in self._said]:
            self._said.add(name)
            logger.warning("the alert rule %s is of another version: it is not looked at", name)
        rules = [(rule, changed_us) for _, rule, changed_us in kept if rule is not None]
        fresh = self._recording.read(engine, {rule.metric for rule, _ in rules})
        looked = []
        for rule, changed_us in rules:
            with reading(engine) as connection:
                looked.append(self._look(connection, Looked(rule, changed_us), times, fresh))
        self._last_us = times.last_us
        rows_new = self._recording.new(fresh, times.last_us)
        return Outcome(times.last_us, looked, rows_new, targets)

    def forget(self) -> None:
        """The last outcome was not stored."""
        self._recording.forget()
        self._last_us = 0

    def _look(
        self, connection: Connection, one: Looked, times: Times, fresh: recording.Values
    ) -> Looked:
        rule = one.rule
        states = {
            row.subject_key: row
            for row in connection.execute(
                text("SELECT * FROM alert_states WHERE rule_id = :rule"), {"rule": rule.id}
            )
        }
        try:
            read = alert_metrics.look(connection, rule, times, known=states, fresh=fresh)
        except Exception as error:  # one rule must not keep the others from looking
            one.why = f"It failed: {type(error).__name__}. The log of the collector says more."
            if rule.id not in self._said:
                self._said.add(rule.id)
                logger.exception("the alert rule %s failed", rule.id)
            return one
        one.untold = read.untold
        values = {curve.subject.key: (curve.subject, curve.values) for curve in read.curves}
        known = [value for _, array in values.values() if not math.isnan(value := float(array[-1]))]
        one.subjects = len(known)
        if known:
            one.value = max(known) if rule.above else min(known)
        for key in {**values, **states}:
            row = states.get(key)
            subject = values[key][0] if key in values else decode_subject(row.subject)  # type: ignore[union-attr]
            value = float(values[key][1][-1]) if key in values else math.nan
            seen = _step(rule, subject, row, times.last_us, value)
            if seen is not None:
                one.seen.append(seen)
        return one


def _step(
    rule: Rule, subject: Subject, row: Row[Any] | None, at_us: int, value: float
) -> Seen | None:
    course = Course(rule)
    if row is not None:
        course = Course(rule, row.state, row.since_us, row.back_us)
    change = course.look(at_us, value)
    if row is None and not change:
        return None
    told = None if math.isnan(value) else value
    before = row.peak if row is not None and row.fired_us else None
    peak = alert_preview.worst(
        rule, alert_preview.array([one for one in (before, told) if one is not None])
    )
    fired_us = row.fired_us if row is not None else 0
    changed = (
        row is None or bool(change) or row.value != told or row.back_us != course.back_us
        or row.subject != msgspec.json.encode(subject).decode()
    )  # fmt: skip
    return Seen(
        subject, course.state, course.since_us, course.back_us, change, told,
        None if math.isnan(peak) else peak,
        at_us if change == "fired" else fired_us, bool(row is not None and row.told), changed,
    )  # fmt: skip
