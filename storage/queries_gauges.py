"""Pools and lru caches: what they show now, their rates, and both over time.

Read from ``gauge_samples``. Levels and counters of several processes are summed; a process counts
until it was silent for ``FRESH_US``, because a probe repeats what does not change once a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from storage.gauges import COUNTERS, decode
from storage.queries import ALL, SECOND_US, Grid, Scope, fetch, grid_for, now_us, reading, slots_of
from storage.queries_backends import share
from storage.queries_resources import ROWS, has_tables

FRESH_US = 90 * SECOND_US

POOL = ("size", "in_use", "waiting", "requests", "waited_us", "timeouts", "lost")
LRU = ("size", "maximum", "hits", "misses")
SERVER = (
    "up", "clients", "used_bytes", "maximum_bytes", "resident_bytes", "size_bytes", "disk_bytes",
    "keys", "keys_forever", "fragmentation_percent", "hits", "misses", "evicted", "expired",
    "commands", "commits", "rollbacks", "deadlocks", "blocks_read", "blocks_hit", "rows_read",
    "rows_written", "temporary_bytes",
)  # fmt: skip
"""What servers tell; each kind of server tells some of it."""


@dataclass(frozen=True)
class Gauges:
    """Pools or lru caches over a window, read in one transaction."""

    grid: Grid
    seconds: float
    """Length of the window that the growth of counters covers."""
    resources: pd.DataFrame
    """A row for each resource, the one seen last first: resource_id, backend, class_name, label,
    database, facts (JSON), last_seen_us, processes (that show it now, count). Of each level (of a
    pool size, in_use, waiting; of an lru cache size, maximum): its newest reading, missing where
    no process shows it now, and the highest in the window as ``peak_<name>``, both summed over
    processes. Of each counter (of a pool requests, waited_us, timeouts, lost; of an lru cache
    hits, misses): its growth in the window. Of a pool also requests_per_second and mean_wait_us
    (a request), of an lru cache hit_rate (0 to 1); missing without any."""
    over_time: pd.DataFrame
    """A row for each slot, resource_id and name: at_us, value. A level is the newest reading in or
    before the slot, a counter its growth a second; both summed over processes."""


def pools(engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None) -> Gauges:
    """Pools of connections over the last ``window_s`` seconds."""
    found = _read(engine, "pool", POOL, (window_s, scope, at_us))
    table = found.resources
    table["requests_per_second"] = table["requests"] / found.seconds
    table["mean_wait_us"] = share(table["waited_us"], table["requests"])
    return found


def lru_caches(
    engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None
) -> Gauges:
    """Watched ``functools.lru_cache`` functions over the last ``window_s`` seconds."""
    found = _read(engine, "lru", LRU, (window_s, scope, at_us))
    table = found.resources
    table["hit_rate"] = share(table["hits"], table["hits"] + table["misses"])
    return found


def servers(engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None) -> Gauges:
    """Servers that ``STATEMETER_SERVERS`` names, over the last ``window_s`` seconds. A counter that
    a kind of server does not tell is 0 in ``resources``."""
    return _read(engine, "server", SERVER, (window_s, scope, at_us))


def _read(
    engine: Engine, kind: str, names: tuple[str, ...], asked: tuple[int, Scope, int | None]
) -> Gauges:
    window_s, scope, at_us = asked
    at_us = now_us() if at_us is None else at_us
    only = " AND r.backend = :backend" if scope.backend is not None else ""
    by_whom = " AND p.application = :application" if scope.application is not None else ""
    about = ("backend", "class_name", "label", "database", "facts", "last_seen_us")
    told = {"kind": kind, **scope.values()}
    with reading(engine) as connection:
        grid = grid_for(connection, window_s, at_us)
        rows = known = pd.DataFrame()
        if has_tables(connection):
            grid = grid_for(connection, window_s, at_us, "gauge_samples")
            known = fetch(
                connection,
                f"SELECT r.id AS resource_id, r.{', r.'.join(about)} FROM resources AS r "
                f"WHERE r.kind = :kind{only} AND EXISTS (SELECT 1 FROM gauge_samples AS g "
                # Left: of a server no process tells.
                "LEFT JOIN processes AS p ON p.id = g.process_id WHERE g.resolution_s = 3600 "
                f"AND g.resource_id = r.id{by_whom}) "
                "ORDER BY r.last_seen_us DESC, r.id LIMIT :limit",
                **told,
                limit=ROWS,
            )
            rows = fetch(
                connection,
                "SELECT g.resource_id, g.process_id, g.bucket_us, g.at_us, g.readings, g.peaks, "
                "g.added FROM gauge_samples AS g JOIN resources AS r ON r.id = g.resource_id "
                "LEFT JOIN processes AS p ON p.id = g.process_id "
                f"WHERE r.kind = :kind{only}{by_whom} "
                "AND g.resolution_s = :resolution AND g.bucket_us >= :start "
                "ORDER BY g.resource_id, g.process_id, g.bucket_us",
                **told,
                resolution=grid.resolution_s,
                # What was told before the window holds in its first slots.
                start=grid.start_us - max(FRESH_US, grid.resolution_s * SECOND_US),
            )
    if known.empty:
        columns = [
            "resource_id", *about, "processes", *names,
            *(f"peak_{name}" for name in names if name not in COUNTERS),
        ]  # fmt: skip
        known = pd.DataFrame(columns=columns).astype(dict.fromkeys(names, float))
        over_time = pd.DataFrame(columns=["at_us", "resource_id", "name", "value"])
        return Gauges(grid, float(window_s), known, over_time)
    seconds = max(at_us - grid.start_us, SECOND_US) / SECOND_US
    by_resource = dict(iter(rows.groupby("resource_id")))
    curves = []
    for place, number in enumerate(known["resource_id"]):
        part = by_resource.get(number)
        one = _Resource(grid, names, at_us)
        for series in () if part is None else _series(part):
            one.add(series)
        for name, value in one.row().items():
            known.loc[place, name] = value
        curves += [
            pd.DataFrame({"at_us": grid.starts_us, "resource_id": number, "name": name,
                          "value": values})
            for name, values in one.curves().items()
        ]  # fmt: skip
    known["processes"] = known["processes"].astype(np.int64)
    for name in names:
        if name in COUNTERS:
            known[name] = known[name].astype(np.int64)
    return Gauges(grid, seconds, known, pd.concat(curves, ignore_index=True))


def _series(part: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for _, series in part.groupby("process_id"):
        yield series


class _Resource:
    """What the processes show of one resource, summed."""

    def __init__(self, grid: Grid, names: tuple[str, ...], at_us: int) -> None:
        self._grid = grid
        self._at_us = at_us
        self._names = names
        points = len(grid.starts_us)
        self._hold = -(-FRESH_US // grid.slot_us)
        self._processes = 0
        self._now: dict[str, int] = {}
        self._grown = {name: np.zeros(points) for name in names if name in COUNTERS}
        self._levels = {name: np.full(points, np.nan) for name in names if name not in COUNTERS}
        self._peaks = {name: np.zeros(points) for name in self._levels}

    def add(self, series: pd.DataFrame) -> None:
        """The rows of one process, oldest first."""
        grid, points = self._grid, len(self._grid.starts_us)
        inside = slots_of(grid, series["bucket_us"])
        before = series["bucket_us"].to_numpy(np.int64) < grid.start_us
        level = {name: np.full(points, np.nan) for name in self._levels}
        peak = {name: np.full(points, -np.inf) for name in self._levels}
        heard = np.full(points, -self._hold - 1)
        texts = zip(series["readings"], series["peaks"], series["added"], strict=True)
        newest: dict[str, int] = {}
        for slot, early, (readings, peaks, added) in zip(inside, before, texts, strict=True):
            newest = decode(readings)
            heard[slot] = slot
            for name in self._levels:
                if name in newest:
                    level[name][slot] = newest[name]
                    highest = newest[name] if early else decode(peaks).get(name, newest[name])
                    peak[name][slot] = max(peak[name][slot], highest)
            if not early:
                for name, growth in decode(added).items():
                    if name in self._grown:
                        self._grown[name][slot] += growth
        fresh = np.arange(points) - np.maximum.accumulate(heard) <= self._hold
        for name, values in level.items():
            held = pd.Series(values).ffill().where(fresh).to_numpy()
            both = np.isnan(self._levels[name]) & np.isnan(held)
            total = np.nan_to_num(self._levels[name]) + np.nan_to_num(held)
            self._levels[name] = np.where(both, np.nan, total)
            self._peaks[name] += np.maximum(peak[name], np.nan_to_num(held))
        if int(series["at_us"].iloc[-1]) > self._at_us - FRESH_US:
            self._processes += 1
            for name in self._levels:
                if name in newest:
                    self._now[name] = self._now.get(name, 0) + newest[name]

    def row(self) -> dict[str, float | None]:
        """The columns of this resource, see ``Gauges.resources``."""
        row: dict[str, float | None] = {"processes": self._processes}
        for name in self._names:
            if name in self._grown:
                row[name] = float(self._grown[name].sum())
            else:
                row[name] = self._now.get(name)
                seen = self._peaks[name][~np.isnan(self._levels[name])]
                row[f"peak_{name}"] = float(seen.max()) if len(seen) else None
        return row

    def curves(self) -> dict[str, np.ndarray]:
        """Name → a value for each slot, missing ones left out by who draws."""
        grid = self._grid
        covered = np.clip(self._at_us - grid.starts_us, SECOND_US, grid.slot_us) / SECOND_US
        rates = {name: grown / covered for name, grown in self._grown.items()}
        return {name: self._levels[name] if name in self._levels else rates[name]
                for name in self._names}  # fmt: skip
