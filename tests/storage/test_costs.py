"""Costs of a store: the workload by plain SQL, forecasts, limits, context, and the report."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.__main__ import main
from storage.cost_limits import DOCUMENT_BESIDE, DOCUMENT_BYTES, meets
from storage.cost_terms import SECONDS
from storage.costs import Costs, costs
from storage.growth import fit
from storage.overheads import ASSUMED
from storage.queries import Scope
from storage.queries_overheads import Room
from tests.sqlite_files import reader_of
from tests.storage import seed, seed_costs, seed_resources, seed_sources

GB = 1e9
NOW = time.time_ns() // 1000 // 3_600_000_000 * 3_600_000_000 - 1_800_000_000
"""Of all stores here: within an hour, so that what was made in the last minutes is not of the hours
before it."""
DAY_US = 86_400_000_000


def made(path: Path) -> seed.Seed:
    found = seed.sample_backends(NOW)
    found.write(path)
    return found


def sql(path: Path, statement: str, *values: Any) -> Any:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def read(path: Path, window_s: int = 900, scope: Scope | None = None) -> Costs:
    with reader_of(path) as engine:
        return costs(engine, window_s, scope or Scope(), NOW)


def price(path: Path, item: str, figure: float) -> None:
    """A price as the collector would keep it."""
    from storage.price_files import shipped

    (one,) = [p for p in shipped() if p.item == item]
    row = one.row() | {"price": figure, "key": one.key, "removed": 0, "changed_us": 1}
    sql(path, f"INSERT INTO prices ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
        *row.values())  # fmt: skip


def test_the_workload_is_a_recount(tmp_path: Path) -> None:
    """Stored bytes, and calls a month at the rate of the window, of each application and
    backend."""
    path = tmp_path / "store.sqlite"
    source = made(path)
    found = read(path)
    grid_s = found.measured.seconds
    for one in found.measured.workloads:
        rows = [t for t in source.threads
                if (t["application"], t["backend"]) == (one.application, one.backend)]  # fmt: skip
        assert (one.threads, one.stored_bytes) == (
            len(rows), sum(row["stored_bytes"] for row in rows),
        )  # fmt: skip
        keys = {row["id"] for row in rows}
        puts = [o for o in source.operations
                if o["thread_key"] in keys and o["operation"] == "put"]  # fmt: skip
        assert one.calls["put"] == pytest.approx(len(puts) * SECONDS / grid_s)
        assert one.a_month(one.work.runs) == pytest.approx(len(rows) * SECONDS / grid_s)
    assert found.runs_a_month == pytest.approx(len(source.threads) * SECONDS / grid_s)


def test_costs_of_what_is_in_use(tmp_path: Path) -> None:
    """SQLite: bytes × assumed overhead × disk, and a copy; the sum over backends is a lower bound
    while the memory of one's own machine has no price."""
    path = tmp_path / "store.sqlite"
    made(path)
    assert read(path).total[1]
    seed_costs.choose_own_memory(path)
    found = read(path)
    ((stored,),) = sql(path, "SELECT sum(stored_bytes) FROM threads WHERE backend = 'sqlite'")
    held = stored / GB * ASSUMED["sqlite"].ratio
    assert found.now["sqlite"].usd == pytest.approx(held * (0.08 + 0.023))
    usd, whole = found.total
    assert not whole
    known = [one.usd for one in found.now.values() if one.usd is not None]
    assert usd == pytest.approx(sum(known))
    price(path, "memory of the process", 0.01)
    assert read(path).total[1]


