"""What a put tells, against the rows and dictionaries that the savers really wrote."""

from __future__ import annotations

import json
import operator
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypedDict

import msgspec
import numpy as np
import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import add_messages
from langgraph.graph.message import REMOVE_ALL_MESSAGES

import statemeter
from statemeter import events, probe, records
from tests.statemeter import independent
from tests.statemeter.graphs import Notes, chat, single, thread
from tests.statemeter.spooled import Spooled
from tests.statemeter.test_sizes import Model, Record


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    found: Annotated[list[Any], operator.add]
    table: dict[str, Any]
    raw: bytes
    none: None
    array: Any
    model: Any
    number: int
    other: int


def loads(raw: msgspec.Raw) -> Any:
    return json.loads(bytes(raw))


def work(state: State) -> State:
    """Writes a channel of each kind; the list grows."""
    return {
        "found": [{"k": "v" * 40}, Record(), [1, 2]],
        "table": {"a": {"b": [1, 2, 3]}},
        "raw": b"\xff" * 300,
        "none": None,
        "array": np.arange(50),
        "model": Model(),
        "number": 5,
        "other": 5,
    }


def everything(graph: Any) -> None:
    """Append, replace in the middle, remove one, remove all, begin anew; two threads."""
    for name in ("one", "two"):
        for turn in range(4):
            messages = [HumanMessage("h" * 30 * turn, id=f"h{turn}"), AIMessage("a", id=f"a{turn}")]
            graph.invoke({"messages": messages}, thread(name))
        graph.invoke({"messages": [AIMessage("replaced" * 9, id="h1")]}, thread(name))
        graph.invoke({"messages": [RemoveMessage("a2")]}, thread(name))
        graph.update_state(thread(name), {"found": ["more"] * 20}, as_node="node")
        graph.invoke({"messages": [RemoveMessage(REMOVE_ALL_MESSAGES)]}, thread(name))
        graph.invoke({"messages": [("user", "again")]}, thread(name))


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_sqlite_rows_have_the_bytes_that_were_told(tmp_path: Path, spool: Spooled) -> None:
    """Checkpoint, metadata, each channel, each list: what is told is what the row holds."""
    path = tmp_path / "c.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        everything(statemeter.instrument(single(work, saver, State)))
    told = {(event.thread, event.checkpoint): event for event in spool.of(events.Put)}
    stored = rows(path, "SELECT thread_id, checkpoint_id, checkpoint, metadata FROM checkpoints")
    assert set(told) == {row[:2] for row in stored}
    for name, checkpoint, blob, metadata in stored:
        event = told[name, checkpoint]
        assert event.document_bytes == len(blob)
        assert event.blob_bytes == 0
        assert event.metadata_bytes == len(metadata)
        assert event.whole == 1
        assert loads(event.channels) == independent.channels(blob)
        assert event.bookkeeping_bytes == independent.bookkeeping(blob)
        assert event.serializer == "msgpack"
        values = independent.unpack(blob)["channel_values"]
        changed = loads(event.changed)
        for channel, (count, largest) in loads(event.lists).items():
            assert channel in changed
            found = (count, [(index, size) for index, _, size in largest])
            assert found == independent.elements(values[channel])
    assert {name for event in told.values() for name in loads(event.lists)} == {"messages", "found"}
    kinds = {k for e in told.values() for _, top in loads(e.lists).values() for _, k, _ in top}
    assert {"HumanMessage", "AIMessage", "Record", "map", "list"} <= kinds


def test_sqlite_writes_have_the_bytes_that_were_told(tmp_path: Path, spool: Spooled) -> None:
    """Each pending write is told with the bytes of its row, and its task with its node."""
    path = tmp_path / "c.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        everything(statemeter.instrument(single(work, saver, State)))
    told = {
        (event.thread, event.checkpoint, event.task, channel): size
        for event in spool.of(events.Writes)
        for channel, size in event.writes
    }
    stored = rows(
        path, "SELECT thread_id, checkpoint_id, task_id, channel, length(value) FROM writes"
    )
    assert told == {tuple(row[:4]): row[4] for row in stored}
    by_node = {event.node for event in spool.of(events.Writes)}
    assert by_node == {"node", ""}


