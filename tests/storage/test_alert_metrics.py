"""The values that rules look at, against sums of the single calls in plain Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from storage import alert_metrics
from storage.alert_times import Times, now
from storage.alerts import METRICS, AlertError, Rule, check
from storage.queries import reading
from storage.store import open_reader
from tests.storage import seed
from tests.storage.seed_resources import RESOURCES

SECOND = 1_000_000
Values = dict[str, float]


@pytest.fixture(scope="module")
def made() -> seed.Seed:
    return seed.sample_backends(time.time_ns() // 1000)


@pytest.fixture(scope="module")
def engine(made: seed.Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = made.write(tmp_path_factory.mktemp("alerts") / "store.sqlite")
    engine = open_reader(str(path))
    yield engine
    engine.dispose()


@pytest.fixture
def times(made: seed.Seed) -> Times:
    return now(made.now_us - 430 * SECOND)


Look = Callable[..., Values]


@pytest.fixture
def look(engine: Engine, times: Times) -> Look:
    """``look(metric="errors")``: words of each subject → value at that time."""

    def values(**told: Any) -> Values:
        rule = check(Rule(**({"id": "r", "title": "r", "threshold": 0.0} | told)))
        with reading(engine) as connection:
            read = alert_metrics.look(connection, rule, times)
        return {curve.subject.words: float(curve.values[-1]) for curve in read.curves}

    return values


def calls(made: seed.Seed, times: Times, over_s: int, **wanted: Any) -> list[dict[str, Any]]:
    """The calls of the stretch before the time."""
    return [
        row | {"backend": made.threads[row["thread_key"] - 1]["backend"]}
        for row in made.operations
        if times.last_us - over_s * SECOND <= row["at_us"] < times.last_us
        and all(row[name] in values for name, values in wanted.items())
    ]


def test_bytes(made: seed.Seed, times: Times, look: Look) -> None:
    """Held at the time, which is not now; and by how much they grew."""
    before = [row for row in made.operations if row["at_us"] < times.last_us]
    stored = sum(row["stored_delta_bytes"] for row in before)
    assert stored < sum(thread["stored_bytes"] for thread in made.threads)
    assert look(metric="stored_bytes") == {"everything": stored}
    by_backend = look(metric="stored_bytes", each="backend")
    assert sum(by_backend.values()) == stored
    assert set(by_backend) == {thread["backend"] for thread in made.threads}
    grown = sum(row["stored_delta_bytes"] for row in calls(made, times, 180))
    found = look(metric="growth_bytes_per_hour", over_s=180, each="all")
    assert found == {"everything": pytest.approx(grown * 20)}


def test_calls(made: seed.Seed, times: Times, look: Look) -> None:
    """Errors, the share of serialization, a quantile (to 1/16), each of one backend."""
    found = look(metric="errors", over_s=3600, each="backend")
    for backend, value in found.items():
        rows = [row for row in calls(made, times, 3600) if row["backend"] == backend]
        assert value == sum(bool(row["error"]) for row in rows)
    assert sum(found.values()) > 0
    writes = calls(made, times, 300, operation=("put", "put_writes"))
    part = sum(row["serde_us"] for row in writes) / sum(row["duration_us"] for row in writes)
    assert look(metric="serialization_share") == {"everything": pytest.approx(part)}
    puts = sorted(row["duration_us"] for row in calls(made, times, 300, operation=("put",)))
    exact = puts[-(-len(puts) * 95 // 100) - 1]
    (p95,) = look(metric="latency_p95_us").values()
    assert p95 == pytest.approx(exact, rel=1 / 16)
    assert look(metric="latency_p95_us", operation="delete_thread") == {}


def test_hit_rates(made: seed.Seed, times: Times, look: Look) -> None:
    """Of each cache; unknown below 20 keys."""
    assert made.resources is not None
    found = look(metric="cache_hit_rate", over_s=3600, each="resource")
    assert found
    for number, (kind, _, _, label, _) in RESOURCES.items():
        rows = [
            call for call in made.resources.calls
            if kind == "cache" and call["resource"] == number and call["method"] == "get"
            and not call["error"] and call["hits"] >= 0 and call["at_us"] < times.last_us
        ]  # fmt: skip
        asked = sum(call["items"] for call in rows)
        if asked >= 20:
            assert found[label] == pytest.approx(sum(call["hits"] for call in rows) / asked)


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"metric": "weather"}, "There is no metric 'weather'"),
        ({"title": " "}, "Name ' ': give it one of 1 to 120 characters."),
        ({"threshold": -1.0}, "Threshold -1 cannot be used: of Stored it is a number from 0 B"),
        ({"threshold": float("nan")}, "Threshold nan cannot be used"),
        ({"each": "pool"}, "Stored cannot be watched for each pool"),
        ({"each": "thread", "above": False}, "above a threshold only"),
        ({"for_s": -1}, "For -1 s"),
        ({"metric": "errors", "over_s": 90}, "Over 90 s: it is 1 to 60 whole minutes."),
        ({"metric": "latency_p50_us", "operation": "drop"}, "Operation 'drop'"),
    ],
)
def test_a_rule_that_makes_no_sense(told: dict[str, Any], fault: str) -> None:
    """What, its value and the fix."""
    with pytest.raises(AlertError, match=fault.replace("(", r"\(")):
        check(
            Rule(**({"id": "r", "title": "t", "metric": "stored_bytes", "threshold": 1.0} | told))
        )


def test_every_metric_has_a_reader(engine: Engine, times: Times) -> None:
    """For each thing that it can be looked at for."""
    for metric in METRICS.values():
        for each in metric.each:
            rule = Rule(id="r", title="r", metric=metric.name, threshold=2.0, each=each)
            with reading(engine) as connection:
                alert_metrics.look(connection, rule, times)
                minutes = Times(times.last_us // (60 * SECOND) * 60 * SECOND, 60, 1)
                alert_metrics.curves(connection, rule, minutes)


def test_an_index_finds_large_threads(engine: Engine) -> None:
    """A look at single threads reads those above the threshold, and not all."""
    with reading(engine) as connection:
        for column, index in (
            ("live_bytes", "threads_large"),
            ("stored_bytes", "threads_by_stored"),
        ):
            also = " AND t.live_bytes >= 1000000" if column == "live_bytes" else ""
            plan = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN SELECT t.id FROM threads t JOIN savers s ON s.id = t.saver_id "
                f"WHERE t.{column} > ?{also} AND t.deleted_us = 0 ORDER BY t.{column} DESC LIMIT 9",
                (1e7,),
            ).all()
            assert any(index in str(row) for row in plan), plan
