"""The account of a thread, from records made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collector import threads as collector_threads
from tests.collector.made import Made, checkpoint_id, collect, one, query, thread_row

ONE_WRITE = [("messages", 10)]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


def drain(made: Made, store: Path) -> None:
    made.write()
    collect(made.folder, store)


def test_written_stored_and_live(spool: Path, store: Path) -> None:
    """Each put and write is written and stored; live is the newest root checkpoint."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.writes("t", 1, "task", [("messages", 10), ("other", 5)])
    made.put("t", 2, 150, parent=1)
    made.put("t", 3, 70, ns="sub:1", parent=2)
    drain(made, store)
    row = thread_row(store, "t")
    assert (row["written_bytes"], row["stored_bytes"], row["live_bytes"]) == (335, 335, 150)
    assert (row["steps"], row["operations"], row["errors"]) == (3, 4, 0)
    assert row["metadata_bytes"] == 60
    assert row["checkpoint"] == checkpoint_id(2)
    assert row["partial"] == 0


def test_what_is_unknown_is_null(spool: Path, store: Path) -> None:
    """In the table of calls too, where rows have a number in the place of ``None``."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.put("t", 2, 100, error="OperationalError")
    made.writes("t", 1, "task", ONE_WRITE)
    drain(made, store)
    put, failed, writes = query(store, "SELECT * FROM operations ORDER BY id")
    assert (put["live_bytes"], put["rows"]) == (100, None)
    assert (failed["live_bytes"], failed["stored_delta_bytes"]) == (None, 0)
    assert (writes["step"], writes["live_bytes"], writes["metadata_bytes"]) == (None, None, None)
    assert (writes["bookkeeping_bytes"], writes["rows"]) == (None, 1)


def test_checkpoint_put_again_replaces_its_row(spool: Path, store: Path) -> None:
    """The second put of an id is written, but only the difference is stored, and no step."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.put("t", 1, 130)
    drain(made, store)
    row = thread_row(store, "t")
    assert (row["written_bytes"], row["stored_bytes"], row["steps"]) == (230, 130, 1)
    deltas = query(store, "SELECT stored_delta_bytes AS d FROM operations ORDER BY id")
    assert [d["d"] for d in deltas] == [100, 30]