async def test_async_sqlite_rows_have_the_bytes_that_were_told(
    tmp_path: Path, spool: Spooled
) -> None:
    """The asynchronous saver as well."""
    path = tmp_path / "c.sqlite"
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        graph = statemeter.instrument(chat(saver))
        for turn in range(3):
            await graph.ainvoke({"messages": [("user", "é" * turn)]}, thread())
    stored = rows(path, "SELECT checkpoint_id, checkpoint, metadata FROM checkpoints")
    told = {event.checkpoint: event for event in spool.of(events.Put)}
    assert set(told) == {row[0] for row in stored}
    for checkpoint, blob, metadata in stored:
        assert told[checkpoint].document_bytes == len(blob)
        assert told[checkpoint].metadata_bytes == len(metadata)
        assert loads(told[checkpoint].channels) == independent.channels(blob)
    assert len(rows(path, "SELECT 1 FROM writes")) == sum(
        len(event.writes) for event in spool.of(events.Writes)
    )


def test_memory_holds_the_bytes_that_were_told(spool: Spooled) -> None:
    """InMemorySaver keeps a document without values, and a blob for each channel that changed."""
    saver = InMemorySaver()
    everything(statemeter.instrument(single(work, saver, State)))
    told = spool.of(events.Put)
    kept = {
        (name, checkpoint): row
        for name, namespaces in saver.storage.items()
        for checkpoint, row in namespaces[""].items()
    }
    assert {(event.thread, event.checkpoint) for event in told} == set(kept)
    seen = set()
    for event in told:
        document, metadata, parent = kept[event.thread, event.checkpoint]
        assert event.document_bytes == len(document[1])
        assert event.metadata_bytes == len(metadata[1])
        assert event.bookkeeping_bytes == independent.bookkeeping(document[1])
        assert event.parent == (parent or "")
        assert event.whole == 0
        versions = independent.unpack(document[1])["channel_versions"]
        channels = loads(event.channels)
        lists = loads(event.lists)
        for channel, size in channels.items():
            seen.add((event.thread, "", channel, versions[channel]))
            tag, blob = saver.blobs[event.thread, "", channel, versions[channel]]
            assert size == (None if tag == "empty" else len(blob))
            if channel in ("messages", "found"):
                count, largest = lists[channel]
                found = (count, [(index, size) for index, _, size in largest])
                assert found == independent.elements(independent.unpack(blob))
        assert event.blob_bytes == sum(size or 0 for size in channels.values())
    assert seen == set(saver.blobs)


def test_memory_writes_have_the_bytes_that_were_told(spool: Spooled) -> None:
    """Pending writes of InMemorySaver, by channel."""
    saver = InMemorySaver()
    graph = statemeter.instrument(single(work, saver, State))
    graph.invoke({"messages": [("user", "hi")]}, thread(), durability="sync")
    kept = {
        (checkpoint, task, row[1]): len(row[2][1])
        for (_, _, checkpoint), held in saver.writes.items()
        for (task, _), row in held.items()
    }
    assert kept == {
        (event.checkpoint, event.task, channel): size
        for event in spool.of(events.Writes)
        for channel, size in event.writes
    }


def test_both_layouts_give_a_channel_the_same_bytes(tmp_path: Path, spool: Spooled) -> None:
    """Of equal values, but None and bytes, whose own blobs have no header (events.py)."""
    sizes: list[dict[str, int]] = []
    with SqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as sqlite:
        for saver in (sqlite, InMemorySaver()):
            before = len(spool.of(events.Put))
            graph = statemeter.instrument(single(work, saver, State))
            graph.invoke({"messages": [HumanMessage("hello", id="1")]}, thread())
            merged: dict[str, int] = {}
            for event in spool.of(events.Put)[before:]:
                merged |= {name: size for name, size in loads(event.channels).items() if size}
            sizes.append(merged)
    whole, separate = sizes
    differing = {"raw": 3, "none": 1}
    shared = set(whole) - {"none"} - {name for name in whole if name.startswith(("branch", "__"))}
    assert {"messages", "found", "table", "array", "model", "number", "raw"} <= shared
    assert {n: whole[n] - differing.get(n, 0) for n in shared} == {n: separate[n] for n in shared}


