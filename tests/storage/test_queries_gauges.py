"""Pools and lru caches, each figure against the readings themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from storage.queries import Scope
from storage.queries_gauges import FRESH_US, lru_caches, pools, servers
from storage.store import open_reader
from tests.storage import seed
from tests.storage.seed_resources import ResourceSeed

NOW = 1_900_000_000 * seed.SECOND
WINDOW_S = 900


@pytest.fixture(scope="module")
def whole() -> seed.Seed:
    return seed.sample_backends(NOW)


@pytest.fixture(scope="module")
def made(whole: seed.Seed) -> ResourceSeed:
    assert whole.resources is not None
    return whole.resources


@pytest.fixture(scope="module")
def engine(whole: seed.Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_reader(str(whole.write(tmp_path_factory.mktemp("gauges") / "store.sqlite")))
    yield engine
    engine.dispose()


def readings(made: ResourceSeed, resource: int) -> dict[int, list[dict[str, Any]]]:
    """Readings of a resource by process, oldest first."""
    by_process: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for gauge in made.gauges:
        if gauge["resource"] == resource:
            by_process[gauge["process"]].append(gauge)
    return by_process


def growth(told: list[dict[str, Any]], name: str) -> list[int]:
    """By how much a counter grew with each reading; the seed's begin at 0 again once."""
    values = [gauge["readings"][name] for gauge in told]
    pairs = zip([0, *values], values, strict=False)
    return [now - before if now >= before else now for before, now in pairs]


def test_a_pool_of_two_processes_is_summed(engine: Engine, made: ResourceSeed) -> None:
    """Levels of the process that is left; counters of both, over the restart of one."""
    (row,) = pools(engine, WINDOW_S, at_us=NOW).resources.to_dict("records")
    by_process = readings(made, 6)
    newest = by_process[1][-1]["readings"]
    assert NOW - by_process[2][-1]["at_us"] > FRESH_US
    assert row["processes"] == 1
    assert {name: row[name] for name in ("size", "in_use", "waiting")} == {
        name: newest[name] for name in ("size", "in_use", "waiting")
    }
    for name in ("requests", "waited_us", "timeouts", "lost"):
        assert row[name] == sum(sum(growth(told, name)) for told in by_process.values())
    assert row["mean_wait_us"] == row["waited_us"] / row["requests"]
    assert (row["label"], row["facts"]) == ("localhost:5432/chat", '{"minimum": 1, "maximum": 8}')


def test_of_one_application_only_its_process_counts(engine: Engine, made: ResourceSeed) -> None:
    (row,) = pools(engine, WINDOW_S, Scope(None, "research"), NOW).resources.to_dict("records")
    told = readings(made, 6)[2]
    assert row["requests"] == sum(growth(told, "requests"))
    assert row["processes"] == 0
    assert pd.isna(row["size"])
    assert row["peak_size"] == 4
    assert pools(engine, WINDOW_S, Scope("redis"), NOW).resources.empty


def test_levels_and_rates_over_time_equal_a_recount(engine: Engine, made: ResourceSeed) -> None:
    """A level holds until the process was silent for too long."""
    found = pools(engine, WINDOW_S, at_us=NOW)
    grid = found.grid
    points = len(grid.starts_us)
    by_process = readings(made, 6)
    rates, levels = np.zeros(points), np.zeros(points)
    for told in by_process.values():
        last = {}
        for gauge, grown in zip(told, growth(told, "requests"), strict=True):
            slot = (gauge["at_us"] - grid.start_us) // grid.slot_us
            rates[slot] += grown
            last[slot] = gauge["readings"]["in_use"]
        for slot in range(points):
            known = [s for s in last if slot - -(-FRESH_US // grid.slot_us) <= s <= slot]
            levels[slot] += last[max(known)] if known else 0
    covered = np.clip(NOW - grid.starts_us, 1_000_000, grid.slot_us) / 1_000_000
    by_name = {name: part for name, part in found.over_time.groupby("name")}  # noqa: C416
    assert list(by_name["in_use"]["at_us"]) == list(grid.starts_us)
    np.testing.assert_allclose(by_name["requests"]["value"], rates / covered)
    np.testing.assert_allclose(by_name["in_use"]["value"].fillna(0), levels)


def test_an_lru_cache(engine: Engine, made: ResourceSeed) -> None:
    (row,) = lru_caches(engine, WINDOW_S, at_us=NOW).resources.to_dict("records")
    newest = readings(made, 7)[1][-1]["readings"]
    assert {name: row[name] for name in newest} == newest
    assert row["hit_rate"] == newest["hits"] / (newest["hits"] + newest["misses"])
    assert row["peak_size"] == newest["size"]


@pytest.mark.parametrize("window_s", [60, 6 * 3600, 7 * 86_400])
def test_other_windows_tell_the_same_growth(
    engine: Engine, made: ResourceSeed, window_s: int
) -> None:
    """Buckets of minutes and hours have the sums of those of seconds."""
    found = lru_caches(engine, window_s, at_us=NOW)
    told = readings(made, 7)[1]
    expected = sum(
        grown
        for gauge, grown in zip(told, growth(told, "hits"), strict=True)
        if gauge["at_us"] >= found.grid.start_us
    )
    assert found.resources["hits"].sum() == expected


def test_servers(engine: Engine, made: ResourceSeed) -> None:
    """What each tells, its counters as they grew; what it does not tell is missing, or 0."""
    found = servers(engine, WINDOW_S, at_us=NOW)
    rows = {row["backend"]: row for row in found.resources.to_dict("records")}
    for backend, resource in (("redis", 8), ("postgres", 9)):
        (told,) = readings(made, resource).values()
        for name, value in told[-1]["readings"].items():
            counts = name in {"hits", "misses", "evicted", "commands", "commits", "blocks_read",
                              "blocks_hit"}  # fmt: skip
            assert rows[backend][name] == (sum(growth(told, name)) if counts else value)
    assert np.isnan(rows["postgres"]["keys"])
    assert rows["postgres"]["hits"] == 0