def test_failed_calls_change_no_bytes(spool: Path, store: Path) -> None:
    """A call that raised is counted as an operation and an error, and nothing more."""
    made = Made(spool)
    made.put("t", 1, 100, error="OperationalError")
    made.writes("t", 1, "task", ONE_WRITE, error="OperationalError")
    drain(made, store)
    row = thread_row(store, "t")
    assert (row["operations"], row["errors"]) == (2, 2)
    assert (row["written_bytes"], row["stored_bytes"], row["live_bytes"], row["steps"]) == (
        0, 0, 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize("between", ["same batch", "own batch"])
def test_repeated_writes_are_ignored_and_special_ones_replaced(
    spool: Path, store: Path, between: str
) -> None:
    """The rules hold whether the first writes are in memory or only in the store."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.writes("t", 1, "task", [("a", 10), ("b", 20)])
    made.writes("t", 1, "task", [("__interrupt__", 40)])
    if between == "own batch":
        drain(made, store)
    made.writes("t", 1, "task", [("a", 1000), ("b", 1000), ("c", 7)])  # c is new
    made.writes("t", 1, "task", [("__interrupt__", 45)])  # all special: replaced
    made.writes("t", 1, "task", [("d", 1), ("__interrupt__", 9000)])  # mixed: ignored
    drain(made, store)
    assert thread_row(store, "t")["stored_bytes"] == 100 + 10 + 20 + 7 + 45


def test_memory_replaces_a_special_write_in_a_mixed_call(spool: Path, store: Path) -> None:
    """InMemorySaver decides for each write, unlike SQLite."""
    made = Made(spool, backend="memory")
    made.put("t", 1, channels={"a": 10})
    made.writes("t", 1, "task", [("a", 10), ("__error__", 20)])
    made.writes("t", 1, "task", [("a", 500), ("__error__", 30)])
    drain(made, store)
    assert thread_row(store, "t")["stored_bytes"] == 60 + 10 + 30


def test_channels_saver_carries_what_did_not_change(spool: Path, store: Path) -> None:
    """Live bytes are the document and the newest blob of every channel, over two collectors."""
    made = Made(spool, backend="memory")
    made.put("t", 1, channels={"a": 10, "b": 20})
    drain(made, store)
    made.put("t", 2, parent=1, channels={"a": 15})
    made.put("t", 3, parent=2, channels={"b": None})
    drain(made, store)
    row = thread_row(store, "t")
    assert row["live_bytes"] == 50 + 15
    assert row["stored_bytes"] == 3 * 50 + 10 + 20 + 15
    operations = query(store, "SELECT channels, live_bytes FROM operations ORDER BY id")
    assert [json.loads(o["channels"]) for o in operations] == [
        {"a": 10, "b": 20}, {"a": 15, "b": 20}, {"a": 15},
    ]  # fmt: skip
    assert json.loads(row["channels"]) == {"": {"a": [15, 25, 2, None], "b": [0, 20, 2, None]}}
    assert row["partial"] == 0


def test_fork_carries_the_channels_of_its_own_parent(spool: Path, store: Path) -> None:
    """A checkpoint made from an old one has that one's channels, not the newest one's."""
    made = Made(spool, backend="memory")
    made.put("t", 1, channels={"a": 10})
    made.put("t", 2, parent=1, channels={"a": 1000, "b": 500})
    drain(made, store)
    made.put("t", 3, parent=1, channels={"c": 1})
    drain(made, store)
    row = thread_row(store, "t")
    assert row["live_bytes"] == 50 + 11
    channels = json.loads(row["channels"])[""]
    assert {name: sums[0] for name, sums in channels.items()} == {"a": 10, "b": 0, "c": 1}


def test_thread_seen_from_the_middle_is_partial(spool: Path, store: Path) -> None:
    """A first checkpoint with a parent, or a first read that finds one, was written before us."""
    made = Made(spool)
    made.put("a", 5, 100, parent=4)
    made.read("b", found=1)
    made.read("c", found=0)
    made.put("c", 1, 100)
    drain(made, store)
    assert [thread_row(store, name)["partial"] for name in "abc"] == [1, 1, 0]


def test_sums_by_channel(spool: Path, store: Path) -> None:
    """Written bytes and writes count the steps that wrote a channel; namespaces lose task ids."""
    made = Made(spool)
    made.put("t", 1, channels={"messages": 10, "topic": 3}, changed=["messages", "topic"])
    made.put(
        "t", 2, parent=1, channels={"messages": 25, "topic": 3}, changed=["messages"],
        lists={"messages": [2, [[0, "str", 9]]]},
    )  # fmt: skip
    made.put("t", 3, ns="sub:11|deep:12", channels={"x": 1}, changed=["x"])
    made.put("t", 4, ns="sub:21|deep:22", channels={"y": 2}, changed=["y"])
    drain(made, store)
    assert json.loads(thread_row(store, "t")["channels"]) == {
        "": {"messages": [25, 35, 2, 2], "topic": [3, 3, 1, None]},
        "sub|deep": {"x": [0, 1, 1, None], "y": [2, 2, 1, None]},
    }


def test_deleted_thread_holds_nothing_and_lives_again(spool: Path, store: Path) -> None:
    """delete_thread takes all stored and live bytes; a later put of an old id is new."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.writes("t", 1, "task", ONE_WRITE)
    made.removal("delete_thread", "t")
    drain(made, store)
    row = thread_row(store, "t")
    assert (row["stored_bytes"], row["live_bytes"], row["written_bytes"]) == (0, 0, 110)
    assert row["deleted_us"] == made.at_us
    made.put("t", 1, 70)
    made.writes("t", 1, "task", ONE_WRITE)
    drain(made, store)
    row = thread_row(store, "t")
    assert (row["stored_bytes"], row["live_bytes"], row["deleted_us"]) == (80, 70, 0)
    threads = query(
        store, "SELECT threads_delta AS d FROM rollups WHERE resolution_s = 1 AND threads_delta"
    )
    assert sorted(t["d"] for t in threads) == [-1, 1, 1]


def test_prune_keeps_the_newest_of_each_namespace(spool: Path, store: Path) -> None:
    """With its writes; what was pruned can be put again."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.writes("t", 1, "task", ONE_WRITE)
    made.put("t", 2, 200, parent=1)
    made.writes("t", 2, "task", ONE_WRITE)
    made.put("t", 3, 60, ns="sub:1")
    made.put("other", 4, 55)
    made.removal("prune", "", ["t", "other"], "keep_latest")
    drain(made, store)
    row = thread_row(store, "t")
    assert (row["stored_bytes"], row["live_bytes"], row["partial"]) == (270, 200, 0)
    assert thread_row(store, "other")["stored_bytes"] == 55
    made.put("t", 1, 100)
    made.writes("t", 2, "task", ONE_WRITE)
    drain(made, store)
    assert thread_row(store, "t")["stored_bytes"] == 370
    made.removal("prune", "", ["t"], "delete")
    drain(made, store)
    row = thread_row(store, "t")
    assert (row["stored_bytes"], row["live_bytes"]) == (0, 0)
    assert row["deleted_us"] > 0


def test_prune_of_a_channels_saver_keeps_blobs_in_use(spool: Path, store: Path) -> None:
    """A blob that an older checkpoint wrote stays while the newest still uses it."""
    made = Made(spool, backend="memory")
    made.put("t", 1, channels={"a": 1000})
    made.put("t", 2, parent=1, channels={"b": 20})
    made.removal("prune", "", ["t"], "keep_latest")
    drain(made, store)
    assert thread_row(store, "t")["stored_bytes"] == 50 + 1000 + 20


def test_delete_for_runs_removes_what_these_runs_put(spool: Path, store: Path) -> None:
    """And live bytes fall back to the newest that is left."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.run("t", "run-1", number=1)
    drain(made, store)
    made.line(
        "put", 1000, made.saver, "chat", 2, "t", "", checkpoint_id(2), "", 100, "msgpack",
        checkpoint_id(1), 2, "loop", 300, 0, 20, 30, 1, {"messages": 250},
    )  # fmt: skip
    made.run("t", "run-2", number=2)
    made.removal("delete_for_runs", "", ["run-2", "unknown"])
    drain(made, store)
    row = thread_row(store, "t")
    assert (row["stored_bytes"], row["live_bytes"]) == (100, 100)
    assert row["checkpoint"] == checkpoint_id(1)


def test_copied_thread_holds_what_its_source_held(spool: Path, store: Path) -> None:
    """And later changes of the source do not touch it; its copied rows can be replaced."""
    made = Made(spool)
    made.put("t", 1, 100)
    made.writes("t", 1, "task", ONE_WRITE)
    made.removal("copy_thread", "t", ["copy"])
    made.put("t", 2, 500, parent=1)
    drain(made, store)
    copy = thread_row(store, "copy")
    assert (copy["stored_bytes"], copy["live_bytes"], copy["steps"]) == (110, 100, 1)
    assert thread_row(store, "t")["stored_bytes"] == 610
    made.put("copy", 1, 60)
    drain(made, store)
    assert thread_row(store, "copy")["stored_bytes"] == 70


def test_ids_that_are_not_ordered_by_time(spool: Path, store: Path) -> None:
    """Other ids than UUIDv6 are looked up; the one put last is the newest."""
    made = Made(spool)
    made.put("t", 1, 100, checkpoint="zzz")
    drain(made, store)
    made.put("t", 2, 70, checkpoint="aaa")
    made.put("t", 1, 90, checkpoint="zzz")
    drain(made, store)
    row = thread_row(store, "t")
    assert (row["stored_bytes"], row["live_bytes"], row["steps"]) == (160, 90, 2)


def test_checkpoints_fallen_out_of_memory_are_looked_up(
    spool: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little is remembered, replaced rows are known as such."""
    monkeypatch.setattr(collector_threads, "ENTRIES_KEPT", 1)
    monkeypatch.setattr(collector_threads, "WEIGHT_KEPT", 1)
    made = Made(spool)
    for number in range(1, 6):
        made.put("t", number, 100, parent=number - 1 or "")
        made.writes("t", number, "task", ONE_WRITE)
    drain(made, store)
    for number in range(1, 6):
        made.put("t", number, 101, parent=number - 1 or "")
        made.writes("t", number, "task", ONE_WRITE)
        drain(made, store)
    row = thread_row(store, "t")
    assert (row["stored_bytes"], row["written_bytes"], row["steps"]) == (5 * 111, 5 * 221, 5)


def test_rollups_add_up_to_the_threads(spool: Path, store: Path) -> None:
    """At each resolution; the last point of a level is the sum over all threads."""
    made = Made(spool)
    for number in range(1, 200):
        made.put(f"t{number % 7}", number, 100 + number)
        made.writes(f"t{number % 7}", number, "task", ONE_WRITE)
        made.read(f"t{number % 7}")
        if number % 50 == 0:
            made.removal("delete_thread", f"t{number % 7}")
    drain(made, store)
    threads = query(
        store,
        "SELECT sum(stored_bytes) AS s, sum(live_bytes) AS l, sum(operations) AS o, "
        "sum(written_bytes) AS w, sum(deleted_us = 0) AS n FROM threads",
    )[0]
    for resolution in (1, 60, 3600):
        sums = query(
            store,
            "SELECT sum(stored_delta_bytes) AS s, sum(live_delta_bytes) AS l, sum(count) AS o, "
            "sum(CASE WHEN operation LIKE 'put%' THEN payload_bytes END) AS w, "
            "sum(threads_delta) AS n FROM rollups WHERE resolution_s = ?",
            resolution,
        )[0]
        assert sums == threads
    minutes = query(
        store, "SELECT sum(written_bytes) AS w, sum(operations) AS o FROM thread_minutes"
    )
    assert minutes[0] == {"w": threads["w"], "o": threads["o"]}


def test_same_id_in_two_storages_is_two_threads(spool: Path, store: Path) -> None:
    """A thread is told by its saver and its id."""
    for saver, size in (("a" * 12, 100), ("b" * 12, 200)):
        made = Made(spool, saver=saver)
        made.put("t", 1, size)
        made.write()
    collect(spool, store)
    stored = query(store, "SELECT stored_bytes AS b FROM threads ORDER BY 1")
    assert [row["b"] for row in stored] == [100, 200]


def test_list_without_a_thread_makes_none(spool: Path, store: Path) -> None:
    """``list(None)`` names no thread; its row has thread_key 0."""
    made = Made(spool)
    made.line(
        "list", 900, made.saver, "chat", 0, "", "", "", "", 10, "msgpack", 5, 80, 1200, 999, 1, 0
    )
    drain(made, store)
    assert one(store, "SELECT count(*) FROM threads") == 0
    (row,) = query(store, "SELECT * FROM operations")
    assert (row["thread_key"], row["rows"], row["payload_bytes"]) == (0, 5, 999)
    assert json.loads(row["detail"]) == {
        "first_us": 80, "open_us": 1200, "filtered": 1, "complete": 0,
    }  # fmt: skip
