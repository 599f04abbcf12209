"""Stores, caches and embeddings, each figure against a count of the calls themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine

from storage import migrations
from storage.models_resources import FOLDED
from storage.queries import Scope
from storage.queries_gauges import lru_caches, pools
from storage.queries_resources import SUMS, Calls, caches, embeddings, stores
from storage.store import open_reader, open_writer
from tests.storage import seed
from tests.storage.seed_resources import APPLICATIONS, RESOURCES, ResourceSeed, total
from tests.storage.test_queries_backends import nearest_rank

NOW = 1_900_000_000 * seed.SECOND
WINDOW_S = 900
QUERIES: dict[str, Callable[..., Calls]] = {
    "store": stores, "cache": caches, "embeddings": embeddings,
}  # fmt: skip


@pytest.fixture(scope="module")
def made() -> ResourceSeed:
    resources = seed.sample_backends(NOW).resources
    assert resources is not None
    resources.call(NOW - 5 * seed.SECOND, 1, 1, "get", part=FOLDED, hits=0)
    return resources


@pytest.fixture(scope="module")
def engine(made: ResourceSeed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    whole = seed.sample_backends(NOW)
    whole.resources = made
    engine = open_reader(str(whole.write(tmp_path_factory.mktemp("resources") / "store.sqlite")))
    yield engine
    engine.dispose()


def chosen(made: ResourceSeed, kind: str, scope: Scope) -> list[dict[str, Any]]:
    """The calls of a kind in a scope."""
    return [
        call for call in made.calls
        if RESOURCES[call["resource"]][0] == kind
        and scope.backend in {None, RESOURCES[call["resource"]][1]}
        and scope.application in {None, APPLICATIONS[call["process"]]}
    ]  # fmt: skip


def check(table: pd.DataFrame, groups: dict[Any, list[dict[str, Any]]], by: list[str]) -> None:
    """Hold the rows of a table against the calls of each."""
    assert {tuple(row[name] for name in by) for row in table.to_dict("records")} == set(groups)
    for row in table.to_dict("records"):
        calls = groups[tuple(row[name] for name in by)]
        expected = total(calls)
        assert {name: row[name] for name in SUMS} == {name: expected[name] for name in SUMS}
        assert row["misses"] == expected["asked"] - expected["hits"]
        if expected["asked"]:
            assert row["hit_rate"] == expected["hits"] / expected["asked"]
        else:
            assert pd.isna(row["hit_rate"])
        durations = [call["duration_us"] for call in calls]
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            assert row[name] == nearest_rank(durations, q)


@pytest.mark.parametrize("kind", QUERIES)
@pytest.mark.parametrize("scope", [Scope(), Scope("memory"), Scope(None, "research")])
def test_calls_equal_a_recount(engine: Engine, made: ResourceSeed, kind: str, scope: Scope) -> None:
    """By resource, method and part, in all scopes."""
    found = QUERIES[kind](engine, WINDOW_S, scope, NOW)
    for name, by in (
        ("resources", ["resource_id"]),
        ("methods", ["resource_id", "method"]),
        ("parts", ["resource_id", "method", "part"]),
    ):
        groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for call in chosen(made, kind, scope):
            told = {**call, "resource_id": call["resource"]}
            groups[tuple(told[key] for key in by)].append(call)
        check(getattr(found, name), groups, by)
    for row in found.resources.itertuples():
        assert (kind, row.backend, row.class_name, row.label) == RESOURCES[row.resource_id][:4]


def test_calls_over_time_add_up(engine: Engine, made: ResourceSeed) -> None:
    """Slot by slot, of each method of each store."""
    found = stores(engine, WINDOW_S, at_us=NOW)
    slots: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    grid = found.grid
    for call in chosen(made, "store", Scope()):
        slot = grid.start_us + (call["at_us"] - grid.start_us) // grid.slot_us * grid.slot_us
        slots[slot, call["resource"], call["method"]].append(call)
    rows = {(row.at_us, row.resource_id, row.method): row for row in found.over_time.itertuples()}
    assert set(rows) == set(slots)
    for key, calls in slots.items():
        expected = total(calls)
        for name in ("count", "errors", "hits", "asked", "payload_bytes", "duration_us"):
            assert getattr(rows[key], name) == expected[name]


def test_calls_of_too_many_parts_are_counted(engine: Engine) -> None:
    assert stores(engine, WINDOW_S, at_us=NOW).folded == 1
    assert caches(engine, WINDOW_S, at_us=NOW).folded == 0


def test_nodes_of_caches_equal_a_recount(engine: Engine, made: ResourceSeed) -> None:
    """Hits, what they saved, and the keys: distinct, never hit, with and without TTL."""
    found = caches(engine, WINDOW_S, at_us=NOW)
    keys: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for key in made.key_rows():
        keys[key["resource_id"], key["node"]].append(key)
    assert {(row.resource_id, row.node) for row in found.nodes.itertuples()} == set(keys)
    for row in found.nodes.itertuples():
        calls = [c for c in made.calls if (c["resource"], c["part"]) == (row.resource_id, row.node)]
        gets = [call for call in calls if call["method"] == "get"]
        sets = [call for call in calls if call["method"] == "set"]
        assert (row.gets, row.sets, row.clears) == (len(gets), len(sets), 0)
        assert row.hits == sum(call["hits"] for call in gets)
        assert row.misses == len(gets) - row.hits
        assert row.hit_rate == row.hits / row.asked
        assert row.written_bytes == 400 * len(sets)
        assert row.saved_us == sum(call["saved_us"] for call in gets)
        assert row.unknown_hits == sum(call["unknown_hits"] for call in gets)
        assert row.get_p95 == nearest_rank([call["duration_us"] for call in gets], 0.95)
        own = keys[row.resource_id, row.node]
        dropped = (7, 4) if row.node == "plan" else (0, 0)
        assert (row.keys, row.dropped_keys) == (len(own), dropped[0])
        assert row.unhit_keys == dropped[1] + sum(k["sets"] > 0 and not k["hits"] for k in own)
        assert row.key_bytes == sum(key["value_bytes"] or 0 for key in own)
        written = [key for key in own if key["sets"]]
        assert row.endless_keys == sum(key["ttl_seconds"] is None for key in written)
        if row.node == "retrieve":
            assert (row.ttl_min_seconds, row.ttl_max_seconds) == (300, 300)
        else:
            assert pd.isna(row.ttl_min_seconds)
    slots: dict[Any, int] = defaultdict(int)
    for call in chosen(made, "cache", Scope()):
        if call["method"] == "get":
            grid = found.grid
            start = grid.start_us + (call["at_us"] - grid.start_us) // grid.slot_us * grid.slot_us
            slots[start, call["resource"], call["part"]] += call["hits"]
    assert {
        (row.at_us, row.resource_id, row.node): row.hits
        for row in found.hits_over_time.itertuples()
    } == slots


def test_a_store_that_was_not_upgraded_yet_shows_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages opened before the collector: empty tables with the same columns, and no error."""
    empty = open_writer(str(tmp_path / "new.sqlite"))
    with monkeypatch.context() as earlier:
        earlier.setattr(migrations, "NEWEST", 1)
        earlier.setattr(migrations, "CHANGES", migrations.CHANGES[:1])
        old = open_writer(str(tmp_path / "old.sqlite"))
    for ask in (*QUERIES.values(), pools, lru_caches):
        for name, value in vars(ask(old, WINDOW_S, at_us=NOW)).items():
            if isinstance(value, pd.DataFrame):
                assert value.empty, name
                other = getattr(ask(empty, WINDOW_S, at_us=NOW), name)
                assert set(other.columns) == set(value.columns), (ask, name)
    old.dispose()
    empty.dispose()
