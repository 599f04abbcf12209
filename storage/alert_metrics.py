"""The value of a rule's metric for each of its subjects, now and on past data.

Both are read from sums by time, readings, and indexes of threads: a look costs the same after ten
million events as after ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from storage import alert_findings, alert_gauges, alert_sums, alert_threads
from storage.alert_gauges import Fresh
from storage.alert_times import Read, Times, bounded
from storage.alerts import RECORDED, Rule

NOTHING: Mapping[str, float | None] = {}


def look(
    connection: Connection,
    rule: Rule,
    times: Times,
    *,
    known: Iterable[str] = (),
    fresh: Fresh = NOTHING,
) -> Read:
    """The values at one time.

    Args:
        connection: a reader's.
        rule: which.
        times: one, as of ``alert_times.now``.
        known: keys of subjects that are pending or fire: of threads, these are told whatever their
            value.
        fresh: what is recorded at that time and not stored yet.
    """
    if rule.each == "thread":
        return alert_threads.look(connection, rule, times, known)
    if rule.metric == "finding":
        return alert_findings.look(connection, rule)
    return _read(connection, rule, times, fresh)


def curves(connection: Connection, rule: Rule, times: Times) -> Read:
    """The values at many times: those that looks saw, or would have seen."""
    if rule.each == "thread":
        return alert_threads.curves(connection, rule, times)
    if rule.metric == "finding":
        return alert_findings.curves(connection, rule, times)
    return _read(connection, rule, times, NOTHING)


def _read(connection: Connection, rule: Rule, times: Times, fresh: Fresh) -> Read:
    if rule.metric in RECORDED:
        return Read(alert_gauges.recorded(connection, rule, times, fresh))
    reader = alert_sums.READERS.get(rule.metric) or alert_gauges.READERS[rule.metric]
    return bounded(reader(connection, rule, times), rule.above)
