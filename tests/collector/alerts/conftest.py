"""A webhook that runs, and a store with a collector's alerts at work on it, at times of a test."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from collector import orders as carried
from collector.alerts import keep, sending, targets
from collector.alerts.looking import SETTLE_US, Looker
from collector.alerts.sending import Sender
from collector.alerts.watch import Alerts
from storage import orders
from storage.alerts import Rule
from storage.store import open_reader, open_writer
from tests.collector.alerts.receiver import Receiver

SECOND = 1_000_000


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def named(receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of targets: ``ops``."""
    path = receiver.file(tmp_path / "targets", "ops")
    monkeypatch.setenv("STATEMETER_ALERTS", str(path))
    return path


class Desk:
    """The parts of the watch, driven by the test's clock: look, store, send, store."""

    def __init__(self, store: Path, spool: Path) -> None:
        self.store = store
        self.spool = spool
        self.engine: Engine = open_writer(str(store))
        self.reader: Engine = open_reader(str(store))
        self.looker = Looker()
        self.sender = Sender()

    def order(self, kind: str, **body: Any) -> None:
        """A visitor's order, carried out."""
        orders.leave(self.spool, kind, body)
        assert carried.take(self.spool, self.engine.begin) == 1

    def rule(self, **told: Any) -> Rule:
        """A rule that is switched on."""
        rule = Rule(**({"id": "a" * 32, "title": "It is large", "keep_s": 0} | told))
        self.order("set alert rule", rule=msgspec.to_builtins(rule), enabled=True)
        return rule

    def look(self, at_us: int) -> None:
        """Look at a time, and store what was seen."""
        outcome = self.looker.look(self.reader, at_us + SETTLE_US, list(targets.read().by_name))
        if outcome is not None:
            with self.engine.begin() as connection:
                keep.store(connection, outcome)

    def send(self, at_us: int) -> None:
        """Hand over what is due, and store what became of it."""
        with self.engine.begin() as connection:
            messages = self.sender.claim(connection, at_us)
        self.sender.send(messages, targets.read())
        self.sender.wait(30)
        with self.engine.begin() as connection:
            self.sender.store(connection, at_us)
        self.sender.stored()

    def crash(self) -> None:
        """What a collector does at its start."""
        with self.engine.begin() as connection:
            sending.crashed(connection, time.time_ns() // 1000)

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.store)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def run(self, sql: str, *values: Any) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(sql, values)

    @property
    def states(self) -> dict[str, str]:
        found = self.rows("SELECT subject_key, state FROM alert_states")
        return {row["subject_key"]: row["state"] for row in found}

    @property
    def history(self) -> list[str]:
        return [row["change"] for row in self.rows("SELECT change FROM alert_events ORDER BY id")]


@pytest.fixture
def desk(tmp_path: Path, named: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # The test's clock drives the parts: a collector that drains must not look at its own time.
    monkeypatch.setattr(Alerts, "once", lambda *_: None)
    made = Desk(tmp_path / "store.sqlite", tmp_path / "spool")
    yield made
    made.engine.dispose()
    made.reader.dispose()
