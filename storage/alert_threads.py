"""Metrics of single threads: at a look only those past the threshold, by an index; for a preview
their sizes by minute."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from storage.alert_sums import scope_of
from storage.alert_times import SUBJECTS_MOST, Curve, FloatArray, Read, Times
from storage.alerts import LARGE_BYTES, Rule, Subject
from storage.queries import SECOND_US, fetch

MINUTE_US = 60 * SECOND_US
ACTIVE_MOST = 5_000
"""Threads whose growth is looked at, those used last."""
PREVIEWED_MOST = 200
"""Threads of a preview, the largest."""
_KNOWN_MOST = 900
_SUBJECT = "t.id, t.thread_id, s.key AS saver, s.label"


def look(connection: Connection, rule: Rule, times: Times, known: Iterable[str]) -> Read:
    """The threads past the threshold now, and those of ``known`` (rows as text)."""
    rows = _grown(connection, rule, times) if rule.metric == "growth_bytes_per_hour" else (
        _large(connection, rule)
    )  # fmt: skip
    untold = max(0, len(rows) - SUBJECTS_MOST)
    rows = rows.head(SUBJECTS_MOST)
    missing = sorted({int(key) for key in known} - set(rows["id"].astype(int)))[:_KNOWN_MOST]
    if missing:
        keys = ", ".join(map(str, missing))
        more = (
            _grown(connection, rule, times, f" AND t.id IN ({keys})", every=True)
            if rule.metric == "growth_bytes_per_hour"
            else _sizes(connection, rule, f"t.id IN ({keys})", "")
        )
        rows = pd.concat([rows, more], ignore_index=True)
    return Read(
        [
            Curve(subject_of(row), np.array([np.nan if row.value is None else row.value], float))
            for row in rows.itertuples()
        ],
        untold,
    )


def curves(connection: Connection, rule: Rule, times: Times) -> Read:
    """Sizes at the end of each minute (growth: change over the stretch before) of the threads that
    are or were largest in the time that is looked at; ``times`` are whole minutes."""
    stretch_us = rule.over_s * SECOND_US if rule.metric == "growth_bytes_per_hour" else 0
    column = "live_bytes" if rule.metric == "live_bytes" else "stored_bytes"
    scope = scope_of(rule)
    threads = fetch(
        connection,
        f"SELECT {_SUBJECT}, t.{column} AS value, t.first_seen_us, t.partial "
        "FROM threads t JOIN savers s ON s.id = t.saver_id WHERE t.id > 0"
        f"{scope.where('t')} AND (t.last_seen_us >= :start OR t.{column} > :least) "
        f"ORDER BY t.deleted_us >= :start DESC, t.{column} DESC LIMIT :most",
        start=times.first_us - stretch_us, most=PREVIEWED_MOST,
        least=rule.threshold if not stretch_us else 1e18, **scope.values(),
    )  # fmt: skip
    if threads.empty:
        return Read([])
    keys = ", ".join(str(int(key)) for key in threads["id"])
    minutes = fetch(
        connection,
        f"SELECT thread_key, minute_us, {column} AS value FROM thread_minutes "
        f"WHERE thread_key IN ({keys}) AND minute_us < :end ORDER BY thread_key, minute_us",
        end=times.last_us,
    )
    by_thread = dict(iter(minutes.groupby("thread_key")))
    found = []
    for row in threads.itertuples():
        part = by_thread.get(row.id)
        if part is None:
            values = np.full(times.count, float(row.value))  # unused since minutes are kept
        else:
            ends = part["minute_us"].to_numpy(np.int64) + MINUTE_US
            sizes = part["value"].to_numpy(np.float64)
            complete = not row.partial and row.first_seen_us >= ends[0] - MINUTE_US
            values = _at(times.at_us, ends, sizes, complete)
            if stretch_us:
                earlier = _at(times.at_us - stretch_us, ends, sizes, complete)
                values = (values - earlier) * (3600 / rule.over_s)
        found.append(Curve(subject_of(row), values))
    return Read(found)


def subject_of(row: object) -> Subject:
    """The thread of a row with ``_SUBJECT``."""
    return Subject(
        key=str(row.id), words=str(row.thread_id), thread=str(row.thread_id),  # type: ignore[attr-defined]
        saver=str(row.saver),  # type: ignore[attr-defined]
    )  # fmt: skip


def _large(connection: Connection, rule: Rule) -> pd.DataFrame:
    # The words of the index threads_large, without which SQLite would not use it.
    index = f" AND t.live_bytes >= {LARGE_BYTES}" if rule.metric == "live_bytes" else ""
    return _sizes(
        connection, rule, f"t.{rule.metric} > :threshold{index} AND t.deleted_us = 0",
        f"ORDER BY t.{rule.metric} DESC LIMIT {10 * SUBJECTS_MOST}",
    )  # fmt: skip


def _sizes(connection: Connection, rule: Rule, condition: str, order: str) -> pd.DataFrame:
    scope = scope_of(rule)
    return fetch(
        connection,
        f"SELECT {_SUBJECT}, CASE WHEN t.deleted_us = 0 THEN t.{rule.metric} ELSE 0 END AS value "
        f"FROM threads t JOIN savers s ON s.id = t.saver_id WHERE {condition}{scope.where('t')} "
        f"{order}",
        threshold=rule.threshold, **scope.values(),
    )  # fmt: skip


def _grown(
    connection: Connection, rule: Rule, times: Times, also: str = "", every: bool = False
) -> pd.DataFrame:
    """Growth of the threads that were used in the stretch, as if it lasted an hour."""
    scope = scope_of(rule)
    start_us = times.last_us - rule.over_s * SECOND_US
    rows = fetch(
        connection,
        f"SELECT {_SUBJECT}, (t.stored_bytes - coalesce((SELECT m.stored_bytes FROM "
        "thread_minutes AS m WHERE m.thread_key = t.id AND m.minute_us <= :before "
        "ORDER BY m.minute_us DESC LIMIT 1), CASE WHEN t.partial = 0 AND t.first_seen_us >= :start "
        "THEN 0 END)) * :factor AS value FROM (SELECT * FROM threads AS t WHERE "
        f"t.last_seen_us >= :start{scope.where('t')}{also} "
        "ORDER BY t.last_seen_us DESC LIMIT :most) AS t JOIN savers s ON s.id = t.saver_id",
        start=start_us, before=start_us - MINUTE_US, factor=3600 / rule.over_s,
        most=ACTIVE_MOST, **scope.values(),
    )  # fmt: skip
    rows["value"] = rows["value"].astype(float)
    if not every:
        rows = rows[rows["value"] > rule.threshold]
    return rows.sort_values("value", ascending=False, ignore_index=True)


def _at(at_us: np.ndarray, ends: np.ndarray, sizes: FloatArray, complete: bool) -> FloatArray:
    """The newest size at each time; before the first, 0 of a thread known from its beginning."""
    places = np.searchsorted(ends, at_us, "right") - 1
    early = 0.0 if complete else np.nan
    found: FloatArray = np.where(places >= 0, sizes[np.maximum(places, 0)], early)
    return found
