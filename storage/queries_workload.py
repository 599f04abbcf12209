"""The measured workload that costs are worked out from: bytes, calls and growth by backend.

Read from the threads table (by an index that has all columns), from sums by time, and from
``workload_hours``; never from single operations. Times are µs since 1970 (UTC).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, text

from storage.cost_terms import SECONDS
from storage.layouts import Work
from storage.queries import (
    ALL,
    SECOND_US,
    Scope,
    grid_for,
    now_us,
    reading,
)
from storage.queries_resources import has_tables
from storage.rollups import FOUND

SCHEMA = 8
"""The first that has sums of the work by hour."""

Key = tuple[str, str]
"""(application, backend)."""

Held = tuple[str, int, int, int]
"""(backend, threads, live bytes, stored bytes)."""

HOUR_US = 3600 * SECOND_US
HISTORY_US = 90 * 24 * HOUR_US
"""Longest history that growth is fitted to: older habits of an application tell little."""

FINE_SLOTS = 24 * 14
"""Hours of history from which on growth is fitted by day: then no daily ups and downs are in it."""


@dataclass(frozen=True)
class Workload:
    """What the threads of one application in one backend hold, and how they are used."""

    application: str
    backend: str
    threads: int
    live_bytes: int
    stored_bytes: int
    calls: dict[str, float]
    """Call → a month, at the rate of the window."""
    payload_bytes: dict[str, float]
    """The same, bytes."""
    work: Work
    """Sums over the hours of the window."""
    ever: Work
    """The same over the whole history: what was stored then is stored now."""

    @property
    def calls_seen(self) -> bool:
        """Whether a probe saw its calls: an attached database tells none."""
        return not self.ever.puts or self.ever.seen_puts > 0

    def a_month(self, what: float) -> float | None:
        """Something of ``work`` a month, by checkpoints; None: unknown."""
        if not self.work.seen_puts:
            return None
        return self.calls.get("put", 0.0) * what / self.work.seen_puts


@dataclass(frozen=True)
class Measured:
    """All of a window and scope, read in one transaction."""

    seconds: float
    """Length of the window that calls were counted in."""
    workloads: tuple[Workload, ...]
    """One for each application and backend, most stored bytes first."""
    increments: pd.DataFrame
    """A column for each backend: bytes gained in each slot of history, oldest first; the index is
    the start of the slot. The first and the running slot, which are not whole, are left out."""
    slot_seconds: float
    history_seconds: float
    """From the first thing stored of the scope to now, to the minute."""


def measured(
    engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None,
    held: Sequence[Held] | None = None,
) -> Measured:  # fmt: skip
    """The workload of the last ``window_s`` seconds.

    Args:
        engine: a reader's.
        window_s: seconds.
        scope: which backend and application.
        at_us: now.
        held: what each backend holds, where it was summed already: with 100,000 threads, that is
            two thirds of the work. Applications are not told apart then.
    """
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        grid = grid_for(connection, window_s, at_us)
        who = "application" if held is None else "''"
        rows = (
            [("", *one) for one in held]
            if held is not None
            else _rows(
                connection,
                "SELECT application, backend, sum(CASE WHEN deleted_us = 0 THEN 1 ELSE 0 END), "
                "sum(live_bytes), sum(stored_bytes) FROM threads "
                f"WHERE 1 = 1{scope.where()} GROUP BY 1, 2 ORDER BY 5 DESC, 1, 2",
                **scope.values(),
            )
        )
        calls = _rows(
            connection,
            f"SELECT {who}, backend, operation, sum(count), sum(payload_bytes) FROM rollups "
            "WHERE resolution_s = :resolution AND bucket_us >= :start AND operation <> :found"
            f"{scope.where()} GROUP BY 1, 2, 3",
            resolution=grid.resolution_s, start=grid.start_us, found=FOUND, **scope.values(),
        )  # fmt: skip
        work, ever = _work(connection, who, grid.start_us, scope)
        history = _rows(
            connection,
            "SELECT bucket_us, backend, sum(stored_delta_bytes) FROM rollups "
            f"WHERE resolution_s = 3600 AND bucket_us >= :start{scope.where()} GROUP BY 1, 2",
            start=at_us - HISTORY_US, **scope.values(),
        )  # fmt: skip
        first_us = min((row[0] for row in history), default=0)
        began_us = _began(connection, first_us, scope)
    seconds = max(at_us - grid.start_us, SECOND_US) / SECOND_US
    a_month = SECONDS / seconds
    made: dict[Key, tuple[dict[str, float], dict[str, float]]] = {}
    for application, backend, operation, count, payload in calls:
        counts, sizes = made.setdefault((application, backend), ({}, {}))
        counts[operation], sizes[operation] = count * a_month, payload * a_month
    found = [
        Workload(
            application, backend, int(threads), int(live), int(stored),
            *made.get((application, backend), ({}, {})),
            work.get((application, backend), Work()), ever.get((application, backend), Work()),
        )
        for application, backend, threads, live, stored in rows
    ]  # fmt: skip
    increments, slot_seconds = _increments(history, first_us, at_us)
    past = (at_us - began_us) / SECOND_US if began_us else 0.0
    return Measured(seconds, tuple(found), increments, slot_seconds, past)


def _began(connection: Connection, first_us: int, scope: Scope) -> int:
    """The first minute of this hour that has anything; the hour itself where minutes are gone."""
    ((minute_us,),) = _rows(
        connection,
        "SELECT min(bucket_us) FROM rollups WHERE resolution_s = 60 "
        f"AND bucket_us >= :start AND bucket_us < :end{scope.where()}",
        start=first_us, end=first_us + HOUR_US, **scope.values(),
    )  # fmt: skip
    return int(minute_us or first_us)


def _rows(connection: Connection, sql: str, **values: Any) -> list[tuple[Any, ...]]:
    """The rows as they are: there are few, and a frame of them costs more than the query."""
    return [tuple(row) for row in connection.execute(text(sql), values)]


def _work(
    connection: Connection, who: str, start_us: int, scope: Scope
) -> tuple[dict[Key, Work], dict[Key, Work]]:
    """The work since a moment, and ever, by application and backend."""
    if not has_tables(connection, SCHEMA):
        return {}, {}
    names = [one.name for one in fields(Work)]
    sums = ", ".join(f"sum({name})" for name in names)
    rows = _rows(
        connection,
        f"SELECT {who}, backend, bucket_us >= :start, {sums} FROM workload_hours "
        f"WHERE 1 = 1{scope.where()} GROUP BY 1, 2, 3",
        start=start_us - start_us % HOUR_US, **scope.values(),
    )  # fmt: skip
    lately: dict[Key, Work] = {}
    ever: dict[Key, Work] = {}
    for application, backend, late, *values in rows:
        work = Work(**{name: int(value) for name, value in zip(names, values, strict=True)})
        key = (application, backend)
        ever[key] = ever.get(key, Work()) + work
        if late:
            lately[key] = work
    return lately, ever


def _increments(
    history: list[tuple[Any, ...]], first_us: int, at_us: int
) -> tuple[pd.DataFrame, float]:
    if not history:
        return pd.DataFrame(), 3600.0
    slot_us = HOUR_US if (at_us - first_us) < FINE_SLOTS * HOUR_US else 24 * HOUR_US
    # Counted back from the running hour, which is not whole; so is the first one.
    end_us = at_us - at_us % HOUR_US
    slots = max((end_us - first_us - HOUR_US) // slot_us, 0)
    start_us = end_us - slots * slot_us
    columns = {backend: np.zeros(slots) for backend in sorted({row[1] for row in history})}
    for bucket_us, backend, gained in history:
        place = (bucket_us - start_us) // slot_us
        if 0 <= place < slots:
            columns[backend][place] += gained
    index = pd.Index(start_us + slot_us * np.arange(slots), name="at_us")
    return pd.DataFrame(columns, index=index), slot_us / SECOND_US
