"""Dashboards that read, and transactions left open, while a collector writes."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from benchmarks.traffic import Traffic, write_spool
from collector.wal import ALARM_BYTES
from tests.collector.live import wait_for
from tests.collector.made import collect, one
from tests.collector.nursery import nursery
from tests.collector.reading import reading
from tests.collector.test_faults import check_whole, ingested, start
from tests.collector.test_loop import problem

READERS = 20
SEGMENT_BYTES = 250_000


@contextmanager
def begun(spool: Path, store: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A collector in a process of its own, from its first report on."""
    before = beat(store)
    child = start(spool, store)
    try:
        wait_for(lambda: beat(store) > before, "a start")
        yield child
    finally:
        child.terminate()
        child.wait(60)


def beat(store: Path) -> int:
    return int(one(store, "SELECT heartbeat_us FROM collector"))


def wait_for_all(store: Path, count: int) -> None:
    """Wait until that many events are stored, however slow the machine is that stores them."""
    while (before := ingested(store)) < count:
        wait_for(lambda: ingested(store) > before, "ingest")


class Pouring:
    """Events that arrive evenly: written beforehand, segments are moved into the spool in time."""

    def __init__(self, folder: Path, spool: Path, events: int, per_second: int) -> None:
        traffic = Traffic(21, threads=2_000, turn_us=11_000_000 // per_second)
        self.count = write_spool(folder, traffic, events, SEGMENT_BYTES)
        self._segments = sorted(folder.glob("*.spool"))
        self._spool = spool
        self._seconds = self.count / per_second

    def pour(self) -> None:
        """All of it; returns when the last segment is there."""
        self._spool.mkdir(exist_ok=True)
        start_at = time.monotonic()
        clock = threading.Event()
        for number, segment in enumerate(self._segments, 1):
            segment.rename(self._spool / segment.name)
            ahead = start_at + self._seconds * number / len(self._segments) - time.monotonic()
            clock.wait(max(0.0, ahead))


def check_readers(folder: Path, events: int, per_second: int, rest_seconds: float) -> None:
    """No reader fails, sees half a transaction, or keeps the collector from its work."""
    spool, store = folder / "spool", folder / "store.sqlite"
    pouring = Pouring(folder / "made", spool, events, per_second)
    collect(folder / "empty", store)
    with begun(spool, store), reading(store, READERS, rest_seconds) as told:
        pouring.pour()
        behind = pouring.count - ingested(store)
        wait_for_all(store, pouring.count)
        wait_for(lambda: min(told.rounds), "a round of each reader")
    print(
        f"{len(told.seconds)} queries, p50 {told.quantile(0.5) * 1000:.0f} ms, "
        f"p99 {told.quantile(0.99) * 1000:.0f} ms, worst {max(told.seconds) * 1000:.0f} ms; "
        f"{behind} of {pouring.count} events waited when the last one had arrived"
    )
    assert problem(store) == ""
    check_whole(store, pouring.count)


def test_twenty_readers(tmp_path: Path) -> None:
    """Twenty dashboards read without a rest while events come in (faults, row 21)."""
    check_readers(tmp_path, 20_000, per_second=10_000, rest_seconds=0)


@pytest.mark.slow
def test_twenty_readers_for_a_minute(tmp_path: Path) -> None:
    """20,000 events a second; each dashboard reads every two seconds, without any cache."""
    check_readers(tmp_path, 1_200_000, per_second=20_000, rest_seconds=2)


def test_readers_of_a_killed_collector(tmp_path: Path) -> None:
    """They go on over its death, its log that nobody closed, and the start of the next one."""
    spool, store = tmp_path / "spool", tmp_path / "store.sqlite"
    pouring = Pouring(tmp_path / "made", spool, 30_000, per_second=100_000)
    collect(tmp_path / "empty", store)
    with reading(store, 5, rest_seconds=0.05) as told, nursery() as forks:
        pouring.pour()
        for _ in range(3):
            before = beat(store)
            with forks.collector(spool, store):
                wait_for(lambda: beat(store) > before, "a start")  # noqa: B023
            seen = list(told.rounds)
            wait_for(lambda: all(map(int.__gt__, told.rounds, seen)), "rounds")  # noqa: B023
        collect(spool, store)
    check_whole(store, pouring.count)


@pytest.mark.slow
def test_reader_left_open_for_five_minutes(tmp_path: Path) -> None:
    """At 2,000 events a second the log grows to its alarm, is cut at the end of the reader, and
    the segments that it held back are deleted then (faults, row 20)."""
    spool, store = tmp_path / "spool", tmp_path / "store.sqlite"
    pouring = Pouring(tmp_path / "made", spool, 600_000, per_second=2_000)
    log = store.with_name("store.sqlite-wal")
    collect(tmp_path / "empty", store)
    with begun(spool, store):
        with closing(sqlite3.connect(store, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM operations").fetchone()
            pouring.pour()
            wait_for_all(store, pouring.count)
            wait_for(lambda: "cannot be cut" in problem(store), "an alarm")
            held, waiting = log.stat().st_size, len(list(spool.glob("*.spool")))
            assert held > ALARM_BYTES
            assert reader.execute("SELECT count(*) FROM operations").fetchone() == (0,)
        released = time.monotonic()
        wait_for(lambda: log.stat().st_size < ALARM_BYTES, "a cut")
        print(
            f"log of {held / 1e6:.0f} MB cut {time.monotonic() - released:.1f} s after the reader "
            f"ended; {waiting} segments waited"
        )
        wait_for(lambda: not problem(store), "the end of the alarm")
        wait_for(lambda: not any(spool.glob("*.spool")), "the segments to be deleted")
    check_whole(store, pouring.count)
