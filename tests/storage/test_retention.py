"""What is deleted when it is too old, and what is not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.traffic import Traffic, write_spool
from storage import retention
from storage.retention import DAY_US
from storage.store import open_writer
from tests.collector.made import Made, collect, one, query

TABLES = ("operations", "runs", "node_runs", "samples", "thread_minutes")


def fill(folder: Path, days: tuple[int, ...]) -> Path:
    """A store with events of some days ago."""
    store = folder / "store.sqlite"
    now_us = time.time_ns() // 1000
    for number, day in enumerate(days):
        traffic = Traffic(number, threads=5, start_us=now_us - day * DAY_US, turn_us=100_000)
        write_spool(folder / "spool", traffic, 300)
        collect(folder / "spool", store)
    return store


def sweep(store: Path, days: float = 14.0, later_days: int = 0) -> int:
    engine = open_writer(str(store))
    deleted = retention.sweep(engine, time.time_ns() // 1000 + later_days * DAY_US, days)
    engine.dispose()
    return deleted


def test_collector_sweeps_what_is_past_its_age(tmp_path: Path) -> None:
    """Single rows go, sums by the hour and threads stay."""
    store = fill(tmp_path, (20, 1))
    for table in TABLES:
        time_of = "minute_us" if table == "thread_minutes" else "at_us"
        oldest = one(store, f"SELECT min({time_of}) FROM {table}")
        assert oldest > time.time_ns() // 1000 - 14 * DAY_US, table
    assert one(store, "SELECT sum(count) FROM rollups WHERE resolution_s = 3600") == one(
        store, "SELECT sum(operations) FROM threads"
    )
    assert one(store, "SELECT count(*) FROM operations") > 100
    assert one(store, "SELECT count(*) FROM threads") == 10


def test_sums_by_second_and_minute_have_their_own_ages(tmp_path: Path) -> None:
    store = fill(tmp_path, (1,))
    assert sweep(store) == 0
    sweep(store, later_days=2)
    left = query(store, "SELECT DISTINCT resolution_s AS r FROM rollups ORDER BY 1")
    assert [row["r"] for row in left] == [60, 3600]
    sweep(store, days=1e6, later_days=90)
    left = query(store, "SELECT DISTINCT resolution_s AS r FROM rollups ORDER BY 1")
    assert [row["r"] for row in left] == [3600]


def test_deleting_goes_in_chunks_and_gives_space_back(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """It can be interrupted between chunks, and goes on with the next sweep."""
    monkeypatch.setattr(retention, "CHUNK_ROWS", 20)
    monkeypatch.setattr(retention, "VACUUM_PAGES", 5)
    store = fill(tmp_path, (1,))
    engine = open_writer(str(store))
    before = one(store, "SELECT count(*) FROM operations")
    pages = one(store, "PRAGMA page_count")
    asked = iter([True, True, True])
    later_us = time.time_ns() // 1000 + 30 * DAY_US
    assert retention.sweep(engine, later_us, 14.0, lambda: next(asked, False)) == 60
    assert one(store, "SELECT count(*) FROM operations") == before - 60
    retention.sweep(engine, later_us, 14.0)
    assert one(store, "SELECT count(*) FROM operations") == 0
    engine.dispose()
    assert one(store, "PRAGMA page_count") < pages


def test_row_of_a_wrong_clock_does_not_stop_the_others(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Rows dated in the future stay, those behind them go."""
    monkeypatch.setattr(retention, "CHUNK_ROWS", 50)
    store = fill(tmp_path, (-40, 1))
    total = one(store, "SELECT count(*) FROM operations")
    sweep(store, later_days=20)
    assert 0 < one(store, "SELECT count(*) FROM operations") < total


def test_what_resources_leave_has_the_same_ages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums and readings like those of savers; keys of caches like single operations."""
    monkeypatch.setattr(retention, "CHUNK_ROWS", 7)
    store = tmp_path / "store.sqlite"
    now_us = time.time_ns() // 1000
    for day in (95, 20, 1):
        made = Made(tmp_path / "spool", start_us=now_us - day * DAY_US)
        made.resource("c" * 12, "cache")
        for number in range(30):
            key = f"{day:08x}{number:08x}"
            made.access("c" * 12, "set", f"node{day}", size=1, keys=(key,))
            made.gauges("f" * 12, size=number)
        made.write()
        made.die()
    collect(tmp_path / "spool", store)
    sweep(store)
    oldest = {
        (table, row["r"]): round((now_us - row["oldest"]) / DAY_US)
        for table in ("access_rollups", "gauge_samples")
        for row in query(
            store, f"SELECT resolution_s AS r, min(bucket_us) AS oldest FROM {table} GROUP BY 1"
        )
    }
    assert oldest == {
        (table, resolution): days
        for table in ("access_rollups", "gauge_samples")
        for resolution, days in ((1, 1), (60, 20), (3600, 95))
    }
    assert one(store, "SELECT count(*) FROM cache_keys") == 30
    nodes = query(store, "SELECT node, kept FROM cache_nodes")
    assert nodes == [{"node": "node1", "kept": 30}]
