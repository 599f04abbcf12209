"""Readings of one process over time, from ``gauge_samples`` (kind ``process``) and ``samples``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from storage.gauges import COUNTERS, decode
from storage.queries import SECOND_US, Grid, fetch, grid_of, slots_of
from storage.queries_resources import has_tables

HOLD_US = 12 * SECOND_US
"""How long a reading holds: a probe tells them every five seconds, and less often when it is
busy."""


@dataclass(frozen=True)
class Series:
    """One process over a window."""

    grid: Grid
    levels: pd.DataFrame
    """A row for each slot (index at_us), a column for each level: its newest reading in or shortly
    before the slot, missing where there is none. ``rss_bytes`` and ``threads`` come once a second
    where the window is short."""
    peaks: pd.DataFrame
    """The same, the highest reading of the slot itself."""
    grown: pd.DataFrame
    """The same for counters: by how much each grew in the slot."""
    last: dict[str, float]
    """The last reading ever told, empty: none."""


def read(connection: Connection, process_id: int, window_s: int, span: tuple[int, int]) -> Series:
    """The last ``window_s`` seconds of a process.

    Args:
        connection: with a snapshot of the store.
        process_id: its row.
        window_s: length of the window, seconds.
        span: when it was seen first, and the end of the window, µs since 1970.
    """
    begin_us, end_us = span
    lived_s = max(20, (end_us - begin_us) // SECOND_US + 1)
    grid = grid_of(int(min(window_s, lived_s)), end_us)
    if not has_tables(connection):
        empty = pd.DataFrame(index=pd.Index(grid.starts_us, name="at_us"))
        return Series(grid, empty, empty, empty, {})
    rows = fetch(
        connection,
        "SELECT g.bucket_us, g.at_us, g.readings, g.peaks, g.added FROM gauge_samples AS g "
        "JOIN resources AS r ON r.id = g.resource_id WHERE r.kind = 'process' "
        "AND g.resolution_s = :resolution AND g.process_id = :process AND g.bucket_us >= :start "
        "ORDER BY g.bucket_us",
        process=process_id,
        resolution=grid.resolution_s,
        start=grid.start_us - max(HOLD_US, grid.resolution_s * SECOND_US),
    )
    levels, peaks, grown = _frames(grid, rows)
    if grid.resolution_s == 1:
        _refine(connection, process_id, grid, (levels, peaks))
    return Series(grid, levels, peaks, grown, last(connection, process_id))


def _frames(grid: Grid, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    points = len(grid.starts_us)
    levels: dict[str, list[float]] = {}
    peaks: dict[str, list[float]] = {}
    grown: dict[str, np.ndarray] = {}
    heard: np.ndarray = np.zeros(points, dtype=bool)
    inside = slots_of(grid, rows["bucket_us"])
    texts = zip(rows["readings"], rows["peaks"], rows["added"], strict=True)
    for slot, bucket_us, (newest, highest, added) in zip(
        inside, rows["bucket_us"], texts, strict=True
    ):
        early = bucket_us < grid.start_us
        heard[slot] = True
        _fill(levels, points, slot, decode(newest), most=False)
        if not early:
            _fill(peaks, points, slot, decode(highest), most=True)
            for name, growth in decode(added).items():
                grown.setdefault(name, np.zeros(points))[slot] += growth
    index = pd.Index(grid.starts_us, name="at_us")
    hold = -(-HOLD_US // grid.slot_us)
    known = pd.DataFrame(levels, index=index)
    # A reading that is absent in a slot that has others was not told: that is no gap to bridge.
    held = known.ffill(limit=int(hold)).where(known.notna() | ~heard[:, None])
    return held, pd.DataFrame(peaks, index=index), pd.DataFrame(grown, index=index)


def _fill(
    target: dict[str, list[float]], points: int, slot: int, values: dict[str, int], most: bool
) -> None:
    for name, value in values.items():
        if name in COUNTERS:
            continue
        column = target.get(name)
        if column is None:
            column = target[name] = [np.nan] * points
        if not (most and column[slot] > value):
            column[slot] = value


def _refine(
    connection: Connection, process_id: int, grid: Grid, frames: tuple[pd.DataFrame, ...]
) -> None:
    """Put what samples tell once a second in the place of what is told every five."""
    samples = fetch(
        connection,
        "SELECT at_us, rss_bytes, threads, cpu_percent FROM samples WHERE process_id = :process "
        "AND at_us >= :start ORDER BY at_us",
        process=process_id,
        start=grid.start_us,
    )
    if samples.empty:
        return
    slots = slots_of(grid, samples["at_us"])
    for frame, how in zip(frames, ("last", "max"), strict=True):
        table = samples[["rss_bytes", "threads", "cpu_percent"]].groupby(slots).agg(how)
        table.index = pd.Index(grid.starts_us[table.index.to_numpy()], name="at_us")
        told = table.reindex(frame.index)
        if how == "last":
            told = told.ffill(limit=int(-(-HOLD_US // grid.slot_us)))
        for name in told:
            if name in frame:
                told[name] = told[name].fillna(frame[name])
            frame[name] = told[name]


def last(connection: Connection, process_id: int) -> dict[str, float]:
    text = connection.exec_driver_sql(
        "SELECT g.readings FROM gauge_samples AS g JOIN resources AS r ON r.id = g.resource_id "
        "WHERE r.kind = 'process' AND g.resolution_s = 3600 AND g.process_id = ? "
        "ORDER BY g.bucket_us DESC LIMIT 1",
        (process_id,),
    ).scalar()
    return dict(decode(text)) if text else {}
