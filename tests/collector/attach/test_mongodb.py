"""Checkpoints of MongoDB, found while their application may write more."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo import monitoring

from collector.attach import cursors, mongodb, mongodb_gauges
from collector.attach.source import FoundCheckpoint, FoundWrites
from collector.inspection import url
from collector.inspection.errors import CouldNotLook
from examples.backends.on_mongodb import open_saver
from tests import long_thread
from tests.collector.attach import twins

OLD = cursors.id_at(1_600_000_000)
"""An id of 2020."""


@contextlib.contextmanager
def opened(database: str) -> Iterator[mongodb.Mongo]:
    """The source of a database."""
    with mongodb.opened(url.parse(database)) as source:
        yield source


@pytest.fixture
def database(mongo_url: str) -> Iterator[str]:
    """URL of a database of the test's own."""
    name = f"attach_{uuid.uuid4().hex}"
    yield f"{mongo_url}/{name}"
    with pymongo.MongoClient[Any](mongo_url) as client:
        client.drop_database(name)


@pytest.fixture
def played(database: str) -> str:
    """A database in which a thread was played: sends, a subgraph, interrupts, forks."""
    with open_saver(database) as saver:
        long_thread.play(long_thread.build(saver), "long-1", 11, fork_every=5)
    return database


def stored(database: str) -> dict[str, int]:
    """Bytes by thread, by the server's own count."""
    sums: dict[str, int] = {}
    with pymongo.MongoClient[Any](database) as client:
        for name, field in (("checkpoints", "checkpoint"), ("checkpoint_writes", "value")):
            size = {"$sum": {"$binarySize": f"${field}"}}
            rows = client.get_default_database()[name].aggregate(
                [{"$group": {"_id": "$thread_id", "n": size}}]
            )
            for row in rows:
                sums[row["_id"]] = sums.get(row["_id"], 0) + row["n"]
    return sums


def test_what_is_found_is_what_was_told(mongo_url: str, database: str, tmp_path: Path) -> None:
    """Of real graphs, sync and async: each checkpoint and write with the same numbers and nodes,
    and stored bytes as the server sums them up."""
    name = database.rpartition("/")[2]
    told = twins.run("tests.collector.on_mongodb", tmp_path, mongo_url, name)
    with opened(database) as source:
        batches = list(source.read(""))
        found = twins.seen(batches)
        twins.in_order(twins.all_of(batches))
        facts, total = source.saver(), source.total()
    assert twins.compare(told, found) == len(found.checkpoints) > 100
    assert total.checkpoints == len(found.checkpoints)
    for key, one in found.checkpoints.items():
        _, parts = told.puts[key]
        assert {name: count for name, (count, _) in one.lists.items()} == parts.elements
    assert found.nodes == {key: told.nodes[key] for key in found.nodes}
    known = stored(database)
    assert {thread: found.stored(thread) for thread in known} == known
    keys = {event.saver for event, _ in told.puts.values()}
    assert (keys, facts.layout, facts.class_name) == ({facts.key}, "whole", "MongoDBSaver")


def test_new_ones_are_found_once(played: str) -> None:
    """What comes after the first pass: new checkpoints with their writes, and the resumed ones'
    writes under an old checkpoint; nothing twice."""
    with opened(played) as source, open_saver(played) as saver:
        graph = long_thread.build(saver)
        last = list(source.read(""))[-1]
        assert [batch.found for batch in source.read(last.cursor) if batch.found] == []
        source.changed()
        assert not source.changed()
        config = {"configurable": {"thread_id": "long-1"}}
        graph.update_state(config, {"turn": 19}, as_node="approve")
        graph.invoke(long_thread.question(20), config)  # the 20th is interrupted
        assert source.changed()
        found = list(source.read(last.cursor))
        one, last = twins.seen(found), found[-1]
        graph.invoke(long_thread.Command(resume="yes"), config)
        two = twins.seen(source.read(last.cursor))
    with opened(played) as source:
        whole = twins.seen(source.read(""))
    assert not one.checkpoints.keys() & two.checkpoints.keys()
    new = one.checkpoints.keys() | two.checkpoints.keys()
    assert {key: whole.checkpoints[key] for key in new} == one.checkpoints | two.checkpoints
    assert {key for key in two.writes if key[0] not in two.checkpoints}
    for key, held in whole.writes.items():
        if key[0] in new:
            assert one.writes.get(key, {}) | two.writes.get(key, {}) == held
    known = stored(played)
    assert {thread: whole.stored(thread) for thread in known} == known


