"""Readers of attached databases as children of a collector: killed, following, stopped."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from benchmarks.attach import fill as fill_large
from collector.inspection import url
from examples.backends.on_sqlite import open_saver
from storage import sources
from storage.sources import Source
from tests import long_thread
from tests.collector.attach.attaching import attach, key_of
from tests.collector.attach.test_twin import comparable
from tests.collector.live import collecting, wait_for
from tests.collector.made import one, query
from tests.conftest import REPOSITORY


def fill(path: Path, threads: int, turns: int = 6) -> None:
    """Threads of a real graph, all different."""
    with open_saver(str(path)) as saver:
        graph = long_thread.build(saver)
        for number in range(threads):
            long_thread.play(graph, f"long-{number}", turns, fork_every=5)


def attached(path: Path, spool: Path) -> Source:
    """Attach a file, as the command does."""
    source = Source(
        key=key_of(path), backend="sqlite", url=url.parse(str(path)).url, shown=str(path),
        application="chat", created_us=time.time_ns() // 1000,
    )  # fmt: skip
    sources.add(spool, source)
    return source


def row_of(store: Path, key: str) -> dict[str, Any]:
    """How far a database was read, nothing while that is not known."""
    if not store.exists():
        return {}
    with contextlib.suppress(sqlite3.OperationalError):
        for row in query(store, "SELECT * FROM sources WHERE key = ?", key):
            return row
    return {}


def held(path: Path) -> dict[str, int]:
    """Bytes of each thread, as SQL tells."""
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        return dict(connection.execute(
            "SELECT thread_id, sum(bytes) FROM (SELECT thread_id, length(checkpoint) AS bytes "
            "FROM checkpoints UNION ALL SELECT thread_id, length(value) FROM writes) GROUP BY 1"
        ).fetchall())  # fmt: skip


def stored(store: Path) -> dict[str, int]:
    """The same of the store."""
    rows = query(store, "SELECT thread_id, stored_bytes FROM threads WHERE stored_bytes > 0")
    return {row["thread_id"]: row["stored_bytes"] for row in rows}


def readers(parent: int) -> list[psutil.Process]:
    """The readers that a process runs."""
    found = []
    for child in psutil.Process(parent).children():
        with contextlib.suppress(psutil.Error):
            if "collector.attach" in child.cmdline():
                found.append(child)
    return found


@contextlib.contextmanager
def collector(spool: Path, store: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A collector of its own."""
    child = subprocess.Popen(
        [
            sys.executable, "-m", "collector", "--spool", str(spool), "--store", str(store),
            "--parent", str(os.getpid()),
        ],
        cwd=REPOSITORY, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)


def test_new_ones_are_followed_and_what_is_deleted_goes(tmp_path: Path) -> None:
    """While the application writes: what it puts comes, threads and checkpoints that it deletes
    go, and detaching ends the reader."""
    path, spool, store = (tmp_path / name for name in ("chat.sqlite", "spool", "store.sqlite"))
    fill(path, 3)
    source = attached(path, spool)
    with collecting(spool, store):
        wait_for(lambda: row_of(store, source.key).get("phase") == "following", "the first pass")
        wait_for(lambda: stored(store) == held(path), "what was there")
        assert one(store, "SELECT sum(partial) FROM threads") == 0
        with open_saver(str(path)) as saver:
            long_thread.play(long_thread.build(saver), "long-new", 2)
            wait_for(lambda: stored(store) == held(path), "what is new")
            saver.delete_thread("long-1")
            wait_for(lambda: stored(store) == held(path), "that a thread is gone")
            saver.conn.execute(
                "DELETE FROM checkpoints WHERE rowid IN (SELECT rowid FROM checkpoints WHERE "
                "thread_id = 'long-0' AND checkpoint_ns = '' ORDER BY checkpoint_id LIMIT 5)"
            )
            saver.conn.commit()
            wait_for(lambda: stored(store) == held(path), "that checkpoints are gone")
        (gone,) = query(store, "SELECT * FROM threads WHERE thread_id = 'long-1'")
        assert gone["deleted_us"] > 0
        found = "SELECT count(*) FROM operations WHERE thread_key = ? AND duration_us = -1"
        assert one(store, f"{found} AND operation <> 'vanished'", gone["id"]) == 0
        (reader,) = readers(os.getpid())
        sources.remove(spool, source.key)
        wait_for(lambda: row_of(store, source.key)["removed_us"], "that it is detached")
        wait_for(lambda: not reader.is_running(), "the end of the reader")
    assert one(store, "SELECT count(*) FROM gaps") == 0
    assert one(store, "SELECT count(*) FROM dead_letters") == 0


