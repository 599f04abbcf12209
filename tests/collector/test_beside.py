"""What looks beside ingest: loaded late, one look after the other, nothing lost where one fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from collector import beside
from collector.watch import Transaction, Watch
from storage.store import open_writer
from tests.collector.live import wait_for
from tests.conftest import StartChild

HEAVY = ("pandas", "numpy", "apprise", "collector.findings.book", "collector.alerts.looking")


class Prices:
    """Looks for prices that nobody looked at yet, and marks what it saw."""

    made: list[Prices]
    breaks: str

    def __init__(self) -> None:
        self.made.append(self)
        self.forgotten = self.stopped = 0

    def look(self, engine: Engine) -> list[str] | None:
        if self.breaks == "look":
            raise ZeroDivisionError
        with engine.connect() as connection:
            sql = "SELECT name FROM cost_settings WHERE changed_us = 0"
            return list(connection.exec_driver_sql(sql).scalars()) or None

    def waits(self) -> bool:
        return False

    def store(self, transaction: Transaction, outcome: list[str]) -> None:
        with transaction() as connection:
            for name in outcome:
                mark(connection, name)
            if self.breaks == "store":
                raise ZeroDivisionError

    def once(self, engine: Engine, transaction: Transaction) -> None:
        self.store(transaction, self.look(engine) or [])

    def forget(self) -> None:
        self.forgotten += 1

    def stop(self) -> None:
        self.stopped += 1


def mark(connection: Connection, name: str) -> None:
    connection.exec_driver_sql(
        "UPDATE cost_settings SET changed_us = changed_us + 1 WHERE name = ?", (name,)
    )


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr("collector.watch.FIRST_SECONDS", 0.01)
    monkeypatch.setattr(Prices, "made", [], raising=False)
    monkeypatch.setattr(Prices, "breaks", "", raising=False)
    engine = open_writer(str(tmp_path / "store.sqlite"))
    yield engine
    engine.dispose()


@pytest.fixture
def new(writer: Engine) -> Callable[[str], None]:
    """``new("a")``: there is something to see."""

    def add(name: str) -> None:
        with writer.begin() as connection:
            connection.exec_driver_sql("INSERT INTO cost_settings VALUES (?, '', 0)", (name,))

    return add


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    made = Watch(str(tmp_path / "store.sqlite"), "prices", f"{__name__}:Prices", 0.01)
    yield made
    made.stop()


def marks(writer: Engine) -> dict[str, int]:
    with writer.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name, changed_us FROM cost_settings")
        return {row.name: row.changed_us for row in rows}


def tended(watch: Watch, writer: Engine, seen: Callable[[], bool]) -> Callable[[], bool]:
    """Tends like a collector until something is seen."""

    def tend() -> bool:
        watch.tend(writer.begin)
        return seen()

    return tend


def test_a_collector_starts_without_rules(start_child: StartChild) -> None:
    """Neither the rules nor what they need is imported before the first look."""
    child = start_child(
        "-c", f"import sys, collector.loop; print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert child.wait(60) == 0
    assert child.log_path.read_text() == "[]\n"  # type: ignore[attr-defined]


def test_what_the_collector_tends_can_be_loaded(tmp_path: Path) -> None:
    """The late imports are there."""
    made = beside.Beside(str(tmp_path / "store.sqlite"))
    assert [type(one._loaded()).__name__ for one in made._all] == ["Findings", "Alerts"]


def test_each_is_seen_once(watch: Watch, writer: Engine, new: Callable[[str], None]) -> None:
    """A look sees what the one before it stored; the work is made by its thread, once."""
    new("a")
    watch.tend(writer.begin)
    assert Prices.made == []
    wait_for(tended(watch, writer, lambda: marks(writer) == {"a": 1}), "the first mark")
    new("b")
    wait_for(tended(watch, writer, lambda: marks(writer) == {"a": 1, "b": 1}), "the second mark")
    watch.stop()
    assert [(one.forgotten, one.stopped) for one in Prices.made] == [(1, 1)]
    watch.look_once(writer.begin)
    assert marks(writer) == {"a": 1, "b": 1}


@pytest.mark.parametrize("breaks", ["look", "store"])
def test_a_look_that_fails_comes_again(
    watch: Watch,
    writer: Engine,
    new: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    breaks: str,
) -> None:
    """It begins again from what is stored; where storing fails the collector is told."""
    monkeypatch.setattr(Prices, "breaks", breaks)
    new("a")

    def failed() -> bool:
        try:
            watch.tend(writer.begin)
        except ZeroDivisionError:
            assert breaks == "store"
            return True
        return breaks == "look" and any(one.forgotten for one in Prices.made)

    wait_for(failed, "a look that fails")
    assert Prices.made[0].forgotten
    assert marks(writer) == {"a": 0}
    monkeypatch.setattr(Prices, "breaks", "")
    wait_for(tended(watch, writer, lambda: marks(writer) == {"a": 1}), "the mark")
