"""What the Overview shows, read from rollup buckets and the threads table.

Nothing here reads single operations, so that a page costs the same after ten million of them as
after ten thousand. Every function opens one short read transaction, takes all it needs and closes
it: an open reader would let the write-ahead log grow. Times are µs since 1970 (UTC).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, text

from storage.queries_latency import quantiles_by_slot
from storage.rollups import FOUND

IntArray = np.ndarray[Any, np.dtype[np.int64]]

SECOND_US = 1_000_000
MAX_POINTS = 180
"""Most points of a curve: about one to every four pixels of the widest chart."""

SHORTEST_S = 20
"""Shortest span of a curve, seconds: what a store shows that has just begun."""

SECONDS_S = 1_200
"""Longest span read from buckets of a second, seconds."""

MINUTES_S = 90_000
"""Longest span read from buckets of a minute, seconds."""

WINDOWS = {"15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800}
"""Windows a page offers, name → seconds."""

QUANTILES = (0.5, 0.95, 0.99)

WRITES = ("put", "put_writes")
"""Operations that send bytes to the backend."""


@dataclass(frozen=True)
class Scope:
    """Which part of the store is meant: None means all."""

    backend: str | None = None
    application: str | None = None

    def where(self, table: str = "") -> str:
        """SQL that narrows a table with columns ``backend`` and ``application``: nothing, or
        conditions with AND before each."""
        prefix = f"{table}." if table else ""
        return "".join(f" AND {prefix}{name} = :{name}" for name in self.values())

    def values(self) -> dict[str, str]:
        """The values bound by ``where()``."""
        named = {"backend": self.backend, "application": self.application}
        return {name: value for name, value in named.items() if value is not None}


ALL = Scope()


@dataclass(frozen=True)
class Grid:
    """Slots of equal length over a window; curves have one point a slot."""

    start_us: int
    end_us: int
    slot_us: int
    resolution_s: int
    """Length of the rollup buckets that are summed into the slots, seconds."""

    @property
    def starts_us(self) -> IntArray:
        """Start of each slot."""
        return np.arange(self.start_us, self.end_us, self.slot_us, dtype=np.int64)


@dataclass(frozen=True)
class Overview:
    """Everything the Overview draws, read in one transaction."""

    grid: Grid
    totals: pd.DataFrame
    """A row for each backend, most bytes first: backend, threads (count), live_bytes,
    stored_bytes, written_bytes."""
    levels: pd.DataFrame
    """A column for each backend: stored bytes at ``at_us`` (index). The last row is now and
    equals ``totals.stored_bytes``."""
    rates: pd.DataFrame
    """A row for each slot: at_us, seconds (covered), writes (count), written_bytes, duration_us
    and serde_us of the writes, threads (level at its end)."""
    latency: pd.DataFrame
    """A row for each slot with writes: at_us, count, p50, p95, p99 of ``put`` in µs."""
    window_latency: dict[float, float | None]
    """The same quantiles over the whole window, µs."""
    active_threads: int
    """Threads used in the window, count."""
    new_threads: int
    """Threads created less threads deleted in the window, count."""
    found_writes: int = 0
    """Writes of the window that were found in attached databases and seen by no probe: they are in
    no rate and no latency, which are unknown of them."""
    found_bytes: int = 0
    """What these wrote, bytes."""


def now_us() -> int:
    """The wall clock."""
    return time.time_ns() // 1000


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One connection with one snapshot of the store, closed at the end."""
    with engine.connect() as connection:
        yield connection
        connection.rollback()


def fetch(connection: Connection, sql: str, **values: Any) -> pd.DataFrame:
    """The result of a query as a frame."""
    result = connection.execute(text(sql), values)
    # Plain tuples: pandas asks each Row for attributes that it does not have, which is slow.
    return pd.DataFrame.from_records(list(map(tuple, result)), columns=list(result.keys()))


