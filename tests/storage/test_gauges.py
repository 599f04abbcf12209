"""Readings of pools and lru caches: growth is exact, whatever begins again."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

from collector.accesses import READINGS_KEPT
from tests.collector.made import Made, collect, query

POOL = "f" * 12
SECOND = 1_000_000


def test_growth_and_peaks_equal_an_independent_count(tmp_path: Path) -> None:
    """Of two processes, over several batches, with counters that begin again from 0."""
    chance = random.Random(4)
    store = tmp_path / "store.sqlite"
    processes = [Made(tmp_path / "spool"), Made(tmp_path / "spool")]
    requests = [0, 0]
    told: dict[tuple[int, int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for made in processes:
        made.resource(POOL, "pool")
    for round_ in range(3):
        for number, made in enumerate(processes):
            for _ in range(60):
                fresh = chance.random() < 0.05
                growth = chance.randrange(20)
                requests[number] = growth if fresh else requests[number] + growth
                in_use = chance.randrange(9)
                made.gauges(POOL, requests=requests[number], in_use=in_use)
                # One that begins again and is above where it was cannot be told apart.
                for resolution in (1, 60, 3600):
                    bucket = made.at_us // (resolution * SECOND) * resolution * SECOND
                    told[resolution, number, bucket].append((requests[number], in_use, made.at_us))
                made.at_us += chance.randrange(2 * SECOND)
            made.write()
        if round_ != 1:
            collect(tmp_path / "spool", store)
    rows = query(
        store,
        "SELECT g.*, p.incarnation FROM gauge_samples g JOIN processes p ON p.id = g.process_id",
    )
    incarnations = [made.incarnation for made in processes]
    found: dict[Any, Any] = {
        (row["resolution_s"], incarnations.index(row["incarnation"]), row["bucket_us"]): row
        for row in rows
    }
    assert set(found) == set(told)
    last: dict[tuple[int, int], int] = {}
    for (resolution, number, bucket), readings in sorted(told.items()):
        row = found[resolution, number, bucket]
        added = 0
        for value, _, _ in readings:
            before = last.get((resolution, number), 0)
            added += value - before if value >= before else value
            last[resolution, number] = value
        newest = {"requests": readings[-1][0], "in_use": readings[-1][1]}
        assert json.loads(row["readings"]) == newest
        assert json.loads(row["added"]) == {"requests": added}
        assert json.loads(row["peaks"]) == {"in_use": max(level for _, level, _ in readings)}
        assert row["at_us"] == readings[-1][2]


def test_a_reading_has_a_bounded_number_of_names(tmp_path: Path) -> None:
    """Whatever a process sends."""
    made = Made(tmp_path / "spool")
    made.gauges(POOL, **{f"name{number}": number for number in range(500)})
    made.write()
    collect(made.folder, tmp_path / "store.sqlite")
    (row, *_) = query(tmp_path / "store.sqlite", "SELECT readings FROM gauge_samples")
    assert len(json.loads(row["readings"])) == READINGS_KEPT
