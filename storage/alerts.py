"""Alerts: a rule on a metric or on findings, its course for a subject, and what is told of it.

The contract between the collector, which watches and sends, and the pages. A rule is looked at
every ``STEP_S`` seconds, at whole multiples of them; ``Course`` is the one place that says when an
alert is pending, fires and is resolved: the preview on past data goes through it as well.

Nothing here holds an address: a target is a name, its URL stands in the file that
``STATEMETER_ALERTS`` names (``collector.alerts.targets``).
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from storage.findings import SEVERITIES, Severity

STEP_S = 10
"""Between two looks, seconds: also the steps of a preview of an hour."""
KEEP_S = 60
"""How long a firing alert has to be within its limit before it is resolved, if its rule does not
say: one that swings around it would otherwise send two messages a minute."""
NAME_MOST = 120
LONGEST_S = 86_400

Each = Literal["all", "backend", "application", "thread", "process", "resource", "finding"]
"""What a rule is looked at for: everything together, or each of these on its own."""
State = Literal["", "pending", "firing"]
Change = Literal["", "pending", "fired", "resolved", "calm"]
"""``calm``: it was pending, and is within its limit again before it fired."""


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule may watch."""

    name: str
    title: str
    unit: str
    """``bytes``, ``us``, ``share`` (0 to 1), ``seconds``, ``usd``, ``count``, ``severity``."""
    each: tuple[Each, ...]
    """What it can be watched for; the first is meant where none is said."""
    help: str
    over: bool = False
    """It is of a stretch of time, ``Rule.over_s``."""
    operation: bool = False
    """It is of one operation of savers."""
    least: float = 0.0
    most: float = 1e15
    """Bounds of a threshold."""
    narrowed: bool = True
    """A rule may be narrowed to a backend or an application."""


