"""When a rule would have fired on past data: by the metric and the course that looks go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Engine, text

from storage import alert_metrics
from storage.alert_times import Curve, FloatArray, Times
from storage.alerts import RECORDED, STEP_S, Course, Rule, Subject
from storage.queries import SECOND_US, now_us, reading
from storage.queries_resources import has_tables

RANGES = {"1h": 3600, "24h": 86_400, "7d": 604_800}
"""Time that can be looked back, name → seconds."""
BY_STEPS_S = 3_600
"""Longest time at the steps of looks; a longer one goes by whole minutes."""
DRAWN_MOST = 6
SINCE = 12
"""Schema that has alerts."""


@dataclass(frozen=True)
class Fired:
    """It would have fired once."""

    subject: Subject
    at_us: int
    ended_us: int
    """When it would have been resolved; 0: it would fire still."""
    peak: float
    """The worst value meanwhile."""


@dataclass(frozen=True)
class Preview:
    """A rule on past data."""

    rule: Rule
    times: Times
    fired: list[Fired]
    """Oldest first."""
    drawn: list[Curve]
    """The worst subjects, at most ``DRAWN_MOST``."""
    subjects: int
    """Subjects that were looked at, count."""
    known_from_us: int = 0
    """When the first value is known, 0: none is."""
    parts: list[str] = field(default_factory=list)
    """What is less exact than looks are, in words of ours."""


def preview(engine: Engine, rule: Rule, range_s: int, at_us: int | None = None) -> Preview:
    """What a rule would have done in the last ``range_s`` seconds."""
    at_us = now_us() if at_us is None else at_us
    by_minute = range_s > BY_STEPS_S or rule.each == "thread"
    step_s = 60 if by_minute else STEP_S
    last_us = at_us // (step_s * SECOND_US) * step_s * SECOND_US
    count = range_s // step_s + 1
    times = Times(last_us - (count - 1) * step_s * SECOND_US, step_s, count)
    with reading(engine) as connection:
        old = rule.metric in RECORDED and not has_tables(connection, SINCE)
        curves = [] if old else alert_metrics.curves(connection, rule, times).curves
        began = connection.execute(text("SELECT min(first_seen_us) FROM processes")).scalar()
    # What is summed is 0 before anything was measured: that is not known, either.
    for curve in curves:
        curve.values[times.at_us < (began or 0)] = np.nan
    fired = sorted(
        (one for curve in curves for one in replay(rule, times, curve)),
        key=lambda one: (one.at_us, one.subject.words),
    )
    parts = []
    if by_minute:
        parts.append("Looked at once a minute; the collector does every 10 s.")
    if rule.each == "thread":
        parts.append("Sizes at the end of each minute, of the 200 largest threads.")
    if rule.metric in RECORDED:
        parts.append("Known since the collector records it.")
    known = [int(np.flatnonzero(np.isfinite(one.values))[0]) for one in curves
             if np.isfinite(one.values).any()]  # fmt: skip
    first = int(times.at_us[min(known)]) if known else 0
    return Preview(rule, times, fired, _worst(rule, curves, fired), len(curves), first, parts)


def replay(rule: Rule, times: Times, curve: Curve) -> list[Fired]:
    """The course of one subject."""
    course = Course(rule)
    found: list[Fired] = []
    begin = 0
    for place, (at_us, value) in enumerate(zip(times.at_us, curve.values, strict=True)):
        change = course.look(int(at_us), float(value))
        if change == "fired":
            begin = place
            found.append(Fired(curve.subject, int(at_us), 0, float(value)))
        elif change == "resolved":
            peak = worst(rule, curve.values[begin : place + 1])
            found[-1] = Fired(curve.subject, found[-1].at_us, int(at_us), peak)
    if found and not found[-1].ended_us:
        last = found[-1]
        found[-1] = Fired(last.subject, last.at_us, 0, worst(rule, curve.values[begin:]))
    return found


def worst(rule: Rule, values: FloatArray) -> float:
    """The highest value (of a rule that fires below: the lowest), NaN: none is known."""
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan")
    return float(known.max() if rule.above else known.min())


def array(values: Sequence[float]) -> FloatArray:
    """Numbers as ``worst`` takes them."""
    found: FloatArray = np.array(values, dtype=np.float64)
    return found


def _worst(rule: Rule, curves: list[Curve], fired: list[Fired]) -> list[Curve]:
    keys = {one.subject.key for one in fired}
    sign = -1 if rule.above else 1

    def order(curve: Curve) -> tuple[bool, float]:
        value = worst(rule, curve.values)
        return curve.subject.key not in keys, np.inf if np.isnan(value) else sign * value

    there = [curve for curve in curves if np.isfinite(curve.values).any()]
    return sorted(there, key=order)[:DRAWN_MOST]
