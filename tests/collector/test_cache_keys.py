"""Keys of node caches: counted exactly, and bounded."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from collector import cache_keys
from tests.collector.made import Made, collect, query

CACHE = "c" * 12
FIELDS = ("hits", "misses", "sets", "value_bytes", "ttl_seconds")


@pytest.fixture
def made(tmp_path: Path) -> Made:
    made = Made(tmp_path / "spool")
    made.resource(CACHE, "cache")
    return made


def rows(made: Made, table: str) -> list[dict[str, Any]]:
    made.write()
    store = made.folder.with_name("store.sqlite")
    collect(made.folder, store)
    return query(store, f"SELECT * FROM {table} ORDER BY node, 3")


def test_uses_equal_an_independent_count(made: Made) -> None:
    """Over several batches; hits come first in the keys of a call."""
    chance = random.Random(2)
    expected: dict[tuple[str, str], dict[str, Any]] = {}
    for number in range(300):
        node, method = chance.choice("ab"), chance.choice(["get", "get", "set"])
        keys = tuple(f"{key:016x}" for key in chance.sample(range(9), 3))
        if method == "set":
            keys, ttl = keys[:1], chance.choice([None, 60])
            made.access(CACHE, "set", node, size=number, keys=keys,
                        numbers={"ttl_seconds": ttl} if ttl else {})  # fmt: skip
        else:
            hits = chance.randrange(4)
            made.access(CACHE, "get", node, items=3, hits=hits, keys=keys)
        for place, key in enumerate(keys):
            row = expected.setdefault((node, key), dict.fromkeys(FIELDS, 0) | {
                "value_bytes": None, "ttl_seconds": None, "first_seen_us": made.at_us,
            })  # fmt: skip
            row["last_seen_us"] = made.at_us
            if method == "set":
                row |= {"sets": row["sets"] + 1, "value_bytes": number, "ttl_seconds": ttl}
            else:
                row["hits" if place < hits else "misses"] += 1
        if number % 70 == 0:
            rows(made, "cache_keys")
    found = {
        (row.pop("node"), row.pop("key")): row for row in rows(made, "cache_keys")
        if row.pop("resource_id")
    }  # fmt: skip
    assert found == expected
    nodes = rows(made, "cache_nodes")
    assert [(n["node"], n["kept"], n["dropped"]) for n in nodes] == [("a", 9, 0), ("b", 9, 0)]


def test_the_oldest_keys_make_room_and_are_counted(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of which it is forgotten that they were never hit."""
    monkeypatch.setattr(cache_keys, "KEYS_KEPT", 3)
    for number in range(5):
        made.access(CACHE, "set", "plan", size=1, keys=(f"{number:016x}",))
    made.access(CACHE, "get", "plan", hits=1, keys=(f"{2:016x}",))
    assert [row["key"][-1] for row in rows(made, "cache_keys")] == ["2", "3", "4"]
    made.access(CACHE, "set", "plan", size=1, keys=(f"{7:016x}",))
    made.access(CACHE, "set", "plan", size=1, keys=(f"{8:016x}",))
    made.access(CACHE, "get", "plan", hits=0, items=40, keys=(f"{9:016x}",))
    assert [row["key"][-1] for row in rows(made, "cache_keys")] == ["7", "8", "9"]
    (node,) = rows(made, "cache_nodes")
    told = {name: node[name] for name in ("kept", "dropped", "dropped_unhit", "untold")}
    assert told == {"kept": 3, "dropped": 5, "dropped_unhit": 4, "untold": 39}


def test_clear_empties_a_node_or_all(made: Made) -> None:
    """What is written afterwards has its bytes again; calls that raised change nothing."""
    for node in "ab":
        made.access(CACHE, "set", node, size=50, keys=("1" * 16,))
    made.access(CACHE, "clear", "a")
    made.access(CACHE, "set", "a", size=70, keys=("1" * 16,), error="OSError")
    assert [row["value_bytes"] for row in rows(made, "cache_keys")] == [0, 50]
    made.access(CACHE, "clear")
    made.access(CACHE, "set", "a", size=80, keys=("1" * 16,))
    found = rows(made, "cache_keys")
    assert [(row["value_bytes"], row["sets"]) for row in found] == [(80, 2), (0, 1)]