def test_all_threads_on_one_backend(tmp_path: Path) -> None:
    """What is asked of a backend that has none of them is the sum over all, in its layout; with a
    filter, of what is filtered."""
    path = tmp_path / "store.sqlite"
    source = made(path)
    found = read(path)
    assert "valkey" not in found.now
    valkey, sqlite_ = found.usages["valkey"], found.usages["sqlite"]
    assert valkey.stored_bytes == pytest.approx(4 / 3 * (sqlite_.stored_bytes or 0))
    calls = sum(o["operation"] == "put" for o in source.operations)
    assert (valkey.calls or {})["put"] == pytest.approx(calls * SECONDS / found.measured.seconds)
    one = read(path, scope=Scope("redis"))
    assert set(one.now) == {"redis"}
    redis = sum(t["stored_bytes"] for t in source.threads if t["backend"] == "redis")
    assert one.usages["redis"].stored_bytes == pytest.approx(redis)


def test_a_layout_that_is_not_told_is_unknown(tmp_path: Path) -> None:
    """Without the work by hour, nothing is said of other backends; nor in an older store."""
    path = tmp_path / "store.sqlite"
    made(path)
    sql(path, "DELETE FROM workload_hours WHERE backend = 'redis'")
    found = read(path)
    assert found.usages["sqlite"].stored_bytes is None
    assert found.elsewhere["sqlite"].usd is None
    assert found.now["redis"].usd is not None
    sql(path, "DROP TABLE workload_hours")
    sql(path, "DROP TABLE prices")
    sql(path, "DELETE FROM migrations WHERE version >= 8")
    assert read(path).now["redis"].usd is not None
    assert read(path).context.tokens_a_month is None


def test_too_little_history_is_said(tmp_path: Path) -> None:
    """Minutes of history: no forecast, no date, and why, in the minutes that there are."""
    path = tmp_path / "store.sqlite"
    made(path)
    found = read(path)
    assert found.forecast is None
    ((began,),) = sql(path, "SELECT min(first_seen_us) FROM threads")
    minutes = (NOW - began) / 60e6
    assert minutes < 55
    told = re.fullmatch(r"([\d.]+) min of history, 24 h are needed", found.forecast_why)
    assert told is not None, found.forecast_why
    assert minutes <= float(told[1]) <= minutes + 1
    assert {one.status for one in found.limits if one.backend != "mongodb"} <= {"unknown"}


def test_the_forecast_is_that_of_a_straight_line(tmp_path: Path) -> None:
    """A GB an hour for three days: after a year, 8,760 GB more of it, at the price of the disk and
    a copy."""
    path = tmp_path / "store.sqlite"
    source = seed.Seed(NOW)
    source.thread("t", steps=5)
    source.write(path)
    seed_costs.add_history(path, NOW, 72, lambda hour: 10**9)
    found = read(path)
    assert getattr(found.fits["sqlite"], "model", "") == "linear"
    assert found.forecast is not None
    assert len(found.forecast) == 13
    last = found.forecast.iloc[-1]
    held = (source.threads[0]["stored_bytes"] / GB + 8_760) * ASSUMED["sqlite"].ratio
    assert last["usd"] == pytest.approx(held * (0.08 + 0.023))
    assert last["low"] == pytest.approx(last["usd"], rel=1e-6)
    assert found.forecast.iloc[0]["usd"] == pytest.approx(found.now["sqlite"].usd)


def test_the_range_widens(tmp_path: Path) -> None:
    """With noise, the ends of the range enclose the expected cost, further apart each month."""
    path = tmp_path / "store.sqlite"
    source = seed.Seed(NOW)
    source.thread("t", steps=5)
    source.write(path)
    rng = np.random.default_rng(2)
    seed_costs.add_history(path, NOW, 100, lambda hour: int(rng.normal(1e8, 5e7)))
    forecast = read(path).forecast
    assert forecast is not None
    width = (forecast["high"] - forecast["low"]).to_numpy()
    assert (np.diff(width) > 0).all()
    assert (forecast["low"] <= forecast["usd"]).all()


def limit(used: float, most: float, rate: float, ratio: float = 1.0) -> Any:
    growth = fit(np.full(48, rate), 3600.0)
    assert growth is not None
    return meets(Room("disk", "sqlite", used, most, "x"), growth, ratio, NOW)