def test_a_channel_that_was_emptied_is_null(spool: Spooled) -> None:
    """An ephemeral channel is written and gone a step later."""
    graph = statemeter.instrument(single(lambda state: {"value": 1}, InMemorySaver()))
    graph.invoke({"value": 0}, thread())
    steps = [loads(event.channels) for event in spool.of(events.Put)]
    assert steps[0]["__start__"] > 0
    assert steps[1]["__start__"] is None


@pytest.mark.parametrize("make", ["memory", "sqlite"])
def test_one_object_in_several_channels(make: str, tmp_path: Path, spool: Spooled) -> None:
    """The same object under two names is counted for each."""

    def twins(state: Notes) -> Notes:
        value = ["shared" * 50]
        return {"found": value, "value": value, "other": value}

    with SqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as sqlite:
        saver = sqlite if make == "sqlite" else InMemorySaver()
        graph = statemeter.instrument(single(twins, saver))
        graph.invoke({"found": []}, thread())
    channels = loads(spool.of(events.Put)[-1].channels)
    assert channels["found"] == channels["value"] == channels["other"] > 300
    (writes,) = [event.writes for event in spool.of(events.Writes) if event.node == "node"]
    assert {name: size for name, size in writes if size > 300} == {
        "found": channels["found"], "value": channels["value"], "other": channels["other"],
    }  # fmt: skip


@pytest.mark.parametrize("make", ["memory", "sqlite"])
def test_a_list_of_seventy_thousand(make: str, tmp_path: Path, spool: Spooled) -> None:
    """A big list costs one number and its largest elements, however long it is."""

    def grow(state: Notes) -> Notes:
        return {"found": ["x" * 99, *range(40_000)]}

    with SqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as sqlite:
        saver = sqlite if make == "sqlite" else InMemorySaver()
        graph = statemeter.instrument(single(grow, saver))
        graph.invoke({"found": list(range(30_000))}, thread())
    (count, largest) = loads(spool.of(events.Put)[-1].lists)["found"]
    assert count == 70_001
    assert largest == [[30_000, "str", 101], [256, "int", 3], [257, "int", 3]]


def test_pickled_state_is_unknown(spool: Spooled) -> None:
    """What falls back to pickle has bytes, but no elements."""
    serializer = JsonPlusSerializer(pickle_fallback=True)
    saver = InMemorySaver(serde=serializer)
    graph = statemeter.instrument(single(lambda state: {"value": range}, saver))
    graph.invoke({"found": [1, 2]}, thread())
    last = spool.of(events.Put)[-1]
    assert loads(last.channels)["value"] == len(
        saver.blobs[next(key for key in saver.blobs if key[2] == "value")][1]
    )
    assert "value" not in loads(last.lists)


def test_encrypted_state_is_unknown(tmp_path: Path, spool: Spooled) -> None:
    """Bytes of an encrypted checkpoint are told, its channels are not; the text stays secret."""
    serializer = EncryptedSerializer.from_pycryptodome_aes(key=b"k" * 16)
    path = tmp_path / "c.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        saver.serde = serializer
        graph = statemeter.instrument(chat(saver))
        out = graph.invoke({"messages": [("user", "hidden")]}, thread())
        assert graph.get_state(thread()).values == out
        assert isinstance(saver.serde, EncryptedSerializer)
    told = {event.checkpoint: event for event in spool.of(events.Put)}
    stored = rows(path, "SELECT checkpoint_id, length(checkpoint) FROM checkpoints")
    assert {c: event.document_bytes for c, event in told.items()} == dict(stored)
    for event in told.values():
        assert (event.serializer, event.channels_unknown) == ("msgpack+aes", "encrypted")
        assert loads(event.channels) == {}
        assert event.bookkeeping_bytes == -1


