"""Who may write."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.alive import created_us, is_alive
from collector.lease import LEASE_SECONDS, Lease
from storage.store import open_writer
from tests.collector.made import query

NOW_US = 1_900_000_000_000_000
LEASE_US = LEASE_SECONDS * 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def engine(store: Path) -> Iterator[Engine]:
    engine = open_writer(str(store))
    yield engine
    engine.dispose()


def change(engine: Engine, **columns: object) -> None:
    sets = ", ".join(f"{name} = ?" for name in columns)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE collector SET {sets}", tuple(columns.values()))


def test_first_takes_it_and_second_waits_until_it_runs_out(engine: Engine) -> None:
    first, second = Lease(), Lease()
    assert first.take(engine, NOW_US) is None
    other = second.take(engine, NOW_US + LEASE_US)
    assert other is not None
    assert str(other).startswith("process ")
    assert second.take(engine, NOW_US + LEASE_US + 1) is None
    assert first.take(engine, NOW_US + LEASE_US + 2) is not None


def test_given_back_it_is_free_at_once(engine: Engine, store: Path) -> None:
    first, second = Lease(), Lease()
    assert first.take(engine, NOW_US) is None
    second.give_back(engine)  # not its own: changes nothing
    assert second.take(engine, NOW_US) is not None
    first.give_back(engine)
    assert second.take(engine, NOW_US) is None
    assert query(store, "SELECT holder FROM collector") == [{"holder": second.holder}]


def test_holder_that_is_gone_on_this_host_is_replaced_at_once(engine: Engine) -> None:
    """But one of another host, of which nothing is known here, is waited for."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    first, second = Lease(), Lease()
    assert first.take(engine, NOW_US) is None
    change(engine, pid=child.pid, host="elsewhere")
    assert second.take(engine, NOW_US) is not None
    assert first.take(engine, NOW_US) is None
    change(engine, pid=child.pid)
    assert second.take(engine, NOW_US) is None


def test_pid_that_is_used_again_is_another_process(engine: Engine) -> None:
    first, second = Lease(), Lease()
    assert first.take(engine, NOW_US) is None
    change(engine, started_us=12345)
    assert second.take(engine, NOW_US) is None


def test_taking_it_keeps_what_was_counted(engine: Engine, store: Path) -> None:
    """The row is the collector's history, too."""
    first, second = Lease(), Lease()
    assert first.take(engine, NOW_US) is None
    change(engine, ingested=77)
    assert second.take(engine, NOW_US + 2 * LEASE_US) is None
    assert query(store, "SELECT ingested FROM collector") == [{"ingested": 77}]


def test_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = created_us(child.pid)
    assert started is not None
    assert is_alive(child.pid, started)
    assert not is_alive(child.pid, started - 10_000_000)
    assert child.stdin is not None
    child.stdin.close()
    child.wait()
    assert not is_alive(child.pid, started)
