"""Backends side by side: what each holds, how often it is called, and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine

from storage.queries import (
    ALL,
    QUANTILES,
    SECOND_US,
    Grid,
    Scope,
    fetch,
    grid_for,
    latency_by_slot,
    now_us,
    read_totals,
    reading,
)
from storage.queries_latency import quantiles_by_slot
from storage.rollups import FOUND

HISTOGRAMS = "group_concat(hex(histogram), '') AS histogram"
"""SQL of the histograms of a group, joined by the database: reading each is 10 times as slow.
Packed ones that follow each other are their sum."""

_SUMS = ("count", "errors", "payload_bytes", "duration_us", "serde_us")


@dataclass(frozen=True)
class Backends:
    """Backends of savers over a window, read in one transaction."""

    grid: Grid
    seconds: float
    """Length of the window that the sums cover: less than asked for while the store is young."""
    totals: pd.DataFrame
    """A row for each backend, most stored bytes first. Now: backend, savers, threads (counts),
    live_bytes, stored_bytes, written_bytes. In the window: operations, errors (counts),
    operations_per_second, window_written_bytes (by puts and put_writes, with what was found in
    attached databases), found_writes (count of these, whose calls no probe saw: they are in no
    other count), duration_us, serde_us (sums), serde_share (of the time in the saver, 0 to 1;
    missing without calls)."""
    operations: pd.DataFrame
    """A row for each backend and operation of the window, in the order of ``totals``, most calls
    first: backend, operation, count, per_second, errors, payload_bytes (written or read),
    duration_us, serde_us (sums), serde_share, mean_us, p50, p95, p99 (µs)."""


def backends(
    engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None
) -> Backends:
    """All backends over the last ``window_s`` seconds."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        grid = grid_for(connection, window_s, at_us)
        held = read_totals(connection, scope)
        savers = _savers(connection, scope)
        sums = ", ".join(f"sum({name}) AS {name}" for name in _SUMS)
        every = fetch(
            connection,
            f"SELECT backend, operation, {sums}, {HISTOGRAMS} FROM rollups "
            "WHERE resolution_s = :resolution "
            f"AND bucket_us >= :start{scope.where()} GROUP BY backend, operation",
            **_of(grid, scope),
        )
    found = every[every["operation"] != FOUND].reset_index(drop=True)
    seconds = max(at_us - grid.start_us, SECOND_US) / SECOND_US
    totals = _totals(held, savers, every, seconds)
    return Backends(
        grid=grid,
        seconds=seconds,
        totals=totals,
        operations=_operations(unhex(found), list(totals["backend"]), seconds),
    )


def latency_over_time(
    engine: Engine, window_s: int, operation: str, scope: Scope = ALL, at_us: int | None = None
) -> pd.DataFrame:
    """Latency of an operation, of the backend of the scope: a row for each slot with calls, at_us,
    count, p50, p95, p99 (µs)."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        grid = grid_for(connection, window_s, at_us)
        histograms = fetch(
            connection,
            "SELECT bucket_us, histogram FROM rollups WHERE resolution_s = :resolution AND "
            f"bucket_us >= :start AND operation = :operation{scope.where()}",
            operation=operation,
            **_of(grid, scope),
        )
    return latency_by_slot(grid, histograms)[0]


def _of(grid: Grid, scope: Scope) -> dict[str, Any]:
    return {"resolution": grid.resolution_s, "start": grid.start_us, **scope.values()}


def _savers(connection: Connection, scope: Scope) -> pd.DataFrame:
    used = ""
    if scope.application is not None:
        used = (
            " AND EXISTS (SELECT 1 FROM threads AS t WHERE t.saver_id = s.id "
            "AND t.application = :application)"
        )
    only = " AND s.backend = :backend" if scope.backend is not None else ""
    return fetch(
        connection,
        f"SELECT s.backend, count(*) AS savers FROM savers AS s WHERE 1 = 1{only}{used} GROUP BY 1",
        **scope.values(),
    )


def _totals(
    held: pd.DataFrame, savers: pd.DataFrame, every: pd.DataFrame, seconds: float
) -> pd.DataFrame:
    unseen = every["operation"] == FOUND
    sums = every[~unseen].groupby("backend", as_index=False)[list(_SUMS)].sum()
    counts = every[unseen].groupby("backend", as_index=False)["count"].sum()
    writes = every[every["operation"].isin(["put", "put_writes", FOUND])]
    written = writes.groupby("backend", as_index=False)["payload_bytes"].sum()
    written.columns = ["backend", "window_written_bytes"]
    table = (
        held.merge(savers, on="backend", how="outer")
        .merge(sums.rename(columns={"count": "operations"}), on="backend", how="outer")
        .merge(written, on="backend", how="outer")
        .merge(counts.rename(columns={"count": "found_writes"}), on="backend", how="outer")
        .drop(columns="payload_bytes")
    )
    numbers = [name for name in table.columns if name != "backend"]
    table[numbers] = table[numbers].astype(float).fillna(0).astype(np.int64)
    table["operations_per_second"] = table["operations"] / seconds
    table["serde_share"] = share(table["serde_us"], table["duration_us"])
    return table.sort_values(
        ["stored_bytes", "backend"], ascending=[False, True], ignore_index=True
    )


def _operations(found: pd.DataFrame, order: list[str], seconds: float) -> pd.DataFrame:
    table = found.drop(columns="histogram")
    table[list(_SUMS)] = table[list(_SUMS)].astype(np.int64)
    table["place"] = [order.index(backend) for backend in table["backend"]]
    table = table.sort_values(
        ["place", "count", "operation"], ascending=[True, False, True], ignore_index=True
    ).drop(columns="place")
    table["per_second"] = table["count"] / seconds
    table["serde_share"] = share(table["serde_us"], table["duration_us"])
    table["mean_us"] = share(table["duration_us"], table["count"])
    return with_quantiles(table, found, ["backend", "operation"])


def share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """Part over whole, missing where the whole is 0."""
    numbers = whole.astype(float)
    return part.astype(float) / numbers.where(numbers > 0)


def unhex(table: pd.DataFrame) -> pd.DataFrame:
    """The table with packed histograms instead of the text of ``HISTOGRAMS``."""
    return table.assign(histogram=[bytes.fromhex(joined) for joined in table["histogram"]])


def with_quantiles(table: pd.DataFrame, histograms: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Adds p50, p95 and p99 in µs of the histograms that have the same keys; those of rows that
    the table does not have are passed over."""
    places = {key: row for row, key in enumerate(table[keys].itertuples(index=False, name=None))}
    slots = np.array(
        [places.get(key, -1) for key in histograms[keys].itertuples(index=False, name=None)],
        dtype=np.int64,
    )
    packed = [part for part, slot in zip(histograms["histogram"], slots, strict=True) if slot >= 0]
    found, _ = quantiles_by_slot(slots[slots >= 0], packed, QUANTILES)
    found.columns = ["slot", "calls", "p50", "p95", "p99"]
    found = found.set_index(found["slot"].astype(np.int64))[["p50", "p95", "p99"]]
    return table.join(found.astype(float))