def test_dates_of_limits() -> None:
    """1 GB an hour with an overhead of 2 fills 100 GB in 50 hours; the states beside a date."""
    found = limit(0, 100e9, 1e9, 2.0)
    assert found.status == "date"
    assert (found.at_us - NOW) / 3.6e9 == 50
    assert found.earliest_us == found.at_us == found.latest_us
    assert limit(101, 100, 1e9).status == "met"
    assert limit(0, 1e18, 1e9).status == "later"
    assert limit(0, 100e9, 0).status == "later"
    assert limit(0, 100e9, -1e9).status == "later"
    assert meets(Room("d", "x", 0, 9, ""), "too little", 1, NOW).why == "too little"


def test_the_range_of_a_date() -> None:
    """Noise: the earliest comes before, the latest after or not within the year."""
    rng = np.random.default_rng(4)
    growth = fit(rng.normal(1e8, 4e7, 48), 3600.0)
    assert growth is not None
    found = meets(Room("disk", "sqlite", 0, 5e11, ""), growth, 1, NOW)
    assert found.earliest_us < found.at_us < (found.latest_us or NOW + 400 * DAY_US)


def test_documents_of_mongodb(tmp_path: Path) -> None:
    """A thread that grows by 0.1 MB a minute: when its document comes to 16 MB."""
    path = tmp_path / "store.sqlite"
    source = seed.Seed(NOW)
    key = source.thread("long", saver=6, steps=3)
    source.write(path)
    sql(path, "DELETE FROM thread_minutes")
    minute = NOW // 60_000_000 * 60_000_000
    for ago in range(40):
        sql(path, "INSERT INTO thread_minutes VALUES (?, ?, ?, 0, 0, 1)", key,
            minute - ago * 60_000_000, 5_000_000 - ago * 100_000)  # fmt: skip
    sql(path, "UPDATE threads SET live_bytes = 5000000")
    (found,) = [one for one in read(path).limits if "document" in one.label]
    minutes = (DOCUMENT_BYTES - 5_000_000 - DOCUMENT_BESIDE) / 100_000
    assert found.status == "date"
    # Limits are looked for by the hour.
    assert (found.at_us - NOW) / 6e7 == pytest.approx(minutes, abs=60)


def test_room_that_servers_tell_or_a_user_enters(tmp_path: Path) -> None:
    """maxmemory of a server whose counters are read; an entered one goes before it."""
    path = tmp_path / "store.sqlite"
    made(path)
    (found,) = [one for one in read(path).limits if "maxmemory" in one.label]
    told = [one["readings"].get("maximum_bytes") for one in seed_resources.sample(NOW).gauges]
    assert found.most_bytes == next(filter(None, told))
    sql(path, "INSERT INTO cost_settings VALUES ('maxmemory_gb', '7', 1)")
    (found,) = [one for one in read(path).limits if "maxmemory" in one.label]
    assert (found.most_bytes, found.why != "") == (7e9, True)


def test_overheads_that_were_measured(tmp_path: Path) -> None:
    """An attached Redis tells MEMORY USAGE, an attached PostgreSQL its relations; from too few
    bytes no ratio is taken."""
    path = tmp_path / "store.sqlite"
    made(path)
    sql(path, "UPDATE threads SET stored_bytes = 1000000 WHERE backend IN ('redis', 'postgres')")
    seed_sources.add(path, "e" * 12, NOW, [(5, {"memory_bytes": 6_000_000})], backend="redis")
    seed_sources.add(path, "d" * 12, NOW, [(5, {"file_bytes": 4_500_000})], backend="postgres")
    seed_sources.add(path, "f" * 12, NOW, [(5, {"file_bytes": 9_000})], backend="mongodb")
    overheads = read(path).physical.overheads
    assert (overheads["redis"].ratio, overheads["redis"].measured) == (2.0, True)
    assert (overheads["postgres"].ratio, overheads["postgres"].measured) == (1.5, True)
    assert not overheads["mongodb"].measured