@pytest.mark.parametrize("victim", ["reader", "collector"])
def test_killed_at_any_moment_the_store_ends_the_same(tmp_path: Path, victim: str) -> None:
    """SIGKILL during the first pass, again and again: in the end the store is that of a reader
    that was left alone."""
    path, spool, store = (tmp_path / name for name in ("chat.sqlite", "spool", "store.sqlite"))
    fill(path, 4)
    source = attached(path, spool)
    chance = random.Random(victim)
    for _ in range(2):
        with collector(spool, store) as child:
            if victim == "collector":
                time.sleep(chance.uniform(0.5, 3))  # of its life, until it is killed
                child.send_signal(signal.SIGKILL)
                continue
            wait_for(lambda: readers(child.pid), "a reader")
            time.sleep(chance.uniform(0.1, 1.5))
            for reader in readers(child.pid):
                reader.kill()
    with collecting(spool, store):
        wait_for(
            lambda: (
                row_of(store, source.key).get("phase") == "following"
                and stored(store) == held(path)
            ),
            "the rest",
        )
    attach(path, tmp_path / "spool-2", tmp_path / "alone.sqlite")
    killed, alone = comparable(store), comparable(tmp_path / "alone.sqlite")
    for row in (*killed["threads"], *alone["threads"]):
        del row["partial"]
    for name in ("threads", "sums", "levels", "minutes"):
        assert (name, killed[name]) == (name, alone[name])
    assert len(killed["operations"]) == len(alone["operations"])


def test_the_reader_ends_with_its_collector(tmp_path: Path) -> None:
    """A collector that is killed leaves no reader behind."""
    path, spool, store = (tmp_path / name for name in ("chat.sqlite", "spool", "store.sqlite"))
    fill(path, 1, 2)
    attached(path, spool)
    with collector(spool, store) as child:
        wait_for(lambda: readers(child.pid), "a reader")
        (reader,) = readers(child.pid)
        child.kill()
        wait_for(lambda: not reader.is_running(), "the end of the reader")


def test_an_application_writes_undisturbed(tmp_path: Path) -> None:
    """Attached while it writes with no patience at all: no SQLITE_BUSY, and its file is what it
    would be without us; a second database that goes bad is told as a problem."""
    path, spool, store = (tmp_path / name for name in ("chat.sqlite", "spool", "store.sqlite"))
    fill(path, 1, 2)
    bad = tmp_path / "bad.sqlite"
    bad.write_bytes(path.read_bytes())
    source, other = attached(path, spool), attached(bad, spool)
    bad.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with collecting(spool, store):
        wait_for(lambda: row_of(store, source.key).get("phase") == "following", "the first pass")
        with contextlib.closing(
            sqlite3.connect(path, timeout=0, check_same_thread=False)
        ) as connection:
            long_thread.play(long_thread.build(SqliteSaver(connection)), "busy", 30)
            schema = connection.execute("SELECT sql FROM sqlite_schema ORDER BY 1").fetchall()
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        wait_for(lambda: stored(store) == held(path), "what was written")
        wait_for(lambda: row_of(store, other.key).get("problem"), "the problem")
    assert str(bad) in row_of(store, other.key)["problem"]
    with open_saver(str(tmp_path / "plain.sqlite")) as saver:
        assert schema == saver.conn.execute("SELECT sql FROM sqlite_schema ORDER BY 1").fetchall()


@pytest.mark.slow
def test_a_file_of_a_gigabyte_while_its_application_writes(tmp_path: Path) -> None:
    """All of it is stored to the byte, the reader takes less than 150 MB in all, and the
    application goes on meanwhile."""
    path, spool, store = (tmp_path / name for name in ("chat.sqlite", "spool", "store.sqlite"))
    fill_large(path, 1_000_000_000)
    source = attached(path, spool)
    writer = subprocess.Popen(
        [
            sys.executable, "-m", "tests.long_thread", str(path), "--turns", "30", "--pace", "0.1",
        ],
        cwd=REPOSITORY,
    )  # fmt: skip
    largest = 0
    with collector(spool, store) as child:
        while row_of(store, source.key).get("phase") != "following" or writer.poll() is None:
            for reader in readers(child.pid):
                with contextlib.suppress(psutil.Error):
                    largest = max(largest, reader.memory_info().rss)
            time.sleep(0.05)
        wait_for(lambda: stored(store) == held(path), "what came last")
    assert writer.returncode == 0
    assert 0 < largest < 150_000_000
    assert one(store, "SELECT count(*) FROM gaps") == 0
