"""What was found in an attached database, as the pages read it: bytes and threads, no calls."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine

from examples.backends.on_sqlite import open_saver
from storage import queries, queries_backends, queries_curves, queries_health
from storage.queries_steps import steps
from storage.report import Choice, operations
from storage.store import open_reader
from tests import long_thread
from tests.collector.attach.attaching import attach

HOUR_S = queries.WINDOWS["1h"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database, written just now and never instrumented, and the store it was attached to."""
    folder = tmp_path_factory.mktemp("found")
    with open_saver(str(folder / "chat.sqlite")) as saver:
        long_thread.play(long_thread.build(saver), "long-1", 12, fork_every=6)
    attach(folder / "chat.sqlite", folder / "spool", folder / "store.sqlite", "chat")
    return folder


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    engine = open_reader(str(folder / "store.sqlite"))
    yield engine
    engine.dispose()


@pytest.fixture
def rows(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database itself."""
    with closing(sqlite3.connect(folder / "chat.sqlite")) as connection:
        yield connection


def test_overview_has_bytes_and_no_calls(engine: Engine, rows: sqlite3.Connection) -> None:
    """Stored bytes grow from nothing to what SQL tells; no write, rate or latency is made up."""
    (stored,) = rows.execute(
        "SELECT (SELECT sum(length(checkpoint)) FROM checkpoints) + "
        "(SELECT sum(length(value)) FROM writes)"
    ).fetchone()
    found = queries.overview(engine, HOUR_S)
    levels = found.levels["sqlite"].to_list()
    assert (levels[0], levels[-1]) == (0, stored)
    assert levels == sorted(levels)
    assert found.totals["threads"].sum() == found.new_threads == found.active_threads == 1
    assert found.rates[["writes", "written_bytes", "duration_us", "serde_us"]].sum().sum() == 0
    with engine.connect() as connection:
        (rows_of_calls,) = connection.exec_driver_sql("SELECT count(*) FROM operations").one()
    assert (found.found_bytes, found.found_writes) == (stored, rows_of_calls)
    assert found.latency.empty
    assert set(found.window_latency.values()) == {None}


def test_backends_count_no_calls(engine: Engine) -> None:
    """No operation is listed, none counted, none a second; bytes are those of the database."""
    found = queries_backends.backends(engine, HOUR_S)
    assert found.operations.empty
    (total,) = found.totals.to_dict("records")
    assert (total["operations"], total["operations_per_second"], total["threads"]) == (0, 0, 1)
    assert total["window_written_bytes"] == total["stored_bytes"] > 0
    assert total["found_writes"] > 100
    curves = queries_curves.rates(engine, HOUR_S)
    assert curves[["operations", "errors"]].to_numpy().sum() == 0
    assert curves["written_bytes"].sum() == total["stored_bytes"]


def test_steps_have_nodes_and_no_durations(engine: Engine, rows: sqlite3.Connection) -> None:
    """Durations are missing; who ran is told by the writes under the parent."""
    table = steps(engine, 1).table
    (count,) = rows.execute("SELECT count(*) FROM checkpoints").fetchone()
    assert len(table) == count
    assert table["duration_us"].isna().all()
    assert table["serde_us"].isna().all()
    nodes = {tuple(names) for names in table["nodes"]}
    assert {("listen",), ("research",), ("fetch",), ("answer",), ("approve",)} <= nodes
    ends = table[(table["ns"] == "") & (table["source"] == "loop")]
    first = rows.execute(
        "SELECT DISTINCT task_path FROM writes WHERE checkpoint_id = ? AND checkpoint_ns = ''",
        (ends.iloc[1]["parent"],),
    ).fetchall()
    assert [f"~__pregel_pull, {name}" for name in ends.iloc[1]["nodes"]] == [p for (p,) in first]


def test_a_thread_took_no_time(folder: Path) -> None:
    """Its times of calls are 0, not less."""
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection:
        sums = connection.execute("SELECT duration_us, serde_us, errors FROM threads").fetchall()
    assert sums == [(0, 0, 0)]


def test_readers_are_no_instrumented_processes(folder: Path, engine: Engine) -> None:
    """The process that reads is not listed among the applications' own, even while it lives."""
    with closing(sqlite3.connect(folder / "store.sqlite")) as connection:
        connection.execute("UPDATE processes SET ended = 0")
        connection.commit()
        assert connection.execute("SELECT kind FROM processes").fetchall() == [("attached",)]
    assert queries_health.health(engine, time.time_ns() // 1000).processes.empty


def test_report_tells_no_time(engine: Engine) -> None:
    """``python -m storage operations`` has null for what is unknown."""
    with engine.connect() as connection:
        told = operations(connection, Choice(limit=500))
    assert len(told) > 100
    assert {(row["duration_us"], row["serde_us"]) for row in told} == {(None, None)}
