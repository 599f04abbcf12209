"""Delta channels, rebuilt from raw rows: the values that LangGraph itself rebuilds."""

from __future__ import annotations

import json
import operator
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import psycopg
import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph, add_messages
from langgraph.graph.message import REMOVE_ALL_MESSAGES, _messages_delta_reducer
from langgraph.types import Overwrite
from typing_extensions import TypedDict

from collector.viewer import decoding, delta
from collector.viewer.limits import Limits
from storage.values import Value
from tests.collector.viewer.corpus import MESSAGES, described
from tests.collector.viewer.test_decoding import SERDE

LIMITS = Limits(seconds=60)
TURNS = 8
THREAD: dict[str, Any] = {"configurable": {"thread_id": "thread"}}


def adding(state: list, writes: list) -> list:
    """Every write through ``add_messages``."""
    for write in writes:
        state = add_messages(state, write)
    return state


def appending(state: list, writes: list) -> list:
    return [*state, *(item for write in writes for item in write)]


def merging(state: dict, writes: list) -> dict:
    for write in writes:
        state = operator.or_(state, write)
    return state


def uniting(state: set, writes: list) -> set:
    return state.union(*writes)


def built(frequency: int, saver: Any) -> Any:
    """A graph of four kinds of delta channels; two nodes write them at once."""

    def channel(kind: type, reducer: Any) -> Any:
        return Annotated[kind, DeltaChannel(reducer, snapshot_frequency=frequency)]

    fields = {
        "messages": channel(list, _messages_delta_reducer),
        "added": channel(list, adding),
        "items": channel(list, appending),
        "facts": channel(dict, merging),
        "tags": channel(set, uniting),
        "turn": int,
    }
    schema: Any = TypedDict("State", fields, total=False)

    def talk(state: Any) -> Any:
        turn = state["turn"]
        answer: list[Any] = [AIMessage("answer", id=f"a{turn}")]
        if turn == 2:
            answer.append(AIMessage("another answer", id="a1"))
        if turn == 3:
            answer += [RemoveMessage(id="a2"), HumanMessage("no id")]
        cleared = [RemoveMessage(id=REMOVE_ALL_MESSAGES), HumanMessage("anew", id="n")]
        return {
            "messages": Overwrite(answer) if turn == 5 else answer,
            "added": cleared if turn == 4 else [AIMessage("x", id=f"x{turn % 3}")],
            "items": Overwrite(None) if turn == 6 else [turn, {"a": [turn]}],
            "facts": {"turn": turn, f"of {turn}": AIMessage("x", id="1")},
            "tags": {turn % 3, str(turn)},
        }

    def aside(state: Any) -> Any:
        turn = state["turn"]
        update: Any = {"items": [f"aside {turn}"], "facts": {"aside": turn}}
        return update if turn != 6 else {"facts": {"aside": 6}}

    builder = StateGraph(schema)
    builder.add_node("talk", talk)
    builder.add_node("aside", aside)
    builder.add_edge(START, "talk")
    builder.add_edge(START, "aside")
    return builder.compile(checkpointer=saver)


