"""Backends side by side, each figure against a count of the operations themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from storage.histogram import bucket_of, middle_of
from storage.queries import Scope
from storage.queries_backends import backends, latency_over_time
from storage.store import open_reader
from tests.storage import seed

NOW = 1_900_000_000 * seed.SECOND
WINDOW_S = 900


@pytest.fixture(scope="module")
def made() -> seed.Seed:
    return seed.sample_backends(NOW)


@pytest.fixture(scope="module")
def engine(made: seed.Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_reader(str(made.write(tmp_path_factory.mktemp("backends") / "store.sqlite")))
    yield engine
    engine.dispose()


def nearest_rank(values: list[int], q: float) -> float:
    """The quantile by sorting, as the histogram can tell it."""
    ordered = sorted(values)
    return middle_of(bucket_of(ordered[max(1, int(np.ceil(len(ordered) * q))) - 1]))


def rows_of(made: seed.Seed, scope: Scope) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Operations of a scope, each with its thread."""
    pairs = [(row, made.threads[row["thread_key"] - 1]) for row in made.operations]
    return [
        (row, thread)
        for row, thread in pairs
        if scope.backend in {None, thread["backend"]}
        and scope.application in {None, thread["application"]}
    ]


@pytest.mark.parametrize(
    "scope", [Scope(), Scope("redis"), Scope(None, "research"), Scope("sqlite", "support-bot")]
)
def test_each_figure_equals_a_recount(engine: Engine, made: seed.Seed, scope: Scope) -> None:
    """Calls, errors, bytes, time and latencies, of a backend and of each of its operations."""
    found = backends(engine, WINDOW_S, scope, NOW)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row, thread in rows_of(made, scope):
        groups[thread["backend"], row["operation"]].append(row)
    assert {(row.backend, row.operation) for row in found.operations.itertuples()} == set(groups)
    for row in found.operations.itertuples():
        calls = groups[row.backend, row.operation]
        durations = [call["duration_us"] for call in calls]
        assert row.count == len(calls)
        assert row.per_second == pytest.approx(len(calls) / found.seconds)
        assert row.errors == sum(bool(call["error"]) for call in calls)
        assert row.payload_bytes == sum(call["payload_bytes"] for call in calls)
        assert row.serde_share == sum(call["serde_us"] for call in calls) / sum(durations)
        assert row.mean_us == sum(durations) / len(calls)
        for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            assert getattr(row, name) == nearest_rank(durations, q)
    for row in found.totals.itertuples():
        threads = [
            thread for thread in made.threads
            if thread["backend"] == row.backend
            and scope.application in {None, thread["application"]}
        ]  # fmt: skip
        calls = [c for (backend, _), part in groups.items() if backend == row.backend for c in part]
        assert row.threads == len(threads)
        assert row.savers == len({thread["saver_id"] for thread in threads})
        for name in ("live_bytes", "stored_bytes", "written_bytes"):
            assert getattr(row, name) == sum(thread[name] for thread in threads)
        assert row.operations == len(calls)
        assert row.operations_per_second == pytest.approx(len(calls) / found.seconds)
        assert row.window_written_bytes == sum(
            c["payload_bytes"] for c in calls if c["operation"] in {"put", "put_writes"}
        )
        assert row.serde_share == sum(c["serde_us"] for c in calls) / row.duration_us


def test_all_backends_are_there_in_one_order(engine: Engine) -> None:
    """Most stored bytes first, operations in the same order."""
    found = backends(engine, WINDOW_S, at_us=NOW)
    assert set(found.totals["backend"]) == {"sqlite", "memory", "postgres", "redis", "mongodb"}
    assert found.totals["stored_bytes"].is_monotonic_decreasing
    assert list(dict.fromkeys(found.operations["backend"])) == list(found.totals["backend"])
    assert 490 <= found.seconds <= 500  # since its first call


def test_latency_over_time_equals_a_recount(engine: Engine, made: seed.Seed) -> None:
    """Of one operation of one backend, slot by slot."""
    scope = Scope("postgres")
    grid = backends(engine, WINDOW_S, at_us=NOW).grid
    curve = latency_over_time(engine, WINDOW_S, "put", scope, NOW)
    slots: dict[int, list[int]] = defaultdict(list)
    for row, _ in rows_of(made, scope):
        if row["operation"] == "put":
            slots[(row["at_us"] - grid.start_us) // grid.slot_us].append(row["duration_us"])
    assert list(curve["at_us"]) == [grid.start_us + slot * grid.slot_us for slot in sorted(slots)]
    for point, (_, durations) in zip(curve.itertuples(), sorted(slots.items()), strict=True):
        assert point.count == len(durations)
        assert point.p95 == nearest_rank(durations, 0.95)
    assert latency_over_time(engine, WINDOW_S, "prune", scope, NOW).empty


def test_an_empty_store_has_no_backends(tmp_path: Path) -> None:
    engine = seed.new_store(tmp_path / "store.sqlite")
    found = backends(engine, WINDOW_S, at_us=NOW)
    engine.dispose()
    assert found.totals.empty
    assert found.operations.empty
