"""Metrics of rules that are read from readings: memory of processes, pools, what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from storage.alert_sums import scope_of, words_of_all
from storage.alert_times import Curve, FloatArray, IntArray, Times, before, newest
from storage.alerts import Rule, Subject
from storage.gauges import decode
from storage.queries import SECOND_US, fetch
from storage.queries_resources import has_tables

PROCESS_HOLD_S = 30
"""How long a reading of a process holds: it tells one every five seconds while it lives."""
RECORDED_HOLD_S = 90
"""The same of what the collector writes down: it does once a minute."""

Fresh = Mapping[str, float | None]
"""Metric → what is known of it now, not yet in the store."""


def memory(connection: Connection, rule: Rule, times: Times) -> list[Curve]:
    """Resident memory of each process."""
    found = []
    width = times.resolution_s * SECOND_US
    for number, part in _readings(connection, rule, times, "process").groupby("process_id"):
        ends, values = [], []
        for at_us, text in zip(part["at_us"], part["readings"], strict=True):
            rss = decode(text).get("rss_bytes")
            end = (at_us // width + 1) * width  # a bucket counts when it is over
            if rss is not None and end - at_us <= PROCESS_HOLD_S * SECOND_US:
                ends.append(end)
                values.append(float(rss))
        first = part.iloc[0]
        words = f"{first['application']} (process {first['pid']} on {first['host']})"
        read = newest(times, ends, np.array(values), PROCESS_HOLD_S)
        found.append(Curve(Subject(key=str(number), words=words), read))
    return found


def pool_wait(connection: Connection, rule: Rule, times: Times) -> list[Curve]:
    """Time that a request waited for a connection, mean of the stretch, µs."""
    found = []
    for subject, part in _pools(connection, rule, times):
        grown = [decode(text) for text in part["added"]]
        table = np.array(
            [[one.get("waited_us", 0), one.get("requests", 0)] for one in grown], np.float64
        )
        sums = before(times, rule.over_s, part["bucket_us"].to_numpy(np.int64), table)
        waited, requests = sums[:, 0], sums[:, 1]
        mean = np.divide(waited, requests, out=np.full(times.count, np.nan), where=requests > 0)
        found.append(Curve(subject, mean))
    return found


def pool_waiting(connection: Connection, rule: Rule, times: Times) -> list[Curve]:
    """Most requests that waited at once in the stretch, of all processes together."""
    found = []
    for subject, part in _pools(connection, rule, times):
        total = np.full(times.count, np.nan)
        for _, series in part.groupby(["key", "process_id"]):
            peaks = np.array([decode(text).get("waiting", 0) for text in series["peaks"]])
            highest = _highest(times, rule.over_s, series["bucket_us"].to_numpy(np.int64), peaks)
            both = np.isnan(total) & np.isnan(highest)
            total = np.where(both, np.nan, np.nan_to_num(total) + np.nan_to_num(highest))
        found.append(Curve(subject, total))
    return found


def recorded(connection: Connection, rule: Rule, times: Times, fresh: Fresh) -> list[Curve]:
    """What the collector wrote down of itself, of losses and of costs."""
    stretch_s = rule.over_s if rule.metric == "dropped_events" else 0
    start_us = times.first_us - (stretch_s + RECORDED_HOLD_S) * SECOND_US
    rows = fetch(
        connection,
        "SELECT at_us, value FROM alert_readings WHERE metric = :metric AND at_us >= :start "
        "AND at_us <= :end ORDER BY at_us",
        metric=rule.metric, start=start_us, end=times.last_us,
    )  # fmt: skip
    at_us = rows["at_us"].to_numpy(np.int64)
    values = rows["value"].to_numpy(np.float64)
    if rule.metric in fresh:
        value = fresh[rule.metric]
        at_us = np.append(at_us, times.last_us)
        values = np.append(values, np.nan if value is None else value)
    found = newest(times, at_us, values, RECORDED_HOLD_S)
    if stretch_s and len(at_us):
        # It only grows; before the first reading nothing is known, and nothing is held against it.
        places = np.searchsorted(at_us, times.at_us - stretch_s * SECOND_US, "right") - 1
        found = found - values[np.maximum(places, 0)]
    return [Curve(Subject(key="", words=words_of_all(rule)), found)]


READERS: dict[str, Callable[[Connection, Rule, Times], list[Curve]]] = {
    "rss_bytes": memory,
    "pool_wait_us": pool_wait,
    "pool_waiting": pool_waiting,
}


def _pools(connection: Connection, rule: Rule, times: Times) -> list[tuple[Subject, pd.DataFrame]]:
    rows = _readings(connection, rule, times, "pool", rule.over_s)
    if rows.empty:
        return []
    if rule.each == "all":
        return [(Subject(key="", words=words_of_all(rule)), rows)]
    return [
        (
            Subject(key=str(key), words=str(part["label"].iloc[0] or part["class_name"].iloc[0])),
            part,
        )
        for key, part in rows.groupby("key")
    ]


def _readings(
    connection: Connection, rule: Rule, times: Times, kind: str, over_s: int = PROCESS_HOLD_S
) -> pd.DataFrame:
    """Rows of ``gauge_samples`` of a kind, in the order of time."""
    scope = scope_of(rule)
    columns = ("bucket_us", "at_us", "process_id", "readings", "peaks", "added", "key", "label",
               "class_name", "application", "pid", "host")  # fmt: skip
    if not has_tables(connection):
        return pd.DataFrame(columns=columns)
    only = " AND p.application = :application" if rule.application else ""
    if rule.backend and kind == "pool":
        only += " AND r.backend = :backend"
    return fetch(
        connection,
        "SELECT g.bucket_us, g.at_us, g.process_id, g.readings, g.peaks, g.added, r.key, r.label, "
        "r.class_name, p.application, p.pid, p.host FROM gauge_samples AS g "
        "JOIN resources AS r ON r.id = g.resource_id JOIN processes AS p ON p.id = g.process_id "
        "WHERE g.resolution_s = :resolution AND g.bucket_us >= :start AND g.bucket_us < :end "
        f"AND r.kind = :kind{only} ORDER BY g.bucket_us",
        resolution=times.resolution_s, end=times.last_us, kind=kind,
        start=times.first_us - (over_s + times.resolution_s) * SECOND_US, **scope.values(),
    )  # fmt: skip


def _highest(times: Times, over_s: int, bucket_us: IntArray, values: np.ndarray) -> FloatArray:
    found = np.full(times.count, np.nan)
    for place, at_us in enumerate(times.at_us.tolist()):
        inside = values[(bucket_us >= at_us - over_s * SECOND_US) & (bucket_us < at_us)]
        if len(inside):
            found[place] = inside.max()
    return found