def driven(graph: Any, durability: str) -> None:
    """Turns, updates, and a fork from the middle that goes on."""
    for turn in range(TURNS):
        asked = [HumanMessage("question", id=f"q{turn}")]
        graph.invoke({"messages": asked, "turn": turn}, THREAD, durability=durability)
    graph.update_state(THREAD, {"messages": [RemoveMessage(id="q7")]}, as_node="talk")
    history = list(graph.get_state_history(THREAD))
    middle = history[len(history) // 2].config
    forked = graph.update_state(middle, {"items": ["forked"], "tags": {"f"}}, as_node="talk")
    graph.invoke({"messages": [("user", "in the fork")], "turn": 8}, forked, durability=durability)
    graph.invoke({"messages": [HumanMessage("more", id="m")], "turn": 9}, THREAD)


@dataclass
class Raw:
    """A checkpoint as the database holds it."""

    parent: str | None
    metadata: Any
    versions: dict[str, Any]
    values: dict[str, Value]
    writes: list[tuple[str, Value]]


def plain(tag: str, blob: Any) -> Value:
    return decoding.plain(tag, bytes(blob or b""), LIMITS)


WRITES = (
    "SELECT channel, type, {} FROM {} WHERE checkpoint_id = {} ORDER BY task_path, task_id, idx"
)


def from_sqlite(path: str) -> dict[str, Raw]:
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT checkpoint_id, parent_checkpoint_id, metadata, checkpoint FROM checkpoints"
    ).fetchall()
    found = {}
    for name, parent, metadata, checkpoint in rows:
        parts = decoding.parts("msgpack", checkpoint, LIMITS)
        versions = plain("msgpack", parts["channel_versions"]).data
        channels = decoding.parts("msgpack", parts["channel_values"], LIMITS)
        values = {key: plain("msgpack", part) for key, part in channels.items()}
        writes = connection.execute(WRITES.format("value", "writes", "?"), (name,))
        found[name] = Raw(
            parent, plain("json", metadata).data, versions, values,
            [(channel, plain(tag, blob)) for channel, tag, blob in writes],
        )  # fmt: skip
    connection.close()
    return found


def from_postgres(url: str) -> dict[str, Raw]:
    found = {}
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT checkpoint_id, parent_checkpoint_id, metadata::text, checkpoint "
            "FROM checkpoints"
        ).fetchall()
        blobs = {
            (channel, version): (tag, blob)
            for channel, version, tag, blob in connection.execute(
                "SELECT channel, version, type, blob FROM checkpoint_blobs"
            )
        }
        for name, parent, metadata, checkpoint in rows:
            versions = checkpoint["channel_versions"]
            inline = checkpoint.get("channel_values", {})
            values = {key: plain("json", json.dumps(one).encode()) for key, one in inline.items()}
            stored = {key: blobs[key, v] for key, v in versions.items() if (key, v) in blobs}
            values |= {key: plain(*blob) for key, blob in stored.items() if blob[0] != "empty"}
            writes = connection.execute(WRITES.format("blob", "checkpoint_writes", "%s"), (name,))
            found[name] = Raw(
                parent, plain("json", metadata.encode()).data, versions, values,
                [(channel, plain(tag, blob)) for channel, tag, blob in writes],
            )  # fmt: skip
    return found


def rebuilt(rows: dict[str, Raw], name: str, channel: str) -> Value:
    """As the viewer does: the ancestors up to the nearest that has the channel."""
    writes: list[Value] = []
    seed, ancestors, parent = None, 0, rows[name].parent
    while parent in rows and seed is None:
        row = rows[parent]
        ancestors += 1
        writes[:0] = [value for written, value in row.writes if written == channel]
        seed = row.values.get(channel)
        parent = row.parent
    return delta.rebuild(seed, writes, ancestors)


def unordered(data: Any) -> Any:
    """Elements of sets in one order."""
    if isinstance(data, dict) and data.get("__type__") == "builtins.set":
        return data | {"value": sorted(data["value"], key=json.dumps)}
    return data


def same_as_langgraph(graph: Any, rows: dict[str, Raw]) -> tuple[int, int]:
    """Compares every channel of every checkpoint; (how many were stored, were rebuilt)."""
    stored = found = 0
    for snapshot in graph.get_state_history(THREAD):
        name = snapshot.config["configurable"]["checkpoint_id"]
        row = rows[name]
        absent = delta.missing(row.versions, row.values, row.metadata)
        for channel in ("messages", "added", "items", "facts", "tags"):
            if channel not in row.versions:
                assert not snapshot.values.get(channel)
                assert channel not in absent
                continue
            if channel in absent:
                value = rebuilt(rows, name, channel)
                assert value.rebuilt > 0
                assert value.how
                found += 1
            else:
                value = delta.unwrapped(row.values[channel])
                stored += 1
            assert value.problem == ""
            assert unordered(value.data) == unordered(described(snapshot.values[channel])), channel
    return stored, found


