"""Orders: carried out once by the collector, set aside where they make no sense."""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector import orders as carried
from storage import orders
from storage.store import open_writer


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_writer(str(tmp_path / "store.sqlite"))
    with engine.begin() as connection:
        for key, ended in (("a" * 32, 5), ("b" * 32, 0)):
            connection.exec_driver_sql(
                "INSERT INTO jobs (id, kind, name, asked, state, phase, partial, problem, "
                "created_us, started_us, updated_us, ended_us, result) "
                "VALUES (?, 'compare', '', '{}', 'done', '', 0, '', 1, 1, 1, ?, 'null')",
                (key, ended),
            )
    yield engine
    engine.dispose()


def test_a_job_that_has_ended_is_forgotten(engine: Engine, tmp_path: Path) -> None:
    """One that runs is not; the files of both orders are gone."""
    for key in ("a" * 32, "b" * 32):
        orders.leave(tmp_path, "forget job", {"id": key})
    assert carried.take(tmp_path, engine.begin) == 2
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT id FROM jobs").scalars().all() == ["b" * 32]
    assert not list((tmp_path / orders.FOLDER).iterdir())


def test_what_makes_no_sense_is_set_aside(
    engine: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An unknown kind, a body without what it needs, a damaged file: others are carried out."""
    orders.leave(tmp_path, "teleport", {})
    orders.leave(tmp_path, "forget job", {})
    orders.leave(tmp_path, "forget job", {"id": "a" * 32}).write_bytes(b"{")
    orders.leave(tmp_path, "forget job", {"id": "a" * 32})
    with caplog.at_level(logging.WARNING):
        assert carried.take(tmp_path, engine.begin) == 1
    assert len(list((tmp_path / orders.FOLDER).glob("*.rejected"))) == 3
    assert carried.take(tmp_path, engine.begin) == 0


def test_every_kind_is_carried_out_by_something() -> None:
    """What is imported for the first order of a kind is there."""
    for path in carried.HANDLERS.values():
        assert callable(pkgutil.resolve_name(path))


def test_orders_come_in_the_order_of_their_asking(tmp_path: Path) -> None:
    """So that the later one holds."""
    for number in range(20):
        orders.leave(tmp_path, "forget job", {"number": number})
    found = [order.body["number"] for _, order in orders.waiting(tmp_path) if order]
    assert found == list(range(20))


def test_a_spool_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(orders.OrderUnwritable, match="STATEMETER_SPOOL"):
        orders.leave(tmp_path / "file", "forget job", {})
