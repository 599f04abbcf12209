"""A running collector in trouble: it shows what is wrong, waits, and loses nothing."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from collector import loop, wal
from collector.errors import SpoolUnusable
from collector.loop import Collector, Options
from storage import store as store_module
from storage.errors import NotAStore, StoreTooNew, StoreUnwritable
from tests.collector.live import collecting, wait_for
from tests.collector.made import Made, collect, one, query


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def made(spool: Path) -> Iterator[Made]:
    made = Made(spool)
    yield made
    made.die()


def puts(made: Made, count: int = 10) -> None:
    """Spool some more puts."""
    first = made.seq
    for number in range(count):
        made.put("t", first + number, 100)
    made.write()


def stored(store: Path) -> int:
    """How many operations are in the store, 0 while it cannot tell."""
    try:
        return int(one(store, "SELECT count(*) FROM operations"))
    except sqlite3.Error:
        return 0


def problem(store: Path) -> str:
    try:
        return str(one(store, "SELECT problem FROM collector"))
    except (sqlite3.Error, AssertionError):
        return ""


def test_missing_spool_is_made(spool: Path, store: Path) -> None:
    """And what a probe then writes is collected."""
    with collecting(spool, store):
        wait_for(spool.is_dir, "a spool folder")
        made = Made(spool)
        puts(made)
        wait_for(lambda: stored(store) == 10, "ingest")
        made.die()


def test_spool_that_cannot_be_read_is_shown_and_tried_again(
    spool: Path, store: Path, made: Made
) -> None:
    """Its segments are not taken for removed meanwhile (faults, row 16)."""
    puts(made)
    with collecting(spool, store):
        wait_for(lambda: stored(store) == 10, "ingest")
        away = spool.rename(spool.with_name("away"))
        spool.write_text("a file where the folder was")
        wait_for(lambda: "cannot be read" in problem(store), "a problem")
        assert str(spool) in problem(store)
        spool.unlink()
        away.rename(spool)
        puts(made)
        wait_for(lambda: stored(store) == 20, "ingest")
        wait_for(lambda: not problem(store), "the end of the problem")
    assert query(store, "SELECT * FROM gaps") == []
    assert one(store, "SELECT deleted FROM segments") == 0


def test_spool_that_cannot_be_read_ends_a_single_drain(tmp_path: Path, store: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(SpoolUnusable, match=f"The spool {path} cannot be read: .*STATEMETER_SPOOL"):
        collect(path, store)


def test_newer_segment_is_shown_and_left(spool: Path, store: Path, made: Made) -> None:
    """The others are read."""
    newer = spool / f"{'0' * 32}-000001.v2.spool"
    newer.write_text("something newer")
    puts(made)
    with collecting(spool, store):
        wait_for(lambda: "newer format" in problem(store), "a problem")
        wait_for(lambda: stored(store) == 10, "ingest")
    assert newer.read_text() == "something newer"
    assert newer.name in problem(store)


def test_locked_store_is_waited_for(
    spool: Path, store: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program holds the write lock for longer than a statement waits (faults, row 19)."""
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.1)
    puts(made)
    with collecting(spool, store):
        wait_for(lambda: stored(store) == 10, "ingest")
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            puts(made)
            wait_for(passed(1.0), "a second")
            assert stored(store) == 10
            other.execute("COMMIT")
        wait_for(lambda: stored(store) == 20, "ingest")
    assert query(store, "SELECT * FROM gaps") == []


