"""The demo, run as a user runs it."""

from __future__ import annotations

import dataclasses
import random
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from examples.demo import corpus, refunds, savers, traffic
from statemeter import events
from tests.conftest import StartChild

WAIT_SECONDS = 180

SQLITE_TIMES = "ignore:The default datetime adapter:DeprecationWarning"
"""Said by Python 3.12 and later to SqliteStore, for each item with a time to live."""


def run_once(start_child: StartChild, database: Path, *options: str) -> str:
    """``--once`` in a process of its own, in which each warning is an error; what it printed."""
    child = start_child(
        "-W", "error", "-W", SQLITE_TIMES,
        "-m", "examples.demo", "--once", "--database", str(database), *options,
    )  # fmt: skip
    code = child.wait(WAIT_SECONDS)
    printed: str = child.log_path.read_text()  # type: ignore[attr-defined]
    assert code == 0, printed
    return printed


def sizes(database: Path) -> dict[str, tuple[int, int, int]]:
    """Thread → (checkpoints, checkpoint bytes, bytes of writes), of both databases."""
    found = {}
    for path in (database, savers.async_database(database)):
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute(
                "SELECT thread_id, count(*), sum(length(checkpoint)), (SELECT sum(length(value))"
                " FROM writes WHERE writes.thread_id = checkpoints.thread_id)"
                " FROM checkpoints GROUP BY thread_id"
            )
            found |= {thread: tuple(numbers) for thread, *numbers in rows}
    return found


def spooled(folder: Path) -> list[Any]:
    """Every event in the spool."""
    lines = [line for path in folder.glob("*.spool") for line in path.read_bytes().splitlines()]
    return [events.decode(line[9:]) for line in lines]


def test_the_same_seed_gives_the_same_bytes(start_child: StartChild, tmp_path: Path) -> None:
    """--once writes the same bytes to every thread each time, and others with another seed."""
    for name in ("a", "b"):
        run_once(start_child, tmp_path / f"{name}.sqlite")
    run_once(start_child, tmp_path / "c.sqlite", "--seed", "8")
    first, again, other = (sizes(tmp_path / f"{name}.sqlite") for name in "abc")
    assert len(first) == 2 * 6  # two threads of each graph that has a database
    assert first == again
    assert first.keys() == other.keys()
    assert first != other


def test_it_does_everything_worth_seeing(start_child: StartChild, isolated: Path) -> None:
    """Its events hold a cached node, an interrupt, a failure, a fork, a subgraph, three savers."""
    printed = run_once(start_child, isolated / "demo.sqlite")
    found = spooled(isolated / "spool")
    puts = [event for event in found if isinstance(event, events.Put)]
    nodes = [event for event in found if isinstance(event, events.Node)]
    assert {event.backend for event in found if isinstance(event, events.Saver)} == {
        "memory",
        "sqlite",
    }
    assert len({put.saver for put in puts}) == 3
    assert {put.graph for put in puts if not put.ns} == {
        "assistant",
        "faq-bot",
        "knowledge-base",
        "ops-agent",
        "quotes",
        "refunds",
        "report-builder",
        "support-chat",
    }
    assert any(put.ns.startswith("pricing:") for put in puts)
    assert {put.source for put in puts} >= {"input", "loop", "update"}
    assert any(node.cached for node in nodes)
    assert {node.error for node in nodes} == {"", "ConnectionError", "GraphInterrupt"}
    statuses = {event.status for event in found if isinstance(event, events.Run)}
    assert statuses >= {"done", "error", "interrupted"}
    assert {event.application for event in found if isinstance(event, events.Process)} == {"demo"}
    assert "Not told" not in printed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(
    start_child: StartChild, isolated: Path, number: signal.Signals
) -> None:
    """SIGTERM and Ctrl-C end it with code 0, no traceback, and its events written."""
    child = start_child("-m", "examples.demo", "--seconds", "0", "--pace", "50")
    deadline = time.monotonic() + WAIT_SECONDS
    while not any((isolated / "spool").glob("*.spool")):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(number)
    assert child.wait(WAIT_SECONDS) == 0
    printed = child.log_path.read_text()  # type: ignore[attr-defined]
    assert printed.splitlines()[-1].startswith(tuple("123456789")), printed
    assert "Traceback" not in printed
    assert isinstance(spooled(isolated / "spool")[-1], events.Seal)


def test_an_unusable_database_is_named(start_child: StartChild, tmp_path: Path) -> None:
    """A file that is no database is named with the fix, and left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("Not a database, but something somebody wants to keep.\n" * 100)
    before = path.read_bytes()
    child = start_child("-m", "examples.demo", "--database", str(path))
    assert child.wait(WAIT_SECONDS) == 1
    printed = child.log_path.read_text()  # type: ignore[attr-defined]
    assert f"cannot use {path}: file is not a database. Give another" in printed
    assert "Traceback" not in printed
    assert path.read_bytes() == before


async def test_old_threads_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest closed threads stay, those of an earlier demo counted; numbers go on."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    database = tmp_path / "demo.sqlite"
    plan = traffic.Plan(refunds, "sqlite", "refund", 1, (1, 1), 1, kept=2)
    for earlier, expected in (
        ([], ["refund-1002", "refund-1003"]),
        (["refund-1002", "refund-1003"], ["refund-1005", "refund-1006"]),
    ):
        async with savers.open_savers(database) as opened:
            assert savers.stored_threads(database) == earlier
            office = traffic.Office(plan, opened["sqlite"], seed=1, earlier=earlier)
            for _ in range(3):
                thread = office.thread(threads=1)
                assert thread is not None
                await office.visit(thread, pause_seconds=0)
                await office.close(thread)
            assert savers.stored_threads(database) == expected


async def test_a_busy_thread_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While every open thread has a turn in flight, none is given out: one turn at a time each."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")
    async with savers.open_savers(tmp_path / "demo.sqlite") as opened:
        plan = dataclasses.replace(traffic.PLANS[0], threads=1)
        office = traffic.Office(plan, opened["sqlite"], seed=1, earlier=[])
        thread = office.thread(threads=1)
        assert thread is not None
        thread.busy = True
        assert office.thread(threads=1) is None


@pytest.mark.parametrize("size_bytes", [2_000, 30_000, 200_000])
def test_documents_have_the_wanted_size(size_bytes: int) -> None:
    """A document is ASCII of exactly the size asked for, and the same from the same generator."""
    text = corpus.document(random.Random(1), size_bytes)
    assert len(text.encode()) == size_bytes
    assert text == corpus.document(random.Random(1), size_bytes)