def test_it_goes_on_after_any_batch(played: str) -> None:
    """A reader that is killed after a batch, and begins with its cursor, misses nothing."""
    with opened(played) as source:
        batches = list(source.read(""))
        everything = twins.seen(batches)
    for number in range(0, len(batches), 2):
        with opened(played) as source:
            rest = list(source.read(batches[number].cursor))
        together = twins.seen([*batches[: number + 1], *rest])
        assert together.checkpoints == everything.checkpoints
        assert together.writes == everything.writes


def test_pages_are_bounded_in_bytes(played: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large documents come in more batches, whatever number of them a page may have."""
    monkeypatch.setattr(mongodb, "BATCH_BYTES", 10_000)
    with opened(played) as source:
        batches = list(source.read(""))
    sizes = [
        sum(one.document_bytes for one in batch.found if isinstance(one, FoundCheckpoint))
        for batch in batches
    ]
    largest = max(
        one.document_bytes for one in twins.all_of(batches) if isinstance(one, FoundCheckpoint)
    )
    assert max(sizes) < 10_000 + largest
    assert sum(size > 0 for size in sizes) > 10


class Commands(monitoring.CommandListener):
    """What is sent to the server."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.sent.append((event.command_name, dict(event.command)))

    def succeeded(self, event: object) -> None: ...

    def failed(self, event: object) -> None: ...


def test_only_reading_commands_are_sent(played: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each bounded in time; and the collections and indexes are the same afterwards."""

    def state() -> Any:
        with pymongo.MongoClient[Any](played) as client:
            there = client.get_default_database()
            return {name: there[name].index_information() for name in there.list_collection_names()}

    before = state()
    commands = Commands()
    client_class = pymongo.MongoClient
    monkeypatch.setattr(
        pymongo, "MongoClient",
        lambda *given, **named: client_class(*given, event_listeners=[commands], **named),
    )  # fmt: skip
    with opened(played) as source:
        list(source.read(""))
        source.changed()
        source.gauges()
        source.counts(["long-1"])
        source.held("long-1")
    names = {name for name, _ in commands.sent}
    assert names <= {
        "find", "aggregate", "count", "listCollections", "getMore", "killCursors", "endSessions",
    }  # fmt: skip
    for name, command in commands.sent:
        if name in {"find", "aggregate", "count"}:
            assert command["maxTimeMS"] == 5_000, command
    monkeypatch.undo()
    assert state() == before


def test_leftovers_are_counted(played: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes without a checkpoint, but for those that may just be on their way; they are found as
    well, for their bytes are stored."""
    with pymongo.MongoClient[Any](played) as client:
        write = {"thread_id": "lost", "checkpoint_ns": "", "task_id": "t", "task_path": "",
                 "idx": 0, "channel": "c", "type": "msgpack"}  # fmt: skip
        client.get_default_database()["checkpoint_writes"].insert_many([
            write | {"checkpoint_id": OLD, "value": b"abcd"},
            write | {"checkpoint_id": cursors.id_at(4_000_000_000), "value": b"fresh"},
        ])  # fmt: skip
        counts = [
            client.get_default_database()[name].count_documents({})
            for name in ("checkpoints", "checkpoint_writes")
        ]
    with opened(played) as source:
        found = source.gauges()
        lost = [one for one in twins.all_of(source.read("")) if one.thread == "lost"]
    assert (found["orphan_writes"], found["orphan_write_bytes"]) == (1, 4)
    assert sorted(one.writes for one in lost if isinstance(one, FoundWrites)) == [
        [(0, "c", 4)], [(0, "c", 5)],
    ]  # fmt: skip
    assert [found["checkpoints"], found["writes"]] == counts
    assert found["threads"] == 1
    monkeypatch.setattr(mongodb_gauges, "LOOK_SECONDS", 0.0)
    with opened(played) as source:
        assert "orphan_writes" not in source.gauges(), "not told before all was looked at"


def test_what_is_gone(played: str) -> None:
    """A thread that was deleted has nothing; of another, what it has is named."""
    with open_saver(played) as saver, opened(played) as source:
        long_thread.play(long_thread.build(saver), "gone", 1)
        before = source.counts(["long-1", "gone", "never"])
        saver.delete_thread("gone")
        after = source.counts(["long-1", "gone", "never"])
        held, gone = source.held("long-1"), source.held("gone")
        whole = twins.seen(source.read(""))
    assert (before["gone"] > 0, before.get("never", 0)) == (True, 0)
    assert (after["long-1"], after.get("gone", 0)) == (before["long-1"], 0)
    assert (gone.checkpoints, gone.writes) == (set(), set())
    assert held.checkpoints == {key[1:] for key in whole.checkpoints}
    assert held.writes == {key[1:] for key, _ in whole.writes}


def test_a_database_of_others_is_refused(database: str) -> None:
    """It says what is there instead, and what to do."""
    with pytest.raises(CouldNotLook, match=r"has no collection checkpoints"), opened(database):
        pass
