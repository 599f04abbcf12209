"""The ingest transaction: exactly once, whatever comes back or fails."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from benchmarks.traffic import Traffic, write_spool
from collector import gather, ledger
from collector.errors import Fenced
from collector.gather import Gatherer
from collector.ingest import Ingest
from collector.lease import Lease
from collector.spool import scan
from statemeter import events
from statemeter.spool import record
from storage.store import open_writer
from tests.collector.made import AT_US, Made, collect, everything, one, query, thread_row

SMALLEST = {
    str: "x", msgspec.Raw: {}, list[str]: [], list[tuple[str, events.Number]]: [],
    dict[str, events.Number]: {},
}  # fmt: skip
"""Type of a field → a value of it; of numbers 0."""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def forget_positions(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DELETE FROM segments")


def test_segments_replayed_ten_times_change_nothing(spool: Path, store: Path) -> None:
    """With their positions forgotten, sequence numbers alone tell what is new (faults, row 11)."""
    write_spool(spool, Traffic(5, threads=20), 1_000, segment_bytes=60_000)
    keep = spool.with_name("keep")
    shutil.copytree(spool, keep)
    collect(spool, store)
    first = everything(store)
    assert len(first["operations"]) > 500
    for number in range(10):
        shutil.copytree(keep, spool, dirs_exist_ok=True)
        if number % 2:
            forget_positions(store)
        collect(spool, store)
        assert everything(store) == first
    assert one(store, "SELECT ingested FROM collector") == 1_000 + one(
        store, "SELECT last_seq - 1000 FROM processes"
    )


def test_lost_segment_is_a_gap_and_fills_when_it_comes_back(spool: Path, store: Path) -> None:
    """The size of a loss is proved, and a segment that turns up late is taken."""
    write_spool(spool, Traffic(5, threads=20), 1_000, segment_bytes=60_000)
    missing = sorted(spool.glob("*.spool"))[1]
    moved = missing.rename(spool.with_name("moved"))
    count = moved.read_bytes().count(b"\n")
    collect(spool, store)
    assert one(store, "SELECT sum(last_seq - first_seq + 1) FROM gaps") == count
    moved.rename(missing)
    collect(spool, store)
    assert query(store, "SELECT * FROM gaps") == []
    operations = one(store, "SELECT count(*) FROM operations")
    assert one(store, "SELECT sum(count) FROM rollups WHERE resolution_s = 60") == operations
    assert one(store, "SELECT count(DISTINCT seq) FROM operations") == operations


def test_events_of_every_class_are_taken(spool: Path, store: Path) -> None:
    """None of the format makes a dead letter: the smallest record of each class is stored."""
    made = Made(spool)
    for event_class in get_args(events.AnyEvent):
        fields = msgspec.structs.fields(event_class)[2:]
        told = [SMALLEST.get(field.type, 0) for field in fields if field.required]
        made.line(events.tag_of(event_class), *told)
    made.write()
    collect(spool, store)
    assert one(store, "SELECT dead_letters FROM collector") == "{}"
    assert one(store, "SELECT ingested FROM collector") == made.seq


def test_poison_records_are_dead_letters_with_reasons(spool: Path, store: Path) -> None:
    """Each is kept with its place; all others are stored (faults, row 13)."""
    made = Made(spool)
    for number in range(1, 901):
        made.put("t", number, 100)
        if number % 10 == 0:
            payload = (b"[", b'["news",1,2]', b'["seal",1,-7]')[number // 10 % 3]
            made.lines.append(b"0" * 12 + b"\n" if number % 100 == 0 else record(payload))
    made.write()
    content = made.path.read_bytes()
    collect(spool, store)
    assert one(store, "SELECT count(*) FROM operations") == 900
    reasons = json.loads(one(store, "SELECT dead_letters FROM collector"))
    assert sum(reasons.values()) == 90
    assert set(reasons) == {"checksum", "json", "shape", "range"}
    for letter in query(store, "SELECT * FROM dead_letters"):
        begin = letter["position"]
        assert content[begin : begin + letter["length"]] == letter["record"]
        assert letter["incarnation"] == made.incarnation


@pytest.mark.parametrize("fails", ["in Python", "in the driver"])
def test_event_that_breaks_a_transaction_is_found_and_set_aside(
    spool: Path, store: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Batches are halved until the culprit is alone; the others are stored once."""
    made = Made(spool)
    for number in range(1, 300):
        made.put("t" if number % 100 else "culprit", number, 100)
    made.write()
    real = ledger.Ledger.put

    def put(self, process, event, parts):  # type: ignore[no-untyped-def]
        if event.thread == "culprit":
            if fails == "in Python":
                raise OverflowError("Python int too large to convert to SQLite INTEGER")
            event = msgspec.structs.replace(event, source=["of a type that no column has"])
        real(self, process, event, parts)

    monkeypatch.setattr(ledger.Ledger, "put", put)
    collect(spool, store)
    assert one(store, "SELECT count(*) FROM operations") == 297
    assert thread_row(store, "t")["stored_bytes"] == 29_700
    letters = query(store, "SELECT reason, record FROM dead_letters")
    assert [letter["reason"] for letter in letters] == ["store", "store"]
    assert all(b'"culprit"' in letter["record"] for letter in letters)
    assert query(store, "SELECT * FROM gaps") == []


