"""Crashes of the collector and damage to its files: nothing lost, nothing stored twice.

Small versions of the runs of the fault list; those marked slow are as long as it asks for.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.traffic import Traffic, write_spool
from storage.identity import PAGE_BYTES
from tests.collector.live import wait_for
from tests.collector.made import collect, everything, one, query
from tests.collector.nursery import Nursery, nursery
from tests.conftest import REPOSITORY


def start(spool: Path, store: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "collector", "--spool", str(spool), "--store", str(store),
         *arguments],
        cwd=REPOSITORY, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def check_whole(store: Path, count: int) -> None:
    """Each of the events of one incarnation is stored once, in rows and in sums."""
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert query(store, "SELECT * FROM gaps") == []
    assert one(store, "SELECT last_seq FROM processes") == count
    rows = " UNION ALL ".join(
        f"SELECT seq FROM {table}" for table in ("operations", "runs", "node_runs")
    )
    told = query(store, f"SELECT count(*) AS n, count(DISTINCT seq) AS d FROM ({rows})")[0]
    assert told["n"] == told["d"] > 0.9 * count
    operations = one(store, "SELECT count(*) FROM operations")
    assert one(store, "SELECT sum(operations) FROM threads") == operations
    assert one(store, "SELECT sum(operations) FROM thread_minutes") == operations
    for resolution in (1, 60, 3600):
        assert operations == one(
            store, "SELECT sum(count) FROM rollups WHERE resolution_s = ?", resolution
        )
    stored = one(store, "SELECT sum(stored_bytes) FROM threads")
    assert stored == one(
        store, "SELECT sum(stored_delta_bytes) FROM rollups WHERE resolution_s = 60"
    )


def ingested(store: Path) -> int:
    """How many events are stored."""
    return int(one(store, "SELECT ingested FROM collector"))


def check_kills(folder: Path, events: int, kills: int) -> None:
    spool, store = folder / "spool", folder / "store.sqlite"
    count = write_spool(spool, Traffic(2, threads=300), events, segment_bytes=1_000_000)
    chance = random.Random(3)
    collect(folder / "empty", store)
    stored = [0]
    with nursery() as forks:
        for number in range(kills):
            before = one(store, "SELECT heartbeat_us FROM collector")
            with forks.collector(spool, store):
                wait_for(
                    lambda: one(store, "SELECT heartbeat_us FROM collector") > before,  # noqa: B023
                    "a start",
                )
                if number % 4 == 1:  # the others die in their first transaction on a slow machine
                    wait_for(lambda: ingested(store) > stored[-1] or stored[-1] == count, "ingest")
                time.sleep(chance.random() * 0.6)
            stored.append(ingested(store))
    assert stored[-1] > 0
    collect(spool, store)
    print(f"{kills} kills; of {count} events {stored} were stored after each")
    check_whole(store, count)


def test_killed_collectors_lose_and_repeat_nothing(tmp_path: Path) -> None:
    """SIGKILL at random moments of a drain (faults, row 1)."""
    check_kills(tmp_path, 60_000, kills=4)


@pytest.mark.slow
def test_two_hundred_kills(tmp_path: Path) -> None:
    """200 SIGKILLs over a million events."""
    check_kills(tmp_path, 1_000_000, kills=200)


def lose_unsynced(log: Path, chance: random.Random, cut: bool) -> None:
    """Cut the log, or zero a page of it, anywhere behind what SQLite had synced.

    A checkpoint syncs the log before it copies frames from it, and notes in the wal-index how many
    it may have copied (https://sqlite.org/walformat.html, nBackfillAttempted at byte 128).
    """
    index = log.with_name(log.name[:-4] + "-shm")
    if not log.exists() or not index.exists() or not log.stat().st_size:
        return
    (synced,) = struct.unpack("=I", index.read_bytes()[128:132])
    begin, size = 32 + synced * (PAGE_BYTES + 24) if synced else 0, log.stat().st_size
    if begin >= size:
        return
    with log.open("r+b") as file:
        if cut:
            file.truncate(chance.randrange(begin, size))
        else:
            file.seek(chance.randrange(begin, size))
            file.write(b"\0" * PAGE_BYTES)


def check_power_loss(folder: Path, rounds: int) -> None:
    """Cut or zero the end of the log of a killed collector, as a power loss may."""
    chance = random.Random(5)
    with nursery() as forks:
        for number in range(rounds):
            lose_power(folder / str(number), forks, chance, number)
            shutil.rmtree(folder / str(number))


def lose_power(folder: Path, forks: Nursery, chance: random.Random, number: int) -> None:
    spool, store = folder / "spool", folder / "store.sqlite"
    count = write_spool(spool, Traffic(number, threads=50), 3_000, segment_bytes=100_000)
    with forks.collector(spool, store):
        log = store.with_name(store.name + "-wal")
        deadline = time.monotonic() + 20
        while not (log.exists() and log.stat().st_size > 500_000) and time.monotonic() < deadline:
            time.sleep(0.005)
    lose_unsynced(log, chance, cut=number % 2 == 0)
    collect(spool, store)
    check_whole(store, count)


def test_power_loss_loses_nothing(tmp_path: Path) -> None:
    """Segments are deleted only when their events are on disk (faults, row 3)."""
    check_power_loss(tmp_path, rounds=4)


@pytest.mark.slow
def test_five_hundred_power_losses(tmp_path: Path) -> None:
    check_power_loss(tmp_path, rounds=500)


def check_rotation(folder: Path, segments: int) -> None:
    spool, store = folder / "spool", folder / "store.sqlite"
    count = write_spool(spool, Traffic(4, threads=100), segments * 290, segment_bytes=64_000)
    assert len(list(spool.glob("*.spool"))) >= segments
    collect(spool, store)
    check_whole(store, count)
    assert list(spool.glob("*.spool")) == []


def test_many_small_segments(tmp_path: Path) -> None:
    """Rotation every 64 KB (faults, row 7)."""
    check_rotation(tmp_path, 60)


@pytest.mark.slow
def test_two_thousand_segments(tmp_path: Path) -> None:
    check_rotation(tmp_path, 2_000)


def check_corruption(folder: Path, rounds: int) -> None:
    """Flip bits in a spool; gaps tell exactly what was lost."""
    chance = random.Random(9)
    traffic = Traffic(6, threads=10)
    made = folder / "made"
    count = write_spool(made, traffic, 400)
    (segment,) = made.iterdir()
    data = segment.read_bytes()
    good = everything_of(folder / "good", data, segment.name)
    for number in range(rounds):
        spoilt = bytearray(data)
        flips = chance.randrange(1, 6)
        for _ in range(flips):
            spoilt[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        spool, store = folder / f"{number}", folder / f"{number}.sqlite"
        spool.mkdir()
        (spool / segment.name).write_bytes(spoilt)
        collect(spool, store)
        lost = one(store, "SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM gaps")
        last = one(store, "SELECT last_seq FROM processes")
        assert lost + count - last <= 2 * flips
        kept = {row[2]: row for row in everything(store)["operations"]}
        assert len(kept) >= len(good) - 2 * flips
        same = ("operation", "duration_us", "payload_bytes", "checkpoint", "channels")
        for row in query(store, "SELECT * FROM operations"):
            assert {name: row[name] for name in same} == {
                name: good[row["seq"]][name] for name in same
            }
        store.unlink()


def everything_of(folder: Path, data: bytes, name: str) -> dict[int, dict[str, object]]:
    folder.mkdir()
    (folder / name).write_bytes(data)
    store = folder.with_suffix(".sqlite")
    collect(folder, store)
    return {row["seq"]: row for row in query(store, "SELECT * FROM operations")}


def test_flipped_bits_cost_two_records_each(tmp_path: Path) -> None:
    """And what is stored is what was written (faults, row 6)."""
    check_corruption(tmp_path, 10)


def test_two_collectors_started_together(tmp_path: Path) -> None:
    """One drains, the other waits for its turn and finds nothing (faults, row 12)."""
    spool, store = tmp_path / "spool", tmp_path / "store.sqlite"
    count = write_spool(spool, Traffic(8, threads=50), 20_000, segment_bytes=200_000)
    children = [start(spool, store, "--once") for _ in range(2)]
    assert [child.wait(240) for child in children] == [0, 0]
    check_whole(store, count)


def test_spool_written_while_it_is_read(tmp_path: Path) -> None:
    """By several processes, each with its own segments."""
    spool, store = tmp_path / "spool", tmp_path / "store.sqlite"
    script = (
        "import sys; from pathlib import Path; from benchmarks.traffic import Traffic, write_spool;"
        "write_spool(Path(sys.argv[1]), Traffic(int(sys.argv[2])), 4000, 50000)"
    )
    child = start(spool, store)
    try:
        wait_for(store.exists, "a store")
        writers = [
            subprocess.Popen([sys.executable, "-c", script, str(spool), str(seed)], cwd=REPOSITORY)
            for seed in (11, 12, 13)
        ]
        assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    finally:
        child.terminate()
        child.wait(120)
    collect(spool, store)
    assert query(store, "SELECT * FROM gaps") == []
    assert query(store, "SELECT * FROM dead_letters") == []
    assert [row["ended"] for row in query(store, "SELECT ended FROM processes")] == [1, 1, 1]
    operations = one(store, "SELECT count(*) FROM operations")
    assert operations == one(
        store, "SELECT count(*) FROM (SELECT DISTINCT process_id, seq FROM operations)"
    )
    assert os.listdir(spool) == []