def test_bytes_under_a_wrong_tag_are_unknown(spool: Spooled) -> None:
    """A serializer of the user's own may call anything msgpack."""

    class Odd:
        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            return "msgpack", b"\xdf\x7f\xff\xff\xff" + b"\x91" + repr(obj).encode()

        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            raise NotImplementedError

    saver = statemeter.instrument(InMemorySaver(serde=Odd()))
    checkpoint: Any = {"id": "1", "channel_values": {"a": 1}, "channel_versions": {"a": 1}}
    saver.put(thread(checkpoint_ns=""), checkpoint, {"step": 1}, {"a": 1})
    told = spool.one(events.Put)
    assert told.document_bytes > 0
    assert told.bookkeeping_bytes == -1


def test_more_channels_than_a_record_holds(tmp_path: Path, spool: Spooled) -> None:
    """Thousands of channels are told by their sum; the record stays within its limit."""
    with SqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as saver:
        statemeter.instrument(saver)
        for number in (400, 20_000):
            values: Any = {f"a long name of a channel {n}": [n] for n in range(number)}
            checkpoint: Any = {"id": str(number), "channel_values": values, "channel_versions": {}}
            saver.put(thread(checkpoint_ns=""), checkpoint, {"step": 1}, dict.fromkeys(values, 1))
    some, many = spool.of(events.Put)
    assert len(loads(some.channels)) == 400
    assert loads(many.channels) == {}
    assert many.channels_unknown == "too many channels"
    assert many.document_bytes > 20_000
    assert statemeter.stats()["dropped"] == {}


@pytest.mark.parametrize("make", ["memory", "sqlite"])
def test_a_backlog_keeps_totals(make: str, tmp_path: Path, spool: Spooled) -> None:
    """Beyond STATEMETER_QUEUE_MB of waiting state, sizes are known and channels are not."""
    target = probe.get()
    target.held_limit = 0
    with SqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as sqlite:
        saver = sqlite if make == "sqlite" else InMemorySaver()
        graph = statemeter.instrument(chat(saver))
        graph.invoke({"messages": [("user", "hi")]}, thread())
        if make == "sqlite":
            stored = dict(
                sqlite.conn.execute("SELECT checkpoint_id, length(checkpoint) FROM checkpoints")
            )
            told = {event.checkpoint: event.document_bytes for event in spool.of(events.Put)}
            assert told == stored
    for event in spool.of(events.Put):
        assert event.channels_unknown == "backlog"
        assert event.bookkeeping_bytes == -1
        assert (loads(event.channels) == {}) == (make == "sqlite")
    assert all(size >= 0 for event in spool.of(events.Writes) for _, size in event.writes)


def test_the_nodes_of_tasks_are_bounded() -> None:
    """Tasks are remembered for their nodes' names, a bounded number of them."""
    records._node_of_task.clear()
    for number in range(records._NODE_MEMORY * 3):
        records.node(1, (0, 0, None, "t", "", 1, "n", f"task {number}", "", 0))
    assert 0 < len(records._node_of_task) <= records._NODE_MEMORY
    records._node_of_task.clear()


def test_a_thread_gets_the_parent_it_was_forked_from(spool: Spooled) -> None:
    """Time travel: the put after a fork names the old checkpoint as its parent."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke({"messages": [("user", "hi")]}, thread())
    past = list(graph.get_state_history(thread()))[1]
    before = len(spool.of(events.Put))
    graph.invoke(None, past.config)
    first = spool.of(events.Put)[before]
    assert first.parent == past.config["configurable"]["checkpoint_id"]
    sources = {event.source for event in spool.of(events.Put)}
    assert sources == {"input", "loop", "fork"}