def test_position_that_moved_fences(spool: Path, store: Path) -> None:
    """Nothing of the batch is stored when somebody else moved the position."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.write()
    engine = open_writer(str(store))
    lease = Lease()
    assert lease.take(engine, 1) is None
    first, second = Ingest(engine, lease.holder), Ingest(engine, lease.holder)
    first.load()
    second.load()
    slices = Gatherer().gather(scan(spool), first.segments, set())
    first.store(slices)
    with pytest.raises(Fenced, match="another collector reads this spool"):
        second.store(slices)
    assert not second.loaded
    engine.dispose()
    assert one(store, "SELECT count(*) FROM operations") == 1


def test_collector_without_the_lease_cannot_write(spool: Path, store: Path) -> None:
    """A collector that slept while another took over is stopped by its first transaction."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.write()
    engine = open_writer(str(store))
    late, other = Lease(), Lease()
    assert late.take(engine, 0) is None
    ingest = Ingest(engine, late.holder)
    ingest.load()
    assert other.take(engine, 60_000_000) is None
    with pytest.raises(Fenced, match="taken over"):
        ingest.store(Gatherer().gather(scan(spool), ingest.segments, set()))
    engine.dispose()
    assert one(store, "SELECT count(*) FROM threads") == 0


def test_calls_of_two_processes_are_stored_by_their_time(
    spool: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delete by one process comes after what another wrote before it, with a backlog too."""
    monkeypatch.setattr(gather, "SHARED_RECORDS", 2)
    writer, deleter = Made(spool), Made(spool)
    for number in range(1, 40):
        writer.put("t", number, 100)
    deleter.at_us = writer.at_us + 5 * AT_US
    deleter.removal("delete_thread", "t")
    writer.at_us = deleter.at_us + 5 * AT_US
    writer.put("t", 50, 77)
    deleter.write()
    writer.write()
    collect(spool, store)
    assert thread_row(store, "t")["stored_bytes"] == 77


def test_samples_tell_the_cpu_between_them(spool: Path, store: Path) -> None:
    """Also across two collectors; a clock that jumps back gives no negative share."""
    made = Made(spool)
    made.line("sample", 1000, 2_000_000, 7, 10, {"queue_full": 3}, 1)
    made.write()
    collect(spool, store)
    made.line("sample", 1100, 2_250_000, 8, 12, {"queue_full": 4}, 2)
    made.at_us -= 3600 * AT_US
    made.line("sample", 1200, 2_500_000, 8, 12, {"queue_full": 4}, 2)
    made.write()
    collect(spool, store)
    rows = query(store, "SELECT * FROM samples ORDER BY rss_bytes")
    assert [row["cpu_percent"] for row in rows] == [None, 25.0, None]
    (process,) = query(store, "SELECT * FROM processes")
    assert (process["rss_bytes"], process["threads"], process["emitted"]) == (1200, 8, 12)
    assert (process["dropped"], process["failures"]) == ('{"queue_full":4}', 2)


def test_clock_that_jumps_loses_nothing(spool: Path, store: Path) -> None:
    """A day back and forth mid-run: every event is stored once, at its time (faults, row 15)."""
    made = Made(spool)
    for number in range(1, 10):
        made.put("t", number, 100, parent=number - 1 or "")
        made.at_us += (-86_400, 86_400 * 2, -86_400)[number % 3] * AT_US
    made.write()
    collect(spool, store)
    row = thread_row(store, "t")
    assert (row["stored_bytes"], row["steps"]) == (900, 9)
    assert row["first_seen_us"] < row["last_seen_us"]
    assert one(store, "SELECT sum(count) FROM rollups WHERE resolution_s = 3600") == 9
    assert one(store, "SELECT min(duration_min_us) FROM rollups") == 1000


def test_runs_and_nodes_refer_to_their_thread(spool: Path, store: Path) -> None:
    made = Made(spool)
    made.put("t", 1, 100)
    made.run("t", "run-1")
    made.run("", "run-2")
    made.line("node", 30, 1, made.saver, "t", "", "chat", 2, "talk", "task", "", 1)
    made.write()
    collect(spool, store)
    key = thread_row(store, "t")["id"]
    runs = query(store, "SELECT run_id, thread_key FROM runs ORDER BY id")
    assert [(run["run_id"], run["thread_key"]) for run in runs] == [("run-1", key), ("run-2", 0)]
    (node,) = query(store, "SELECT * FROM node_runs")
    assert (node["thread_key"], node["node"], node["step"], node["cached"]) == (key, "talk", 2, 1)


def test_process_and_saver_are_told_apart_from_their_events(spool: Path, store: Path) -> None:
    """Events whose introduction was lost are stored all the same."""
    made = Made(spool)
    made.lines = []
    made.put("t", 1, 100)
    made.write()
    collect(spool, store)
    row = thread_row(store, "t")
    assert (row["application"], row["backend"]) == ("", "other")
    assert query(store, "SELECT first_seq, last_seq FROM gaps") == [{"first_seq": 1, "last_seq": 2}]
    made.process()
    made.line("saver", made.saver, "sqlite", "SqliteSaver", "whole", "x.sqlite")
    made.put("t", 2, 100)
    made.write()
    collect(spool, store)
    row = thread_row(store, "t")
    assert (row["application"], row["backend"], row["stored_bytes"]) == ("app", "sqlite", 200)
