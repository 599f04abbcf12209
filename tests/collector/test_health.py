"""What the collector tells of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.errors import Fenced
from collector.health import Health, time_of_record
from collector.lease import Lease
from collector.progress import text
from storage.store import open_writer
from tests.collector.made import Made, query


def test_report_is_one_row_and_renews_the_lease(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite"
    engine = open_writer(str(store))
    lease = Lease()
    assert lease.take(engine, 1) is None
    health = Health(tmp_path / "spool")
    health.count(100.0, 400, 80_000)
    health.set_lag(1_000, 2.5)
    health.problems = {"a": "first", "b": "second"}
    health.save(engine, lease.holder, 101.0, 50_000_000, store)
    (row,) = query(store, "SELECT * FROM collector")
    told = {
        "heartbeat_us": 50_000_000, "expires_us": 55_000_000, "events_per_second": 80.0,
        "lag_bytes": 1_000, "lag_events": 5, "lag_seconds": 2.5, "backlog_bytes": 1_000,
        "problem": "first; second", "problem_since_us": 50_000_000,
        "spool": str(tmp_path / "spool"),
    }  # fmt: skip
    assert {name: row[name] for name in told} == told
    assert row["store_bytes"] >= store.stat().st_size
    health.save(engine, lease.holder, 102.0, 51_000_000, store)
    assert query(store, "SELECT problem_since_us AS s FROM collector") == [{"s": 50_000_000}]
    health.problems = {}
    health.save(engine, lease.holder, 103.0, 52_000_000, store)
    (row,) = query(store, "SELECT * FROM collector")
    assert (row["problem"], row["problem_since_us"]) == ("", 0)
    with pytest.raises(Fenced):
        health.save(engine, "somebody else", 104.0, 53_000_000, store)
    engine.dispose()


def test_rate_forgets_what_is_old() -> None:
    health = Health(Path())
    health.count(10.0, 1_000, 1)
    health.count(13.0, 500, 1)
    assert health.rate(14.0) == 300.0
    assert health.rate(16.0) == 100.0
    assert health.rate(60.0) == 0.0


def test_progress_tells_share_and_time_left() -> None:
    health = Health(Path())
    health.set_lag(100_000_000, 10)
    health.count(0.0, 100, 25_000)
    health.set_lag(25_000_000, 5)
    assert text(health, 50_000.0) == "draining:  75% of 100.0 MB, 50,000 events/s, about 2 s left"


def test_time_of_a_record_is_read_without_decoding(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.write()
    assert time_of_record(str(made.path), 0) == 1_900_000_001_000_000
    assert time_of_record(str(made.path), 3) is None
    assert time_of_record(str(tmp_path / "none"), 0) is None
