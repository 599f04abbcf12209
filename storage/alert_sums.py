"""Metrics of rules that are read from sums: bytes held, latency, shares, errors, hits.

Live looks and previews read the same buckets in the same way, so that a preview says what fired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from storage.alert_times import Curve, FloatArray, Times, before
from storage.alerts import Rule, Subject
from storage.histogram import middle_of
from storage.queries import SECOND_US, WRITES, Scope, fetch
from storage.queries_latency import by_rank
from storage.queries_resources import has_tables

ASKED_LEAST = 20
"""Keys below which a hit rate says nothing."""
QUANTILES = {"latency_p50_us": 0.5, "latency_p95_us": 0.95, "latency_p99_us": 0.99}
EVERYTHING = "everything"


def scope_of(rule: Rule) -> Scope:
    """What a rule is narrowed to."""
    return Scope(rule.backend or None, rule.application or None)


def words_of_all(rule: Rule) -> str:
    """What "everything" is, where it is narrowed."""
    return " · ".join(name for name in (rule.application, rule.backend) if name) or EVERYTHING


def held(connection: Connection, rule: Rule, times: Times) -> list[Curve]:
    """Live or stored bytes of all threads together: today's, less all that changed since."""
    scope = scope_of(rule)
    column = rule.metric
    change = {"live_bytes": "live_delta_bytes", "stored_bytes": "stored_delta_bytes"}[column]
    today = fetch(
        connection,
        f"SELECT backend, application, sum({column}) AS level FROM threads "
        f"WHERE 1 = 1{scope.where()} GROUP BY backend, application",
        **scope.values(),
    )
    later = fetch(
        connection,
        f"SELECT bucket_us, backend, application, sum({change}) AS change FROM rollups "
        f"WHERE resolution_s = :resolution AND bucket_us >= :start{scope.where()} "
        "GROUP BY bucket_us, backend, application ORDER BY bucket_us",
        resolution=times.resolution_s, start=times.first_us, **scope.values(),
    )  # fmt: skip
    found = []
    for subject, part in _parts(rule, today):
        changes = _of(rule, subject, later)
        bucket_us = changes["bucket_us"].to_numpy(np.int64)
        running = np.concatenate([[0.0], np.cumsum(changes["change"].to_numpy(np.float64))])
        gone = running[-1] - running[np.searchsorted(bucket_us, times.at_us, "left")]
        found.append(Curve(subject, float(part["level"].sum()) - gone))
    return found


def growth(connection: Connection, rule: Rule, times: Times) -> list[Curve]:
    """Bytes an hour by which what is stored grew."""
    sums = _sums(connection, rule, times, ("stored_delta_bytes",))
    return [
        Curve(subject, of[:, 0] * (3600 / rule.over_s))
        for subject, of in _before(rule, times, sums)
    ]


def errors(connection: Connection, rule: Rule, times: Times) -> list[Curve]:
    """Calls that raised."""
    sums = _sums(connection, rule, times, ("errors",))
    return [Curve(subject, of[:, 0]) for subject, of in _before(rule, times, sums)]


def serialization(connection: Connection, rule: Rule, times: Times) -> list[Curve]:
    """Part of the time of writes that is spent in the serializer."""
    writes = ", ".join(f"'{name}'" for name in WRITES)
    sums = _sums(
        connection, rule, times, ("serde_us", "duration_us"), f" AND operation IN ({writes})"
    )
    return [
        Curve(subject, _ratio(of[:, 0], of[:, 1])) for subject, of in _before(rule, times, sums)
    ]


def latency(connection: Connection, rule: Rule, times: Times) -> list[Curve]:
    """A quantile of the durations of an operation, µs; unknown where there was no call."""
    scope = scope_of(rule)
    rows = fetch(
        connection,
        "SELECT bucket_us, backend, application, histogram FROM rollups "
        "WHERE resolution_s = :resolution AND bucket_us >= :start AND bucket_us < :end "
        f"AND operation = :operation{scope.where()} ORDER BY bucket_us",
        **_span(rule, times), operation=rule.operation, **scope.values(),
    )  # fmt: skip
    found = []
    for subject, part in _parts(rule, rows):
        bucket_us, counts, middles = _histograms(part)
        inside = before(times, rule.over_s, bucket_us, counts)
        values = np.full(times.count, np.nan)
        there = inside.sum(axis=1) > 0
        if there.any():
            values[there] = by_rank(inside[there], middles, QUANTILES[rule.metric])
        found.append(Curve(subject, values))
    return found


