"""Which backend to take, by figures that leave no choice; and what is asked for, checked."""

from __future__ import annotations

import json

import msgspec
import pytest

from storage import comparisons, ranking, workloads
from storage.comparisons import Asked, Cell, Comparison, Outcome, Round, Survival, Target
from storage.ranking import Demands, Setting
from storage.workloads import Size

SETTING = Setting("async", "sync", 1)


def made(**turns_ms: float) -> Comparison:
    """A comparison of five rounds, each backend's turns about so many ms, put a tenth of it."""
    found = Comparison(rounds=5)
    for key, turn in turns_ms.items():
        reach = {"memory": "process", "sqlite": "processes"}.get(key, "machines")
        found.backends.append(
            Outcome(key=key, backend=key, label=key, keeps=key != "memory", reach=reach)
        )
        rounds = [
            Round(
                turns=10,
                turns_per_second=1000 / (turn * factor),
                p50_us={"turn": turn * factor * 1000},
                p95_us={"put": turn * factor * 100},
            )
            for factor in (0.98, 0.99, 1.0, 1.01, 1.02)
        ]
        found.cells.append(Cell(backend=key, rounds=rounds))
        lost = key == "memory"
        found.survivals.append(
            Survival(
                backend=key, turns_acknowledged=3, turns_found=0 if lost else 3, resumed=not lost
            )
        )
    return found


def ranked(found: Comparison, demands: Demands, **costs: float | None) -> dict[str, int]:
    """Backend → place, in order."""
    rows = ranking.rank(found, SETTING, demands, costs)
    return {one.outcome.key: one.place for one in rows}


def test_the_fastest_comes_first_and_ties_share_a_place() -> None:
    """1 % apart with rounds 4 % wide is a tie; the next one's place counts both."""
    found = made(memory=1.0, sqlite=10.0, postgres=5.0, redis=5.05)
    assert ranked(found, Demands()) == {"memory": 1, "postgres": 2, "redis": 2, "sqlite": 4}
    rows = ranking.rank(found, SETTING, Demands(), {})
    assert [one.tie for one in rows] == [False, True, True, False]
    said = ranking.recommendation(rows, Demands())
    assert said.startswith("Take memory: of those that meet what you ask for, it has the best")
    assert "5.0 times as fast as postgres" in said
    assert "(1.00 ms)" in said


def test_what_is_demanded_rules_out() -> None:
    """Each demand by itself, with its reason in words."""
    found = made(memory=1.0, sqlite=10.0, postgres=5.0)
    assert ranked(found, Demands(restart=True))["memory"] == 0
    assert ranked(found, Demands(reach="processes")) == {"postgres": 1, "sqlite": 2, "memory": 0}
    assert ranked(found, Demands(reach="machines")) == {"postgres": 1, "memory": 0, "sqlite": 0}
    assert ranked(found, Demands(put_ms=0.7)) == {"memory": 1, "postgres": 2, "sqlite": 0}
    rows = ranking.rank(found, SETTING, Demands(restart=True, reach="machines", put_ms=0.1), {})
    reasons = {one.outcome.key: one.failed for one in rows}
    assert reasons["memory"] == [
        "acknowledged turns were lost when the client was killed",
        "it serves one process only",
    ]
    assert reasons["postgres"] == ["p95 of put is 0.5 ms"]
    said = ranking.recommendation(rows, Demands(put_ms=0.1))
    assert said.startswith("None of them meets what you ask for.")


def test_an_unknown_cost_meets_no_limit() -> None:
    """Unknown is not zero."""
    found = made(sqlite=10.0, postgres=5.0)
    demands = Demands(month_usd=10)
    assert ranked(found, demands, sqlite=3.0, postgres=None) == {"sqlite": 1, "postgres": 0}
    assert ranked(found, demands, sqlite=30.0, postgres=9.0) == {"postgres": 1, "sqlite": 0}


def test_a_server_that_keeps_nothing_does_not_survive() -> None:
    """Though its client may be killed; and what was not tried does not pass either."""
    found = made(redis=2.0, valkey=2.0, sqlite=9.0)
    found.backends[0].keeps, found.backends[0].kept_how = False, "No AOF, no snapshots."
    found.backends[1].keeps = None
    found.survivals.pop(2)
    rows = ranking.rank(found, SETTING, Demands(restart=True), {})
    assert [one.failed for one in rows] == [
        ["a restart of the server loses everything (No AOF, no snapshots)"],
        ["whether its server keeps data is unknown"],
        ["whether it survives a killed client was not tried"],
    ]


def test_throughput_ranks_the_other_way_round() -> None:
    """More is better; and of several pool sizes the best one counts."""
    found = made(postgres=5.0, redis=2.0)
    slow = msgspec.json.decode(msgspec.json.encode(found.cells[1]), type=Cell)
    for one in slow.rounds:
        one.turns_per_second /= 100
    found.cells.insert(0, slow)
    assert ranked(found, Demands(by="throughput")) == {"redis": 1, "postgres": 2}


def test_a_backend_that_failed_is_out() -> None:
    """With what it had found until then."""
    found = made(postgres=5.0, redis=2.0)
    found.backends[1].problem = "redis: the server ended the connection."
    assert ranked(found, Demands()) == {"postgres": 1, "redis": 0}


def test_a_result_of_another_version_is_read() -> None:
    """Fields that are not known are passed over; those that are missing have defaults."""
    found = comparisons.decode(
        json.dumps({"version": 9, "cells": [{"backend": "memory", "newer": 1}], "more": {}})
    )
    assert found.cells[0].rounds == []
    assert found.size == Size()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"workload": "chess"}, "no workload 'chess'"),
        ({"targets": []}, "No backend is named"),
        ({"concurrency": [0]}, "concurrency 0 cannot be: from 1"),
        ({"concurrency": []}, "No concurrency is given"),
        ({"durability": ["never"]}, "no durability 'never'"),
        ({"modes": []}, "No mode is given"),
        ({"rounds": 51}, "number of rounds 51 cannot be"),
        ({"size": Size(turns=0)}, "number of turns 0 cannot be"),
        ({"compressed": 1.5}, "compressed share of 1.5"),
        ({"workload": "thread"}, "No thread is named"),
        ({"workload": "source"}, "No attached database is named"),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, object], said: str) -> None:
    """With the thing, its value and the fix."""
    asked = Asked(targets=[Target(key="memory", backend="memory")])
    comparisons.check(asked)
    with pytest.raises(ValueError, match=said):
        comparisons.convert(msgspec.to_builtins(msgspec.structs.replace(asked, **changed)))


def test_a_conversation_grows_with_the_square_of_its_turns() -> None:
    """Twice the turns, four times the bytes; twice the threads, twice as much."""
    memory, disk = workloads.estimate("chat", Size(turns=1000, threads=1))
    more = workloads.estimate("chat", Size(turns=2000, threads=1))
    assert more[0] / memory == pytest.approx(4, rel=0.02)
    assert more[1] / disk == pytest.approx(4, rel=0.02)
    assert workloads.estimate("chat", Size(turns=1000, threads=2)) == (2 * memory, 2 * disk)
    assert workloads.estimate("thread", Size(threads=3), 100) == (300, 300)