_HELD: tuple[Each, ...] = ("thread", "all", "backend", "application")
_CALLS: tuple[Each, ...] = ("all", "backend", "application")
METRICS = {
    one.name: one
    for one in (
        Metric(name="live_bytes", title="State, live", unit="bytes", each=_HELD,
               help="The newest checkpoint of a thread, or of all threads together."),
        Metric(name="stored_bytes", title="Stored", unit="bytes", each=_HELD,
               help="What the backend holds: all checkpoints and pending writes."),
        Metric(name="growth_bytes_per_hour", title="Growth an hour", unit="bytes", each=_HELD,
               over=True, least=-1e15,
               help="Change of stored bytes over the stretch of time, as if it lasted an hour."),
        Metric(name="latency_p50_us", title="Latency, p50", unit="us", each=_CALLS, over=True,
               operation=True, help="Half of the calls take longer."),
        Metric(name="latency_p95_us", title="Latency, p95", unit="us", each=_CALLS, over=True,
               operation=True, help="One call in twenty takes longer."),
        Metric(name="latency_p99_us", title="Latency, p99", unit="us", each=_CALLS, over=True,
               operation=True, help="One call in a hundred takes longer."),
        Metric(name="serialization_share", title="Serialization, share of writes", unit="share",
               each=_CALLS, over=True, most=1.0,
               help="Part of the time of put and put_writes that is spent in the serializer."),
        Metric(name="errors", title="Failed calls", unit="count", each=_CALLS, over=True,
               help="Calls of savers that raised."),
        Metric(name="cache_hit_rate", title="Cache hit rate", unit="share", over=True, most=1.0,
               each=("resource", "all", "application"),
               help="Of the keys that node caches were asked for; unknown below 20 of them."),
        Metric(name="rss_bytes", title="Memory of a process (RSS)", unit="bytes", each=("process",),
               help="Resident memory, the newest reading."),
        Metric(name="pool_waiting", title="Pool: waiting at once", unit="count", over=True,
               each=("resource", "all"), help="Most requests that waited for a connection."),
        Metric(name="pool_wait_us", title="Pool: mean wait", unit="us", over=True,
               each=("resource", "all"), help="Time that a request waited for a connection."),
        Metric(name="cost_usd", title="Cost a month", unit="usd", each=("all",), narrowed=False,
               help="At today's size and the calls of the last day; where a price is unknown, the "
                    "known part."),
        Metric(name="cost_forecast_usd", title="Cost forecast, next month", unit="usd",
               each=("all",), narrowed=False,
               help="The expected course, a month from now; unknown while the history is short."),
        Metric(name="collector_lag_seconds", title="Collector lag", unit="seconds", each=("all",),
               narrowed=False, help="Age of the oldest event that is not stored yet."),
        Metric(name="dropped_events", title="Lost events", unit="count", each=("all",), over=True,
               narrowed=False, help="Dropped by probes, or proved missing by a gap."),
        Metric(name="finding", title="Finding is open", unit="severity", each=("finding",),
               most=2.0, help="Of this severity or worse, neither muted nor acknowledged."),
    )
}  # fmt: skip
OPERATIONS = ("put", "put_writes", "get_tuple", "list", "delete_thread")
"""Those whose latency can be watched."""
RECORDED = ("cost_usd", "cost_forecast_usd", "collector_lag_seconds", "dropped_events")
"""Metrics without a history of their own: the collector writes them down from its start on."""
LARGE_BYTES = 1_000_000
"""Least threshold for the live bytes of single threads: an index holds those above it."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What to watch, and when to say so."""

    id: str
    """32 hex digits, or the name of a ready-made rule."""
    title: str
    metric: str
    threshold: float
    """In the unit of the metric; of findings the place of a severity in ``SEVERITIES``."""
    above: bool = True
    """It fires above the threshold; else below."""
    for_s: int = 0
    """How long it has to be past the threshold before it fires, seconds."""
    keep_s: int = KEEP_S
    """How long it has to be back before it is resolved, seconds."""
    over_s: int = 300
    """Stretch of time of the metric, whole minutes up to an hour, seconds."""
    operation: str = "put"
    each: Each = "all"
    application: str = ""
    """Only of this one; empty: of all."""
    backend: str = ""
    severity: Severity = "warning"
    targets: list[str] = []
    """Names; empty: all that there are."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What an alert is about."""

    key: str
    """One of a kind in its rule; empty: everything together."""
    words: str
    """As people know it; text of the user's data may be in it."""
    thread: str = ""
    saver: str = ""
    """Of a thread: its id and the key of its storage, for a link."""


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is sent, until a time."""

    id: str
    rule: str
    """Id of a rule; empty: of all rules."""
    subject: str = ""
    """A part of the words of a subject; empty: any."""
    until_us: int
    reason: str

    def covers(self, rule: str, subject: str, at_us: int) -> bool:
        """Whether it holds for an alert now."""
        return (
            at_us < self.until_us and self.rule in {"", rule}
            and self.subject.lower() in subject.lower()
        )  # fmt: skip


class AlertError(ValueError):
    """A rule or silence that cannot be taken: says what, its value and the fix, a fault a line."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Course:
    """An alert of one subject over time: pending → firing → resolved.

    Args:
        rule: which.
        state: where it is.
        since_us: when it went past its threshold.
        back_us: since when it is back, while it fires; 0: it is not.
    """

    __slots__ = ("_rule", "back_us", "since_us", "state")

    def __init__(self, rule: Rule, state: State = "", since_us: int = 0, back_us: int = 0) -> None:
        self._rule = rule
        self.state: State = state
        self.since_us = since_us
        self.back_us = back_us

    def look(self, at_us: int, value: float | None) -> Change:
        """What a value at a time changes. An unknown value is not past the threshold."""
        if past(self._rule, value):
            self.back_us = 0
            new = not self.state
            if new:
                self.state, self.since_us = "pending", at_us
            if self.state == "pending" and at_us - self.since_us >= self._rule.for_s * 1_000_000:
                self.state = "firing"
                return "fired"
            return "pending" if new else ""
        if self.state == "pending":
            self.state = ""
            return "calm"
        if self.state == "firing":
            self.back_us = self.back_us or at_us
            if at_us - self.back_us >= self._rule.keep_s * 1_000_000:
                self.state = ""
                return "resolved"
        return ""