def hit_rate(connection: Connection, rule: Rule, times: Times) -> list[Curve]:
    """Hits of node caches; unknown below ``ASKED_LEAST`` keys."""
    if not has_tables(connection):
        return []
    scope = scope_of(rule)
    narrow = {"backend": " AND r.backend = :backend",
              "application": " AND a.application = :application"}  # fmt: skip
    rows = fetch(
        connection,
        "SELECT a.bucket_us, a.application, r.key, r.label, r.class_name, "
        "sum(a.hits) AS hits, sum(a.asked) AS asked FROM access_rollups AS a "
        "JOIN resources AS r ON r.id = a.resource_id WHERE a.resolution_s = :resolution "
        "AND a.bucket_us >= :start AND a.bucket_us < :end AND r.kind = 'cache' "
        f"AND a.method = 'get'{''.join(narrow[name] for name in scope.values())} "
        "GROUP BY a.bucket_us, a.application, r.key ORDER BY a.bucket_us",
        **_span(rule, times), **scope.values(),
    )  # fmt: skip
    found = []
    for subject, of in _before(rule, times, rows, ("hits", "asked")):
        rate = _ratio(of[:, 0], of[:, 1])
        rate[of[:, 1] < ASKED_LEAST] = np.nan
        found.append(Curve(subject, rate))
    return found


READERS: dict[str, Callable[[Connection, Rule, Times], list[Curve]]] = {
    "live_bytes": held,
    "stored_bytes": held,
    "growth_bytes_per_hour": growth,
    **dict.fromkeys(QUANTILES, latency),
    "serialization_share": serialization,
    "errors": errors,
    "cache_hit_rate": hit_rate,
}
"""Metric → what reads it, for everything together or for each backend, application or cache."""


def _span(rule: Rule, times: Times) -> dict[str, int]:
    return {
        "resolution": times.resolution_s,
        "start": times.first_us - rule.over_s * SECOND_US,
        "end": times.last_us,
    }


def _sums(
    connection: Connection, rule: Rule, times: Times, names: Iterable[str], also: str = ""
) -> pd.DataFrame:
    scope = scope_of(rule)
    sums = ", ".join(f"sum({name}) AS {name}" for name in names)
    return fetch(
        connection,
        f"SELECT bucket_us, backend, application, {sums} FROM rollups "
        "WHERE resolution_s = :resolution AND bucket_us >= :start AND bucket_us < :end"
        f"{also}{scope.where()} GROUP BY bucket_us, backend, application ORDER BY bucket_us",
        **_span(rule, times), **scope.values(),
    )  # fmt: skip


_SUMMED = {"stored_delta_bytes", "errors", "serde_us", "duration_us"}


def _before(
    rule: Rule, times: Times, rows: pd.DataFrame, names: tuple[str, ...] = ()
) -> Iterator[tuple[Subject, FloatArray]]:
    names = names or tuple(name for name in rows.columns if name in _SUMMED)
    for subject, part in _parts(rule, rows):
        values = part[list(names)].to_numpy(np.float64)
        bucket_us = part["bucket_us"].to_numpy(np.int64)
        sums = before(times, rule.over_s, bucket_us, values)
        # Where nothing was called, a look has no row: unknown, and no 0.
        sums[before(times, rule.over_s, bucket_us, np.ones(len(values))) == 0] = np.nan
        yield subject, sums


def _parts(rule: Rule, rows: pd.DataFrame) -> Iterator[tuple[Subject, pd.DataFrame]]:
    """The rows of each subject."""
    if rows.empty:
        return
    if rule.each == "all":
        yield Subject(key="", words=words_of_all(rule)), rows
        return
    column = {"resource": "key"}.get(rule.each, rule.each)
    for name, part in rows.groupby(column):
        words = str(name)
        if rule.each == "resource":
            words = str(part["label"].iloc[0] or part["class_name"].iloc[0] or name)
        yield Subject(key=str(name), words=words or "unnamed"), part


def _of(rule: Rule, subject: Subject, rows: pd.DataFrame) -> pd.DataFrame:
    return rows if rule.each == "all" else rows[rows[rule.each] == subject.key]


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    found: FloatArray = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return found


_PAIR = np.dtype([("bucket", "<u2"), ("count", "<u4")])


def _histograms(rows: pd.DataFrame) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Starts of buckets of time, and for each the counts by bucket of duration; the value in µs
    that stands for each of these."""
    packed = list(rows["histogram"])
    bucket_us, places = np.unique(rows["bucket_us"].to_numpy(np.int64), return_inverse=True)
    pairs: np.ndarray = np.frombuffer(b"".join(packed), dtype=_PAIR)
    lengths = [len(part) // _PAIR.itemsize for part in packed]
    used, columns = np.unique(pairs["bucket"], return_inverse=True)
    counts = np.zeros((len(bucket_us), len(used)))
    np.add.at(counts, (np.repeat(places, lengths), columns), pairs["count"])
    return bucket_us, counts, np.array([middle_of(int(one)) for one in used])