@pytest.mark.parametrize("durability", ["sync", "exit"])
@pytest.mark.parametrize("frequency", [1, 2, 3, 100])
def test_as_langgraph_in_sqlite(frequency: int, durability: str, tmp_path: Path) -> None:
    """Replacement, removal, removal of all, missing ids, Overwrite, forks, updates: the same."""
    path = str(tmp_path / "db.sqlite")
    with SqliteSaver.from_conn_string(path) as saver:
        graph = built(frequency, saver)
        driven(graph, durability)
        stored, found = same_as_langgraph(graph, from_sqlite(path))
    assert stored >= 5
    assert found > (20 if frequency > 1 and durability == "sync" else 0)


@pytest.mark.parametrize("frequency", [2, 100])
def test_as_langgraph_in_postgres(frequency: int, postgres_database: str) -> None:
    """The same from rows of Postgres."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        graph = built(frequency, saver)
        driven(graph, "sync")
        stored, found = same_as_langgraph(graph, from_postgres(postgres_database))
    assert stored >= 5
    assert found > 20


def value(data: Any) -> Value:
    return decoding.plain(*SERDE.dumps_typed(data), LIMITS)


@pytest.mark.parametrize("form", [Overwrite, lambda v: {"__overwrite__": v}, dict])
def test_each_form_of_overwrite(form: Callable[[Any], Any]) -> None:
    """The class, and both forms that JSON has; the last one counts, and what follows it."""
    if form is dict:

        def form(v: Any) -> Any:
            return {"type": "__overwrite__", "value": v}

    writes = [value([1]), value(form([2])), value([3]), value(form([4])), value([5])]
    assert delta.rebuild(value([0]), writes).data == [4, 5]
    assert delta.rebuild(None, [value(form(None)), value([5])]).data == [5]
    assert delta.rebuild(None, [value(form({"a": 1}))]).data == {"a": 1}


def test_bytes_of_each_message() -> None:
    """They are those of the write that the message came with."""
    first, second = [HumanMessage("a", id="1"), AIMessage("b" * 50, id="2")], [
        AIMessage("c" * 99, id="2"), HumanMessage("d", id="3"),
    ]  # fmt: skip
    found = delta.rebuild(value(first), [value(second), value(HumanMessage("e", id="4"))])
    alone = [first[0], *second, HumanMessage("e", id="4")]
    assert found.elements == [len(SERDE.dumps_typed(message)[1]) for message in alone]


def test_a_reducer_that_cannot_be_told() -> None:
    """Numbers may be added or counted, texts joined or replaced: it says that it does not know."""
    for writes in ([1, 2], ["a", "b"], [1.5, [1]], [{"a": 1}, [1]]):
        found = delta.rebuild(value(writes[0]), [value(write) for write in writes[1:]])
        assert "the application's own reducer, which is not run" in found.problem
        assert found.data is None
    assert delta.rebuild(value(7), []).data == 7


def test_a_write_that_cannot_be_read() -> None:
    """One encrypted write: no value, and why."""
    hidden = decoding.plain("msgpack+aes", b"\0" * 40, LIMITS)
    found = delta.rebuild(value([1]), [hidden])
    assert "cannot be read: Encrypted" in found.problem


def test_what_a_limit_cut_keeps_its_place() -> None:
    """A seed that was cut: what is left out is marked between its elements and the writes."""
    few = decoding.plain(*SERDE.dumps_typed(list(range(9))), Limits(nodes=3))
    found = delta.rebuild(few, [value(["x"])])
    assert found.cut
    assert found.data == [0, 1, 2, {"__type__": "cut", "value": None, "cut": 6}, "x"]
    assert found.elements == []


def test_raw_messages_are_messages() -> None:
    """Dicts and pairs, which the application's reducer may turn into messages, are kept."""
    writes = [value([{"role": "user", "content": "a", "id": "1"}]), value(("user", "b"))]
    writes += [value([{"role": "user", "content": "c", "id": "1"}]), value(MESSAGES[0])]
    found = delta.rebuild(None, writes)
    assert [item["content"] if isinstance(item, dict) and "content" in item else item
            for item in found.data[:2]] == ["c", ["user", "b"]]  # fmt: skip
    assert len(found.data) == 3
