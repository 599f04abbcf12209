"""Calls of stores, caches and embeddings: every sum equals one made here from the events."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from storage import histogram
from tests.collector.made import Made, collect, everything, one, query

SECOND = 1_000_000
STORE, CACHE, EMBEDDINGS = "5" * 12, "c" * 12, "e" * 12
NAMES = ("count", "errors", "items", "asked", "hits", "payload_bytes", "unsized", "duration_us",
         "waited_us", "characters", "saved_us", "unknown_hits")  # fmt: skip


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def recount(calls: list[tuple[int, dict[str, Any]]], resolution: int) -> dict[Any, dict[str, Any]]:
    """Sums of calls (time, what was told) by bucket, resource, method and part."""
    found: dict[Any, dict[str, Any]] = {}
    durations: dict[Any, list[int]] = defaultdict(list)
    for at_us, call in calls:
        width = resolution * SECOND
        key = (at_us // width * width, call["resource"], call["method"], call["part"])
        row = found.setdefault(key, dict.fromkeys(NAMES, 0))
        told = not call["error"] and call["hits"] >= 0 and call["method"] != "search"
        row["count"] += 1
        row["errors"] += bool(call["error"])
        row["items"] += call["items"]
        row["asked"] += call["items"] if told else 0
        row["hits"] += call["hits"] if told else 0
        row["payload_bytes"] += max(call["size"], 0)
        row["unsized"] += call["size"] < 0
        row["duration_us"] += call["duration_us"]
        row["waited_us"] += call["numbers"].get("waited_us", 0)
        row["characters"] += call["numbers"].get("characters", 0)
        durations[key].append(call["duration_us"])
    for key, row in found.items():
        row["duration_min_us"], row["duration_max_us"] = min(durations[key]), max(durations[key])
        counts: dict[int, int] = defaultdict(int)
        for duration in durations[key]:
            counts[histogram.bucket_of(duration)] += 1
        row["histogram"] = histogram.pack(counts)
    return found


def random_calls(made: Made, chance: random.Random, number: int) -> list[tuple[int, Any]]:
    """Calls of a store and of embeddings, written; returned with their times."""
    calls = []
    for _ in range(number):
        resource, method = chance.choice([
            (STORE, "get"), (STORE, "put"), (STORE, "search"), (EMBEDDINGS, "embed_documents"),
        ])  # fmt: skip
        items = chance.randrange(1, 9)
        call = {
            "resource": resource,
            "method": method,
            "part": chance.choice(["users/1", "users/2", ""]),
            "duration_us": chance.randrange(90_000),
            "error": chance.choice(["", "", "", "TimeoutError"]),
            "items": items,
            "hits": -1 if method == "put" else chance.randrange(items + 1),
            "size": chance.choice([-1, 0, 700]),
            "numbers": chance.choice([{}, {"waited_us": 40, "characters": 12}]),
        }
        made.access(**call)
        calls.append((made.at_us, call))
        made.at_us += chance.randrange(3 * SECOND)
    return calls


def test_each_resolution_equals_an_independent_sum(spool: Path, store: Path) -> None:
    """Over several batches of two processes that add to the same buckets."""
    chance = random.Random(3)
    calls = []
    first, second = Made(spool), Made(spool)
    for made in (first, second):
        made.resource(STORE, "store")
        made.resource(EMBEDDINGS, "embeddings")
    for _ in range(3):
        for made in (first, second):
            calls += random_calls(made, chance, 400)
            made.write()
        collect(spool, store)
    for resolution in (1, 60, 3600):
        rows = query(
            store,
            "SELECT a.*, r.key FROM access_rollups a JOIN resources r ON r.id = a.resource_id "
            "WHERE resolution_s = ?",
            resolution,
        )
        found = {}
        for row in rows:
            assert (row.pop("resolution_s"), row.pop("application")) == (resolution, "app")
            del row["resource_id"]
            found[tuple(row.pop(name) for name in ("bucket_us", "key", "method", "part"))] = row
        assert found == recount(calls, resolution)


def test_replayed_segments_change_nothing(spool: Path, store: Path) -> None:
    """Calls, keys, readings and durations of nodes are taken exactly once, too."""
    made = Made(spool)
    made.resource(CACHE, "cache")
    for number in range(50):
        made.node("plan", 1_000 * number)
        made.access(CACHE, "get", "plan", hits=number % 2, keys=(f"{number % 7:016x}",))
        made.gauges("f" * 12, requests=number, size=number % 5)
    random_calls(made, random.Random(1), 50)
    made.write()
    made.die()
    segment = made.path.read_bytes()
    collect(spool, store)
    first = everything(store)
    for table in ("access_rollups", "cache_keys", "gauge_samples", "node_durations"):
        assert first[table], table
    made.path.write_bytes(segment)
    collect(spool, store)
    assert everything(store) == first


def test_a_hit_saves_the_usual_duration_known_then(spool: Path, store: Path) -> None:
    """The median of the node's runs before it; cached, failed and interrupted ones are none."""
    made = Made(spool)
    made.resource(CACHE, "cache")
    expected = unknown = 0
    runs: dict[str, list[int]] = defaultdict(list)
    chance = random.Random(5)
    for number in range(400):
        node = chance.choice(["plan", "search", "write"])
        if number > 30 and chance.random() < 0.5:
            hits = chance.randrange(1, 3)
            made.access(CACHE, "get", node, items=2, hits=hits)
            if runs[node]:
                ordered = sorted(runs[node])
                median = ordered[-(-len(ordered) // 2) - 1]
                middle = histogram.middle_of(histogram.bucket_of(median))
                assert abs(middle - median) <= median / 16 + 1
                expected += hits * round(middle)
            else:
                unknown += hits
        elif number > 60 or node != "write":
            duration = chance.randrange(20, 900_000)
            error = chance.choice(["", "", "ValueError", "GraphInterrupt"])
            cached = chance.randrange(2) if not error else 0
            made.node(node, 0 if cached else duration, error=error, cached=cached)
            if not cached and not error:
                runs[node].append(duration)
        if number % 100 == 99:
            made.write()
            collect(spool, store)
    for resolution in (1, 60, 3600):
        (row,) = query(
            store,
            "SELECT sum(saved_us) AS saved, sum(unknown_hits) AS unknown FROM access_rollups "
            "WHERE resolution_s = ?",
            resolution,
        )
        assert row == {"saved": expected, "unknown": unknown}
    assert unknown > 0
    kept = {row["node"]: row for row in query(store, "SELECT * FROM node_durations")}
    assert {node: row["count"] for node, row in kept.items()} == {
        node: len(durations) for node, durations in runs.items()
    }


def test_durations_of_other_graphs_and_applications_save_nothing(spool: Path, store: Path) -> None:
    """A node of the same name elsewhere is another node."""
    made = Made(spool)
    made.resource(CACHE, "cache")
    made.node("plan", 5_000, graph="other")
    made.access(CACHE, "get", "plan", items=1, hits=1)
    made.write()
    collect(spool, store)
    assert (
        query(store, "SELECT saved_us, unknown_hits FROM access_rollups")
        == [{"saved_us": 0, "unknown_hits": 1}] * 3
    )


def test_a_call_before_its_introduction_is_kept(spool: Path, store: Path) -> None:
    """The introduction may come from a later segment, or be lost."""
    made = Made(spool)
    made.access(STORE, "get", "users", hits=1)
    made.write()
    collect(spool, store)
    assert one(store, "SELECT kind FROM resources") == ""
    made.resource(STORE, "store", "postgres", ttl_seconds=60)
    made.access(STORE, "get", "users", hits=0)
    made.write()
    collect(spool, store)
    (row,) = query(store, "SELECT * FROM resources")
    assert (row["kind"], row["backend"], row["label"]) == ("store", "postgres", "the store")
    assert row["facts"] == '{"ttl_seconds":60}'
    assert row["last_seen_us"] == made.at_us > row["first_seen_us"]
    assert one(store, "SELECT sum(count) FROM access_rollups WHERE resolution_s = 1") == 2
