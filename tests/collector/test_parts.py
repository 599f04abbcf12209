"""Parts of resources are bounded by hour; no call is lost by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector import parts
from storage.models_resources import FOLDED
from tests.collector.made import Made, collect, query


def counts(store: Path) -> dict[tuple[int, str], int]:
    rows = query(
        store,
        "SELECT bucket_us, part, sum(count) AS count FROM access_rollups "
        "WHERE resolution_s = 3600 GROUP BY 1, 2 ORDER BY 1",
    )
    hours = sorted({row["bucket_us"] for row in rows})
    return {(hours.index(row["bucket_us"]), row["part"]): row["count"] for row in rows}


def test_parts_beyond_the_bound_are_summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came first in an hour keep their names, also for the next collector."""
    monkeypatch.setattr(parts, "PARTS_KEPT", 3)
    made = Made(tmp_path / "spool", start_us=1_900_000_000_000_000 // parts.HOUR_US * parts.HOUR_US)
    store = tmp_path / "store.sqlite"
    for number in range(5):
        made.access("5" * 12, "put", f"users/{number}")
    made.write()
    collect(made.folder, store)
    for number in range(5):
        made.access("5" * 12, "get", f"users/{number}", hits=0)
    made.at_us += parts.HOUR_US
    made.access("5" * 12, "get", "users/4", hits=0)
    made.access("5" * 12, "get", "x" * 500, hits=0)
    made.write()
    collect(made.folder, store)
    assert counts(store) == {
        (0, "users/0"): 2, (0, "users/1"): 2, (0, "users/2"): 2, (0, FOLDED): 4,
        (1, "users/4"): 1, (1, "x" * parts.CHARACTERS_KEPT): 1,
    }  # fmt: skip


def test_each_resource_has_its_own_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PARTS_KEPT", 1)
    made = Made(tmp_path / "spool")
    for resource in ("5" * 12, "6" * 12):
        made.access(resource, "put", f"of {resource}")
        made.access(resource, "put", "another")
    made.write()
    collect(made.folder, tmp_path / "store.sqlite")
    rows = query(tmp_path / "store.sqlite", "SELECT DISTINCT part FROM access_rollups ORDER BY 1")
    assert [row["part"] for row in rows] == ["of 555555555555", "of 666666666666", FOLDED]
