"""Backends over time and their errors, against a count of the operations themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from storage.queries import Scope
from storage.queries_curves import errors, rates
from storage.store import open_reader
from tests.storage import seed

NOW = 1_900_000_000 * seed.SECOND
WINDOW_S = 900


@pytest.fixture(scope="module")
def made() -> seed.Seed:
    return seed.sample_backends(NOW)


@pytest.fixture(scope="module")
def engine(made: seed.Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_reader(str(made.write(tmp_path_factory.mktemp("curves") / "store.sqlite")))
    yield engine
    engine.dispose()


def backend_of(made: seed.Seed, row: dict) -> str:
    """The backend of an operation."""
    return made.threads[row["thread_key"] - 1]["backend"]


@pytest.mark.parametrize("scope", [Scope(), Scope("redis"), Scope(None, "research")])
def test_curves_sum_up_to_the_operations(engine: Engine, made: seed.Seed, scope: Scope) -> None:
    """Calls and written bytes of all slots are those of a recount; each backend has each slot."""
    found = rates(engine, WINDOW_S, scope, NOW)
    rows = [
        row
        for row in made.operations
        if scope.backend in {None, backend_of(made, row)}
        and scope.application in {None, made.threads[row["thread_key"] - 1]["application"]}
    ]
    for backend, part in found.groupby("backend"):
        mine = [row for row in rows if backend_of(made, row) == backend]
        assert part["operations"].sum() == len(mine)
        assert part["errors"].sum() == sum(bool(row["error"]) for row in mine)
        assert part["written_bytes"].sum() == sum(
            row["payload_bytes"] for row in mine if row["operation"] in {"put", "put_writes"}
        )
        assert part["at_us"].is_monotonic_increasing
        assert part["at_us"].is_unique
    assert set(found["backend"]) == {backend_of(made, row) for row in rows}
    assert found.groupby("backend").size().nunique() == 1


def test_errors_by_class(engine: Engine, made: seed.Seed) -> None:
    """Each backend, operation and class with its count, and the time of the newest."""
    failed = [row for row in made.operations if row["error"]]
    counts = Counter((backend_of(made, row), row["operation"], row["error"]) for row in failed)
    found = errors(engine, WINDOW_S, at_us=NOW)
    keys = zip(found["backend"], found["operation"], found["error"], strict=True)
    assert dict(zip(keys, found["count"], strict=True)) == counts
    assert found["last_us"].max() == max(row["at_us"] for row in failed)
    assert errors(engine, WINDOW_S, Scope("memory"), NOW).empty
    assert len(errors(engine, WINDOW_S, Scope("redis", "research"), NOW)) <= 1


def test_errors_are_found_by_their_index(engine: Engine) -> None:
    """A store of millions of calls is not read whole for the few that failed."""
    with engine.connect() as connection:
        plan = connection.execute(
            text("EXPLAIN QUERY PLAN SELECT count(*) FROM operations AS o "
                 "LEFT JOIN threads AS t ON t.id = o.thread_key "
                 "WHERE o.error <> '' AND o.at_us >= 5")
        ).all()  # fmt: skip
    assert any("operations_failed" in row[-1] for row in plan)


def test_nothing_yet(tmp_path: Path) -> None:
    """An empty store has no curve and no error."""
    seed.new_store(tmp_path / "store.sqlite").dispose()
    engine = open_reader(str(tmp_path / "store.sqlite"))
    assert rates(engine, WINDOW_S).empty
    assert errors(engine, WINDOW_S).empty
    engine.dispose()
