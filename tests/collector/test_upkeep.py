"""Segments after they are read: dead, deleted, removed by somebody, waiting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.gather import Gatherer
from collector.health import Health
from collector.ingest import Ingest
from collector.lease import Lease
from collector.spool import scan
from collector.upkeep import QUIET_SECONDS, Upkeep
from storage.store import open_reader, open_writer
from tests.collector.made import Made, one, query


class Rig:
    """A collector in pieces, so that a test can go step by step."""

    def __init__(self, spool: Path, engine: Engine) -> None:
        self.spool = spool
        lease = Lease()
        assert lease.take(engine, 1) is None
        self.ingest = Ingest(engine, lease.holder)
        self.ingest.load()
        self.upkeep = Upkeep(engine, self.ingest)

    def step(self, later: float = 0.0) -> int:
        """Read all, look for dead segments ``later`` seconds from now; how many were deleted."""
        listing = scan(self.spool)
        self.upkeep.find_dead(listing, time.time() + later)
        gatherer = Gatherer()
        while slices := gatherer.gather(listing, self.ingest.segments, self.upkeep.dead):
            self.ingest.store(slices)
        return self.upkeep.finish(listing)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


@pytest.fixture
def engine(store: Path) -> Iterator[Engine]:
    engine = open_writer(str(store))
    yield engine
    engine.dispose()


@pytest.fixture
def rig(tmp_path: Path, engine: Engine) -> Rig:
    (tmp_path / "spool").mkdir()
    return Rig(tmp_path / "spool", engine)


LONG = QUIET_SECONDS + 1


def test_open_segment_stays(rig: Rig) -> None:
    """However quiet it is, while its writer holds the lock."""
    made = Made(rig.spool)
    made.put("t", 1)
    made.write()
    assert rig.step(later=3600) == 0
    assert made.path.exists()


def test_abandoned_segment_goes_after_a_while(rig: Rig, store: Path) -> None:
    """Its writer died: the torn tail is a dead letter, the process is marked as gone."""
    made = Made(rig.spool)
    made.put("t", 1)
    made.write()
    with made.path.open("ab") as file:
        file.write(b"0123abcd torn")
    made.die()
    assert rig.step() == 0  # it grew a moment ago
    assert rig.step(later=LONG) == 1
    assert not made.path.exists()
    assert one(store, "SELECT reason FROM dead_letters") == "torn"
    assert one(store, "SELECT ended FROM processes") == 2
    (segment,) = query(store, "SELECT * FROM segments")
    assert (segment["deleted"], segment["sealed"]) == (1, 1)


def test_sealed_segment_goes_at_once_and_ends_its_process(rig: Rig, store: Path) -> None:
    made = Made(rig.spool)
    made.put("t", 1)
    made.seal(final=1)
    made.write()
    assert rig.step() == 0  # read in this step, known as sealed in the next
    assert rig.step() == 1
    assert one(store, "SELECT ended FROM processes") == 1


def test_earlier_segments_of_a_living_process_go(rig: Rig, store: Path) -> None:
    """Its writer went on to the next one."""
    made = Made(rig.spool)
    for number in range(1, 4):
        made.put("t", number)
        made.next_segment()
    made.put("t", 9)
    made.write()
    assert rig.step() == 3
    assert made.path.exists()
    assert one(store, "SELECT ended FROM processes") == 0


def test_unread_segment_is_never_deleted(rig: Rig) -> None:
    """Also when it is dead."""
    made = Made(rig.spool)
    made.put("t", 1)
    made.write()
    made.die()
    listing = scan(rig.spool)
    rig.upkeep.find_dead(listing, time.time() + LONG)
    assert rig.upkeep.dead
    assert rig.upkeep.finish(listing) == 0
    assert made.path.exists()


def test_nothing_is_deleted_before_the_store_is_synced(rig: Rig, store: Path) -> None:
    """An open reader keeps a checkpoint from being complete, and with it the segments."""
    made = Made(rig.spool)
    made.put("t", 1)
    made.write()
    reader = open_reader(str(store))
    with reader.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM threads").all()
        made.die()
        assert rig.step(later=LONG) == 0
        assert made.path.exists()
    assert rig.step(later=LONG) == 1
    reader.dispose()


def test_removed_segment_is_told(rig: Rig, store: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody deleted a segment before it was read whole."""
    made = Made(rig.spool)
    made.put("t", 1)
    made.write()
    rig.step()
    made.put("t", 2)
    made.lines = [made.lines[0][:-5]]
    made.write()
    rig.ingest.segments.states[made.incarnation, 1].size += 30  # as the next look would find
    made.path.unlink()
    rig.step()
    assert "removed before it was read" in caplog.text
    assert one(store, "SELECT deleted FROM segments") == 1


def test_new_segment_in_the_place_of_a_deleted_one(rig: Rig, store: Path) -> None:
    """A file that gets the inode of a deleted one is read from its start (faults, row 8)."""
    for number in range(1, 6):
        made = Made(rig.spool)
        made.put("t", number)
        made.write()
        made.die()
        rig.step(later=LONG)
        assert not made.path.exists()
    assert one(store, "SELECT count(*) FROM operations") == 5
    assert query(store, "SELECT * FROM gaps") == []


def test_segment_cut_below_its_position(
    rig: Rig, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is read twice, what comes after is read, and the gap is the loss (faults, row 4)."""
    made = Made(rig.spool)
    for number in range(1, 11):
        made.put("t", number)
    made.write()
    rig.step()
    whole = made.path.stat().st_size
    with made.path.open("r+b") as file:
        file.truncate(whole // 2)
    assert rig.step() == 0
    assert "was cut to" in caplog.text
    lost = [made.put("t", number) for number in (11, 12, 13)]
    made.lines = []
    made.put("t", 14)
    made.write()
    rig.step()
    assert len(lost) == 3
    assert one(store, "SELECT sum(last_seq - first_seq + 1) FROM gaps") == 3
    assert one(store, "SELECT count(*) FROM operations") == 11


def test_lag_is_measured_in_bytes_and_seconds(rig: Rig) -> None:
    now_us = 1_900_000_000_000_000
    made = Made(rig.spool, start_us=now_us - 12_000_000)
    made.put("t", 1)
    made.write()
    health = Health(rig.spool)
    rig.upkeep.measure(scan(rig.spool), health, now_us)
    assert health.lag_bytes == health.backlog_bytes == made.path.stat().st_size
    assert health.lag_seconds == 11.0
    rig.step()
    rig.upkeep.measure(scan(rig.spool), health, now_us)
    assert (health.lag_bytes, health.lag_seconds, health.backlog_bytes) == (0, 0.0, 0)
