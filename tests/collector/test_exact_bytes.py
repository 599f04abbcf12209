"""Stored and live bytes of real graphs equal what their savers hold, to the byte."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.design_reading import recorded
from storage.designs import predict
from storage.store import open_reader
from tests.collector.made import collect, one, query
from tests.conftest import REPOSITORY

STORED = """
SELECT coalesce((SELECT sum(length(checkpoint)) FROM checkpoints WHERE thread_id = :t), 0)
     + coalesce((SELECT sum(length(value)) FROM writes WHERE thread_id = :t), 0)
"""
LIVE = """
SELECT coalesce((SELECT length(checkpoint) FROM checkpoints
                 WHERE thread_id = :t AND checkpoint_ns = ''
                 ORDER BY checkpoint_id DESC LIMIT 1), 0)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Databases and store after the applications ran and were collected."""
    folder = tmp_path_factory.mktemp("exact")
    subprocess.run(
        [sys.executable, "-m", "tests.collector.applications", str(folder)],
        cwd=REPOSITORY,
        env=os.environ | {"STATEMETER_SPOOL": str(folder / "spool"), "STATEMETER_APP": "exact"},
        check=True,
    )
    collect(folder / "spool", folder / "store.sqlite")
    return folder


@pytest.mark.parametrize("name", ["sync.sqlite", "async.sqlite"])
def test_sqlite_to_the_byte(folder: Path, name: str) -> None:
    """For each thread, the store and the saver's own tables tell the same bytes."""
    rows = query(
        folder / "store.sqlite",
        "SELECT t.thread_id, t.stored_bytes, t.live_bytes, t.partial, t.steps FROM threads t "
        "JOIN savers s ON s.id = t.saver_id WHERE s.database LIKE ?",
        f"%/{name}",
    )
    told = {row["thread_id"]: row for row in rows}
    with closing(sqlite3.connect(folder / name)) as connection:
        known = {row[0] for row in connection.execute("SELECT thread_id FROM checkpoints")}
        assert known <= set(told)
        assert len(known) >= 5
        for thread, row in told.items():
            (stored,) = connection.execute(STORED, {"t": thread}).fetchone()
            (live,) = connection.execute(LIVE, {"t": thread}).fetchone()
            assert (thread, row["stored_bytes"], row["live_bytes"]) == (thread, stored, live)
            assert (thread, row["partial"]) == (thread, 0)
        (steps,) = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
        kept = sum(row["steps"] for thread, row in told.items() if thread in known)
        assert kept >= steps


def test_memory_to_the_byte(folder: Path) -> None:
    """For InMemorySaver, its own dictionaries tell the same bytes."""
    held = json.loads((folder / "memory.json").read_text())
    assert len(held) >= 5
    for thread, (stored, live) in held.items():
        rows = query(
            folder / "store.sqlite",
            "SELECT stored_bytes AS s, live_bytes AS l FROM threads "
            "WHERE thread_id = ? AND backend = 'memory'",
            thread,
        )
        row = rows[0] if rows else {"s": 0, "l": 0}
        assert (thread, row["s"], row["l"]) == (thread, stored, live)


def test_designs_begin_with_what_is(folder: Path) -> None:
    """Of forks, failures, interrupts, subgraphs and exit, the sum of the calls that designs are
    worked out from is what the backend holds, to the byte; and what durability ``exit`` would have
    made of a thread is what it made of its twin, within 10 %."""
    store = folder / "store.sqlite"
    engine = open_reader(str(store))
    ended: dict[tuple[int, str], int | None] = {}
    threads = query(store, "SELECT * FROM threads")
    for row in threads:
        thread = recorded(engine, row["id"])
        assert thread is not None
        found = predict(thread)
        if found.today is None:
            assert (row["thread_id"], row["stored_bytes"]) == (row["thread_id"], 0)
            continue
        told = (found.today.stored_bytes, found.today.written_bytes, found.today.live_bytes)
        exact = (row["stored_bytes"], row["written_bytes"], row["live_bytes"])
        assert (row["thread_id"], told) == (row["thread_id"], exact)
        for other in found.others:
            if other.design.id == "exit":
                ended[row["saver_id"], row["thread_id"]] = other.stored_bytes
    engine.dispose()
    twins = {(row["saver_id"], row["thread_id"]): row["stored_bytes"] for row in threads}
    compared = [saver for saver, thread in ended if thread == "sync"]
    assert len(compared) == 2
    for saver in compared:
        assert ended[saver, "sync"] == pytest.approx(twins[saver, "exit"], rel=0.1)


def test_nothing_was_lost_on_the_way(folder: Path) -> None:
    """No gap, no dead letter, no drop, and the process ended in good order."""
    store = folder / "store.sqlite"
    assert one(store, "SELECT count(*) FROM gaps") == 0
    assert one(store, "SELECT count(*) FROM dead_letters") == 0
    (process,) = query(store, "SELECT * FROM processes")
    assert (process["application"], process["dropped"], process["ended"]) == ("exact", "{}", 1)
    assert process["failures"] == 0
    assert list((folder / "spool").glob("*.spool")) == []


def test_live_channels_add_up(folder: Path) -> None:
    """The bytes by channel of a checkpoint are part of its live bytes, and most of them."""
    rows = query(
        folder / "store.sqlite",
        "SELECT channels, live_bytes FROM operations WHERE operation = 'put'",
    )
    assert len(rows) > 100
    for row in rows:
        channels = sum(json.loads(row["channels"]).values())
        assert 0 <= channels < row["live_bytes"]