def past(rule: Rule, value: float | None) -> bool:
    """Whether a value is on the wrong side; a finding at its severity is."""
    if value is None or math.isnan(value):
        return False
    if rule.metric == "finding":
        return value >= rule.threshold
    return value > rule.threshold if rule.above else value < rule.threshold


def check(rule: Rule) -> Rule:
    """The rule, if it makes sense.

    Raises:
        AlertError: with every fault.
    """
    faults = []
    metric = METRICS.get(rule.metric)
    if not 0 < len(rule.id) <= NAME_MOST:
        raise AlertError([f"The rule has no id of 1 to {NAME_MOST} characters."])
    if metric is None:
        raise AlertError([f"There is no metric {rule.metric!r}: use one of {', '.join(METRICS)}."])
    if not 0 < len(rule.title.strip()) <= NAME_MOST:
        faults.append(f"Name {rule.title[:20]!r}: give it one of 1 to {NAME_MOST} characters.")
    least = metric.least
    if rule.metric == "live_bytes" and rule.each == "thread":
        least = LARGE_BYTES
    if not least <= rule.threshold <= metric.most:
        faults.append(
            f"Threshold {rule.threshold:g} cannot be used: of {metric.title} it is a number from "
            f"{amount(metric.unit, least)} to {amount(metric.unit, metric.most)}."
        )
    if rule.each not in metric.each:
        faults.append(
            f"{metric.title} cannot be watched for each {rule.each}: use {' or '.join(metric.each)}"
        )
    if rule.each == "thread" and not rule.above:
        faults.append("Single threads are watched above a threshold only: almost all are below.")
    for name, seconds in (("For", rule.for_s), ("Resolved after", rule.keep_s)):
        if not 0 <= seconds <= LONGEST_S:
            faults.append(f"{name} {seconds} s: it is 0 to {LONGEST_S} s (a day).")
    if metric.over and (rule.over_s % 60 or not 60 <= rule.over_s <= 3600):
        faults.append(f"Over {rule.over_s} s: it is 1 to 60 whole minutes.")
    if metric.operation and rule.operation not in OPERATIONS:
        faults.append(f"Operation {rule.operation!r}: use one of {', '.join(OPERATIONS)}.")
    if faults:
        raise AlertError(faults)
    return rule


def amount(unit: str, value: float | None) -> str:
    """A value with its unit, as text of messages and of ``python -m storage alerts``."""
    if value is None or math.isnan(value):
        return "unknown"
    if unit == "severity":
        return SEVERITIES[min(max(int(value), 0), 2)]
    if unit == "share":
        return f"{value * 100:.3g} %"
    if unit == "usd":
        return f"${value:,.2f}"
    if unit in {"count", "seconds"}:
        return f"{value:,.4g}{' s' if unit == 'seconds' else ''}"
    steps = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1, "B"))
    if unit == "us":
        steps = ((1e6, "s"), (1e3, "ms"), (1, "µs"))  # type: ignore[assignment]
    scale, name = next((one for one in steps if abs(value) >= one[0]), steps[-1])
    return f"{value / scale:.3g} {name}"


def told(rule: Rule) -> str:
    """The condition in words: ``Latency, p95 of put > 500 ms for 5 min``."""
    metric = METRICS[rule.metric]
    words = metric.title + (f" of {rule.operation}" if metric.operation else "")
    sign = "≥" if rule.metric == "finding" else ">" if rule.above else "<"
    words += f" {sign} {amount(metric.unit, rule.threshold)}"
    if metric.over:
        words += f" over {span(rule.over_s)}"
    if rule.for_s:
        words += f" for {span(rule.for_s)}"
    return words


def span(seconds: int) -> str:
    """A time as text: ``5 min``."""
    for length, unit in ((3600, "h"), (60, "min")):
        if seconds and seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


encode = msgspec.json.Encoder().encode
decode_rule = msgspec.json.Decoder(Rule).decode


def readable(body: str) -> Rule | None:
    """A rule as the store keeps it; None: another version wrote it, this one has no such metric."""
    try:
        rule = decode_rule(body)
    except msgspec.MsgspecError:
        return None
    return rule if rule.metric in METRICS else None


decode_subject = msgspec.json.Decoder(Subject).decode