def test_messages_as_context(tmp_path: Path) -> None:
    """Half of the writes are calls of a model; each is sent what messages hold, less 200 bytes a
    message, 4 bytes a token. Without a price of tokens their cost is unknown."""
    path = tmp_path / "store.sqlite"
    source = seed.Seed(NOW)
    source.thread("t", steps=11, growth=1_000)  # 1, 1000, 2000, … 10,000 bytes; 0 to 10 elements
    source.write(path)
    context = read(path).context
    month = SECONDS / read(path).measured.seconds
    sent = 0.5 * (1 + 55_000 - 200 * 55) * month
    assert context.calls_a_month == pytest.approx(0.5 * 11 * month)
    assert context.tokens_a_month == pytest.approx(sent / 4)
    assert context.usd_a_month is None
    assert "input tokens" in context.why
    price(path, "input tokens", 2.5)
    assert read(path).context.usd_a_month == pytest.approx(sent / 4 / 1e6 * 2.5)


def test_calls_of_an_attached_database_are_unknown(tmp_path: Path) -> None:
    """Nobody saw them: operations of a backend that charges for them are unknown, not free."""
    path = tmp_path / "store.sqlite"
    made(path)
    sql(path, "UPDATE workload_hours SET seen_puts = 0 WHERE backend = 'redis'")
    found = read(path).now["redis"]
    assert found.usd is None
    assert any("how many calls" in reason for reason in found.reasons)


def test_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fields for scripts: what is unknown is null, with the reason."""
    path = tmp_path / "store.sqlite"
    made(path)
    seed_costs.choose_own_memory(path)
    assert main(["costs", "--json", "--window", "15m", "--store", str(path)]) == 0
    rows = json.loads(capsys.readouterr().out)
    now = {row["backend"]: row for row in rows if row["kind"] == "now"}
    assert set(now) == {"sqlite", "memory", "postgres", "redis", "mongodb"}
    assert now["memory"]["usd"] is None
    assert now["memory"]["unknown"][0].startswith("memory: the price of")
    assert now["sqlite"]["storage_usd"] > 0
    assert now["sqlite"]["growth"] is None
    assert now["sqlite"]["overhead_measured"] is False
    instead = {row["backend"]: row for row in rows if row["kind"] == "instead"}
    assert instead["valkey"]["threads"] == sum(row["threads"] for row in now.values())
    assert main(["costs", "--backend", "redis", "--store", str(path)]) == 0
    assert "ElastiCache" in capsys.readouterr().out


def test_an_empty_store_costs_nothing_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    seed.new_store(path).dispose()
    found = read(path)
    assert found.total == (None, False)
    assert (found.elsewhere, found.limits, found.forecast) == ({}, [], None)


def test_in_short_it_is_the_same(tmp_path: Path) -> None:
    """With what backends hold summed already: the same costs and course, and nothing beside."""
    path = tmp_path / "store.sqlite"
    made(path)
    for backend in ("sqlite", "memory", "postgres", "redis", "mongodb"):
        seed_costs.add_history(path, NOW, 60, lambda hour: 10**8 + hour, backend)
    held = sql(
        path, "SELECT backend, count(*), sum(live_bytes), sum(stored_bytes) FROM threads GROUP BY 1"
    )
    whole = read(path)
    with reader_of(path) as engine:
        short = costs(engine, 900, at_us=NOW, brief=held)
    assert {name: one.least_usd for name, one in short.now.items()} == pytest.approx(
        {name: one.least_usd for name, one in whole.now.items()}
    )
    assert whole.forecast is not None
    assert short.forecast is not None
    assert list(short.forecast["usd"]) == pytest.approx(list(whole.forecast["usd"]))
    assert short.elsewhere == {}
