"""The rows of ``resources``: few, whatever an application makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector import resources
from storage.models_resources import FOLDED
from tests.collector.made import Made, collect, query


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def make_room_for(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "RESOURCES_KEPT", number)


def test_a_flood_of_resources_is_summed_by_kind(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One cache for each request: the first ones have rows, the others share one."""
    make_room_for(3, monkeypatch)
    made = Made(tmp_path / "spool")
    for number in range(9):
        made.resource(f"{number:012x}", "store" if number == 5 else "cache")
        made.access(f"{number:012x}", "get", "plan", hits=1)
    made.write()
    collect(made.folder, store)
    rows = query(
        store,
        "SELECT r.key, r.kind, r.label, sum(count) AS count FROM resources r LEFT JOIN "
        "access_rollups a ON a.resource_id = r.id AND resolution_s = 3600 GROUP BY r.id",
    )
    told = [(row["key"], row["kind"], row["label"], row["count"]) for row in rows]
    assert told[:3] == [(f"{number:012x}", "cache", "the cache", 1) for number in range(3)]
    shared = {(key, label) for key, _, label, _ in told[3:]}
    assert shared == {(FOLDED + kind, FOLDED) for kind in ("cache", "store", "")}
    assert sum(count or 0 for *_, count in told) == 9


def test_resources_silent_for_long_make_room(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that was stored of them."""
    make_room_for(2, monkeypatch)
    made = Made(tmp_path / "spool")
    for key in ("a" * 12, "b" * 12):
        made.resource(key, "cache")
        made.access(key, "set", "plan", size=9, keys=("0" * 16,))
        made.gauges(key, size=1)
    made.write()
    collect(made.folder, store)
    made.at_us += resources.SILENT_US
    made.access("b" * 12, "get", "plan", hits=1)
    made.resource("c" * 12, "cache")
    made.write()
    collect(made.folder, store)
    assert [row["key"][0] for row in query(store, "SELECT key FROM resources")] == ["b", "c"]
    for table in ("access_rollups", "cache_keys", "cache_nodes", "gauge_samples"):
        rows = query(store, f"SELECT DISTINCT resource_id AS id FROM {table}")
        assert [row["id"] for row in rows] == [2], table