def grid_for(connection: Connection, window_s: int, at_us: int, table: str = "rollups") -> Grid:
    """Slots for the last ``window_s`` seconds before ``at_us``, at most ``MAX_POINTS`` of them.

    Begins with the first bucket of the table where that is younger than the window, so that the
    curves of a fresh start are as fine as they can be.
    """
    span_s = window_s
    for resolution_s in (60, 1):
        first = connection.execute(
            text(
                f"SELECT min(bucket_us) FROM {table} "
                "WHERE resolution_s = :resolution AND bucket_us > :start"
            ),
            {"resolution": resolution_s, "start": at_us - (span_s + resolution_s) * SECOND_US},
        ).scalar()
        if first is not None:
            span_s = min(span_s, max(SHORTEST_S, (at_us - first) // SECOND_US + 1))
        if span_s > SECONDS_S:
            break
    return grid_of(span_s, at_us)


def grid_of(span_s: int, at_us: int) -> Grid:
    """Slots for ``span_s`` seconds before ``at_us``, at most ``MAX_POINTS`` of them."""
    resolution_s = 1 if span_s <= SECONDS_S else 60 if span_s <= MINUTES_S else 3600
    slot_s = resolution_s
    for candidate in (1, 2, 5, 10, 60, 120, 300, 600, 3600, 7200):
        if candidate >= resolution_s and span_s / candidate <= MAX_POINTS:
            slot_s = candidate
            break
    slot_us = slot_s * SECOND_US
    end_us = (at_us // slot_us + 1) * slot_us
    start_us = (at_us - span_s * SECOND_US) // slot_us * slot_us
    return Grid(start_us, end_us, slot_us, resolution_s)


def overview(
    engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None
) -> Overview:
    """The Overview of the last ``window_s`` seconds."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        grid = grid_for(connection, window_s, at_us)
        totals = read_totals(connection, scope)
        sums = _slot_sums(connection, grid, scope)
        histograms = fetch(
            connection,
            "SELECT bucket_us, histogram FROM rollups WHERE resolution_s = :resolution AND "
            f"bucket_us >= :start AND operation = 'put'{scope.where()}",
            resolution=grid.resolution_s,
            start=grid.start_us,
            **scope.values(),
        )
        active = connection.execute(
            text(f"SELECT count(*) FROM threads WHERE last_seen_us >= :start{scope.where()}"),
            {"start": at_us - window_s * SECOND_US, **scope.values()},
        ).scalar_one()
    latency, whole = latency_by_slot(grid, histograms)
    found = sums[sums["found"].astype(bool)]
    return Overview(
        grid=grid,
        totals=totals,
        levels=_levels(grid, totals, sums, at_us),
        rates=_rates(grid, totals, sums, at_us),
        latency=latency,
        window_latency=whole,
        active_threads=active,
        new_threads=int(sums["threads_delta"].sum()),
        found_writes=int(found["count"].sum()),
        found_bytes=int(found["payload_bytes"].sum()),
    )


def slots_of(grid: Grid, bucket_us: pd.Series) -> IntArray:
    """The slot of each bucket. A clock ahead of ours puts events behind the last slot: they belong
    to what is held now."""
    places = (bucket_us.to_numpy(np.int64) - grid.start_us) // grid.slot_us
    inside: IntArray = np.clip(places, 0, len(grid.starts_us) - 1)
    return inside


def latency_by_slot(
    grid: Grid, histograms: pd.DataFrame
) -> tuple[pd.DataFrame, dict[float, float | None]]:
    """Quantiles of rows with bucket_us and histogram: see ``Overview.latency`` and
    ``Overview.window_latency``."""
    slots = slots_of(grid, histograms["bucket_us"])
    latency, whole = quantiles_by_slot(slots, list(histograms["histogram"]), QUANTILES)
    latency.insert(0, "at_us", grid.starts_us[latency.pop("slot").to_numpy(np.int64)])
    latency.columns = ["at_us", "count", "p50", "p95", "p99"]
    return latency, whole


def read_totals(connection: Connection, scope: Scope) -> pd.DataFrame:
    """What the backends hold now: see ``Overview.totals``."""
    return fetch(
        connection,
        "SELECT backend, sum(CASE WHEN deleted_us = 0 THEN 1 ELSE 0 END) AS threads, "
        "sum(live_bytes) AS live_bytes, sum(stored_bytes) AS stored_bytes, "
        "sum(written_bytes) AS written_bytes FROM threads "
        f"WHERE 1 = 1{scope.where()} GROUP BY backend ORDER BY stored_bytes DESC, backend",
        **scope.values(),
    )


def is_empty(engine: Engine) -> bool:
    """Whether nothing was ever measured."""
    with reading(engine) as connection:
        for table in ("threads", "processes"):
            if connection.execute(text(f"SELECT 1 FROM {table} LIMIT 1")).first():
                return False
    return True


def choices(engine: Engine) -> tuple[list[str], list[str]]:
    """Backends and applications that were ever seen, each sorted."""
    with reading(engine) as connection:
        backends = connection.execute(text("SELECT DISTINCT backend FROM savers ORDER BY 1"))
        applications = connection.execute(
            text("SELECT DISTINCT application FROM processes ORDER BY 1")
        )
        return list(backends.scalars()), [name for name in applications.scalars() if name]


def _slot_sums(connection: Connection, grid: Grid, scope: Scope) -> pd.DataFrame:
    """Sums by slot, backend and kind of operation; ``slot`` counts from the start of the grid."""
    writes = ", ".join(f"'{name}'" for name in WRITES)
    frame = fetch(
        connection,
        f"SELECT (bucket_us - :start) / :slot AS slot, backend, operation IN ({writes}) AS write, "
        "operation = :found AS found, "
        "sum(count) AS count, sum(payload_bytes) AS payload_bytes, "
        "sum(duration_us) AS duration_us, sum(serde_us) AS serde_us, "
        "sum(stored_delta_bytes) AS stored_delta_bytes, sum(threads_delta) AS threads_delta "
        "FROM rollups WHERE resolution_s = :resolution AND bucket_us >= :start"
        f"{scope.where()} GROUP BY 1, 2, 3, 4",
        start=grid.start_us,
        found=FOUND,
        slot=grid.slot_us,
        resolution=grid.resolution_s,
        **scope.values(),
    )
    numbers = [name for name in frame.columns if name not in {"backend", "write", "found"}]
    frame[numbers] = frame[numbers].astype(np.int64)
    # A clock ahead of ours puts events behind the last slot: they belong to what is held now.
    frame["slot"] = frame["slot"].clip(upper=len(grid.starts_us) - 1)
    return frame


def _times(grid: Grid, at_us: int) -> IntArray:
    """The start of the grid, then the end of each slot, the last one cut at now."""
    ends: IntArray = np.minimum(grid.starts_us + grid.slot_us, max(at_us, grid.start_us + 1))
    times: IntArray = np.concatenate([np.array([grid.start_us], dtype=np.int64), ends])
    return times


def _level(now: int, slots: IntArray, changes: IntArray, points: int) -> IntArray:
    """The level before the first slot and at the end of each: today's less all later changes."""
    by_slot: IntArray = np.zeros(points, dtype=np.int64)
    np.add.at(by_slot, slots, changes)
    changes_from_here: IntArray = np.cumsum(by_slot[::-1])[::-1]
    return now - np.append(changes_from_here, 0)


def _levels(grid: Grid, totals: pd.DataFrame, sums: pd.DataFrame, at_us: int) -> pd.DataFrame:
    points = len(grid.starts_us)
    columns = {}
    for backend, stored in zip(totals["backend"], totals["stored_bytes"], strict=True):
        part = sums[sums["backend"] == backend]
        columns[backend] = _level(
            int(stored), part["slot"].to_numpy(), part["stored_delta_bytes"].to_numpy(), points
        )
    return pd.DataFrame(columns, index=pd.Index(_times(grid, at_us), name="at_us"))


def _rates(grid: Grid, totals: pd.DataFrame, sums: pd.DataFrame, at_us: int) -> pd.DataFrame:
    points = len(grid.starts_us)
    writes = sums[sums["write"].astype(bool)]
    frame = pd.DataFrame({"at_us": grid.starts_us})
    frame["seconds"] = np.clip((at_us - grid.starts_us) / SECOND_US, 0, grid.slot_us / SECOND_US)
    for name, source in (
        ("writes", "count"),
        ("written_bytes", "payload_bytes"),
        ("duration_us", "duration_us"),
        ("serde_us", "serde_us"),
    ):
        column: IntArray = np.zeros(points, dtype=np.int64)
        np.add.at(column, writes["slot"].to_numpy(), writes[source].to_numpy())
        frame[name] = column
    frame["threads"] = _level(
        int(totals["threads"].sum()),
        sums["slot"].to_numpy(),
        sums["threads_delta"].to_numpy(),
        points,
    )[1:]
    return frame