@pytest.mark.slow
def test_store_locked_for_half_a_minute(spool: Path, store: Path, made: Made) -> None:
    """With the waiting times that users have."""
    puts(made)
    with collecting(spool, store):
        wait_for(lambda: stored(store) == 10, "ingest")
        with closing(sqlite3.connect(store, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            puts(made)
            wait_for(passed(29.0), "half a minute")
        wait_for(lambda: stored(store) == 20, "ingest")


def passed(seconds: float) -> Any:
    """A condition that holds after some seconds."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """SQLite refuses to grow the file beyond a number of pages, as on a full disk."""
    limit = {"pages": 1 << 30}
    real = store_module.open_writer

    def open_writer(url: str | None = None) -> Any:
        engine = real(url)

        @event.listens_for(engine, "checkout")
        def _limit(connection: Any, *_: Any) -> None:
            connection.execute(f"PRAGMA max_page_count = {limit['pages']}")

        return engine

    monkeypatch.setattr(loop.store, "open_writer", open_writer)
    yield limit


def test_full_disk_stops_and_resumes(
    spool: Path, store: Path, made: Made, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Nothing is lost and nothing stored twice (faults, row 10)."""
    caplog.set_level("INFO")
    puts(made)
    with full_disk(monkeypatch) as limit, collecting(spool, store):
        wait_for(lambda: stored(store) == 10, "ingest")
        limit["pages"] = 1
        puts(made, 2_000)
        wait_for(lambda: "disk is full" in caplog.text, "a message")
        assert stored(store) == 10
        assert made.path.exists()
        limit["pages"] = 1 << 30
        wait_for(lambda: stored(store) == 2_010, "ingest")
    assert str(store) in caplog.text
    assert one(store, "SELECT count(DISTINCT seq) FROM operations") == 2_010
    assert query(store, "SELECT * FROM gaps") == []


def test_damaged_store_is_moved_and_built_again(spool: Path, store: Path, made: Made) -> None:
    """From what the spool still holds, with the loss stated (faults, row 17)."""
    puts(made)
    made.next_segment()
    puts(made, 5)
    collect(spool, store)  # the first segment is deleted with this
    with store.open("r+b") as file:
        file.write(os.urandom(4096))
    content = store.read_bytes()
    with collecting(spool, store):
        wait_for(lambda: stored(store) == 5, "ingest")
        wait_for(lambda: "was damaged" in problem(store), "the loss being stated")
    (broken,) = store.parent.glob("store.sqlite.broken-*")
    assert broken.read_bytes() == content
    assert broken.name in problem(store)
    assert one(store, "SELECT sum(last_seq - first_seq + 1) FROM gaps") == 13


def test_store_damaged_while_in_use(spool: Path, store: Path, made: Made) -> None:
    puts(made)
    with collecting(spool, store):
        wait_for(lambda: stored(store) == 10, "ingest")
        wait_for(lambda: one(store, "SELECT heartbeat_us FROM collector") > 0, "a report")
        with closing(sqlite3.connect(store)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = store.stat().st_size
        with store.open("r+b") as file:
            file.write(os.urandom(size))
        puts(made, 5)
        wait_for(lambda: list(store.parent.glob("store.sqlite.broken-*")), "quarantine")
        wait_for(lambda: stored(store) == 15, "ingest of the whole segment")
    assert query(store, "SELECT * FROM gaps") == []


def test_store_removed_while_in_use(spool: Path, store: Path, made: Made) -> None:
    """It is made again, from the spool."""
    puts(made)
    with collecting(spool, store):
        wait_for(lambda: stored(store) == 10, "ingest")
        for name in ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm"):
            (store.parent / name).unlink(missing_ok=True)
        wait_for(lambda: stored(store) == 10, "a new store")


@pytest.mark.parametrize("content", [b"my notes", b"\x00" * 8192, os.urandom(4096)])
def test_foreign_file_is_refused_and_left(spool: Path, store: Path, content: bytes) -> None:
    store.write_bytes(content)
    with pytest.raises(NotAStore, match=r"not a SQLite database and not a store"):
        collect(spool, store)
    assert store.read_bytes() == content
    assert [path.name for path in store.parent.iterdir()] == [store.name]


def test_foreign_file_in_the_place_of_a_store_is_refused(spool: Path, store: Path) -> None:
    """The side file speaks of a file that is gone."""
    collect(spool, store)
    other = store.with_name("other")
    other.write_bytes(b"somebody's data " * 512)
    other.replace(store)
    with pytest.raises(NotAStore):
        collect(spool, store)
    assert store.read_bytes() == b"somebody's data " * 512


def test_foreign_database_is_refused_and_left(spool: Path, store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("CREATE TABLE threads (mine)")
    content = store.read_bytes()
    with pytest.raises(NotAStore, match="database of something else"):
        collect(spool, store)
    assert store.read_bytes() == content


def test_newer_schema_is_refused(spool: Path, store: Path) -> None:
    collect(spool, store)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'from the future', 0)")
    with pytest.raises(StoreTooNew, match=r"schema 99; .* up to \d+\. Upgrade Statemeter"):
        collect(spool, store)


def test_store_that_cannot_be_made_is_refused(spool: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable, match=r"cannot be used: .* STATEMETER_STORE"):
        collect(spool, tmp_path / "file" / "store.sqlite")


def test_second_collector_waits_its_turn(spool: Path, store: Path, made: Made) -> None:
    """And goes on where the first one ended (faults, row 12)."""
    puts(made)
    with collecting(spool, store):
        wait_for(lambda: stored(store) == 10, "ingest")
        first = one(store, "SELECT holder FROM collector")
        with collecting(spool, store):
            puts(made)
            wait_for(lambda: stored(store) == 20, "ingest")
            wait_for(passed(1.0), "a second")
            assert one(store, "SELECT holder FROM collector") == first
    puts(made)
    collect(spool, store)
    assert one(store, "SELECT count(DISTINCT seq) FROM operations") == stored(store) == 30
    assert query(store, "SELECT * FROM gaps") == []


def test_long_log_is_an_alarm_and_cut_when_its_reader_ends(
    spool: Path, store: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader's transaction stays open under load (faults, row 20)."""
    monkeypatch.setattr(wal, "ALARM_BYTES", 400_000)
    log = store.with_name("store.sqlite-wal")
    with collecting(spool, store):
        puts(made)
        wait_for(lambda: stored(store) == 10, "ingest")
        with closing(sqlite3.connect(store, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM operations").fetchone()
            for _ in range(20):
                puts(made, 200)
            wait_for(lambda: "cannot be cut" in problem(store), "an alarm")
            assert log.stat().st_size > 400_000
        wait_for(lambda: not problem(store), "the end of the alarm")
        assert log.stat().st_size < 400_000


def test_stopped_collector_gives_the_lease_back(spool: Path, store: Path) -> None:
    collect(spool, store)
    assert query(store, "SELECT holder, expires_us FROM collector") == [
        {"holder": "", "expires_us": 0}
    ]


def test_bad_retention_is_refused_at_the_start(
    spool: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATEMETER_RETENTION_DAYS", "soon")
    with pytest.raises(ValueError, match="STATEMETER_RETENTION_DAYS='soon'"):
        Collector(Options(str(store), spool))
