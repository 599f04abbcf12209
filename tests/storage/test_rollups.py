"""Sums by second, minute and hour."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from storage import histogram
from storage.rollups import RESOLUTIONS_S, SECOND_US, Rollups
from storage.store import open_writer

START_US = 1_900_000_000 * SECOND_US - 1_900_000_000 * SECOND_US % (3600 * SECOND_US)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_writer(str(tmp_path / "store.sqlite"))
    yield engine
    engine.dispose()


def rows(engine: Engine, resolution: int) -> list[dict[str, object]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT * FROM rollups WHERE resolution_s = ? ORDER BY bucket_us, operation",
            (resolution,),
        )
        return [dict(row) for row in found.mappings()]


def test_each_resolution_equals_an_independent_sum(engine: Engine) -> None:
    """Over several batches that add to the same buckets, with calls out of order."""
    chance = random.Random(1)
    calls = [
        (START_US + chance.randrange(2 * 3600 * SECOND_US), chance.choice(["put", "list"]),
         chance.randrange(1, 90_000), chance.randrange(500), chance.random() < 0.1)
        for _ in range(3_000)
    ]  # fmt: skip
    for begin in range(0, len(calls), 700):
        batch = Rollups()
        for at_us, operation, duration, size, failed in calls[begin : begin + 700]:
            sums = batch.of(at_us, "app", "sqlite", operation)
            sums.calls.append((duration, duration // 2, size, failed, size, -size, 1))
        with engine.begin() as connection:
            batch.save(connection)
    for resolution in RESOLUTIONS_S:
        width = resolution * SECOND_US
        expected: dict[tuple[int, str], list[tuple[int, int, bool]]] = {}
        for at_us, operation, duration, size, failed in calls:
            key = (at_us - at_us % width, operation)
            expected.setdefault(key, []).append((duration, size, failed))
        found = {(row["bucket_us"], row["operation"]): row for row in rows(engine, resolution)}
        assert set(found) == set(expected)
        for key, members in expected.items():
            durations = [duration for duration, _, _ in members]
            payload = sum(size for _, size, _ in members)
            counts: dict[int, int] = {}
            for duration in durations:
                bucket = histogram.bucket_of(duration)
                counts[bucket] = counts.get(bucket, 0) + 1
            assert found[key] == {
                "resolution_s": resolution, "bucket_us": key[0], "application": "app",
                "backend": "sqlite", "operation": key[1], "count": len(members),
                "errors": sum(failed for _, _, failed in members), "payload_bytes": payload,
                "duration_us": sum(durations), "duration_min_us": min(durations),
                "duration_max_us": max(durations), "serde_us": sum(d // 2 for d in durations),
                "stored_delta_bytes": payload, "live_delta_bytes": -payload,
                "threads_delta": len(members), "histogram": histogram.pack(counts),
            }  # fmt: skip


def test_saving_twice_adds_nothing_twice(engine: Engine) -> None:
    batch = Rollups()
    batch.of(START_US, "a", "b", "put").calls.append((5, 1, 10, False, 10, 10, 1))
    for _ in range(2):
        with engine.begin() as connection:
            batch.save(connection)
    assert [row["count"] for row in rows(engine, 1)] == [1]


def test_what_was_found_has_no_duration(engine: Engine) -> None:
    """Calls that nobody saw change bytes and counts, and no sum, extreme or quantile of times."""
    batch = Rollups()
    sums = batch.of(START_US, "a", "b", "put")
    sums.calls += [(-1, -1, 10, False, 10, 10, 1), (7, 3, 5, True, 5, 5, 0)]
    batch.of(START_US, "a", "b", "found").calls.append((-1, -1, 10, False, 10, 10, 1))
    with engine.begin() as connection:
        batch.save(connection)
    found, put = rows(engine, 1)
    assert (put["count"], put["errors"], put["payload_bytes"]) == (2, 1, 15)
    assert (put["duration_us"], put["serde_us"]) == (7, 3)
    assert (put["duration_min_us"], put["duration_max_us"]) == (7, 7)
    assert put["histogram"] == histogram.pack({7: 1})
    assert (found["count"], found["duration_us"], found["serde_us"]) == (1, 0, 0)
    assert found["histogram"] == b""


def test_many_buckets_in_one_batch(engine: Engine) -> None:
    """More than one statement's worth of parameters."""
    for _ in range(2):
        batch = Rollups()
        for second in range(2_000):
            sums = batch.of(START_US + second * SECOND_US, "a", "b", "put")
            sums.calls.append((0, 0, 1, False, 0, 0, 0))
        with engine.begin() as connection:
            batch.save(connection)
    found = rows(engine, 1)
    assert len(found) == 2_000
    assert {(row["count"], row["duration_min_us"]) for row in found} == {(2, 0)}
