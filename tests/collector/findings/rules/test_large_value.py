"""large-value: documents and tool output in the state are found, references are not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.channels import UntrackedValue
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.store.memory import InMemoryStore

import statemeter
from tests.collector.findings.conftest import Found, config

RULE = "large-value"
SIZE = 1_000_000
NODES = 10


class State(TypedDict):
    document: bytes
    done: str


class Untracked(TypedDict):
    document: Annotated[bytes, UntrackedValue]
    done: str


def chain(saver: Any, schema: type = State, store: Any = None) -> Any:
    """The first node loads a document, nine others leave it as it is."""

    def load(state: Any) -> Any:
        document = b"d" * SIZE
        if store is not None:
            store.put(("document",), "d" * 36, {"value": document})
            document = b"d" * 45
        return {"document": document}

    builder: Any = StateGraph(schema)
    builder.add_sequence(
        [("load", load), *((f"n{i}", lambda state, i=i: {"done": f"{i}"}) for i in range(1, NODES))]
    )
    builder.add_edge(START, "load")
    return statemeter.instrument(builder.compile(checkpointer=saver, store=store))


def file_bytes(path: Path) -> int:
    """Of checkpoints and pending writes in a file."""
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute(
            "SELECT (SELECT sum(length(checkpoint)) FROM checkpoints) + "
            "(SELECT sum(length(value)) FROM writes)"
        ).fetchone()
        return int(found)


def test_a_document_in_the_state_is_found(found: Found, tmp_path: Path) -> None:
    """SQLite stores it with each checkpoint; what the fixes promise comes true."""
    sizes = {}
    for name, schema, store in (
        ("before", State, None), ("untracked", Untracked, None), ("kept", State, InMemoryStore()),
    ):  # fmt: skip
        path = tmp_path / f"{name}.sqlite"
        with SqliteSaver.from_conn_string(str(path)) as saver:
            graph = chain(saver, schema, store)
            graph.invoke({"done": ""}, config("t"))
            if name == "before":
                (finding,) = found(RULE)
                (live,) = [v.checkpoint["channel_values"]["document"]
                           for v in [saver.get_tuple(config("t"))] if v]  # fmt: skip
                rows = [saver.serde.loads_typed(row) for row in saver.conn.execute(
                    "SELECT type, checkpoint FROM checkpoints").fetchall()]  # fmt: skip
                held = [r for r in rows if "document" in r["channel_values"]]
        sizes[name] = file_bytes(path)
    assert (finding.subject.thread, finding.subject.channel) == ("t", "document")
    told = {one.name: one.value for one in finding.measured}
    size = len(saver.serde.dumps_typed({"d": live})[1]) - 3  # a map of one, and its key
    assert told["largest value"] == size
    assert told["stored"] == len(held) == NODES
    assert told["stored of it"] == size * len(held)
    assert len(found(RULE)) == 1
    reference, untracked = finding.fixes
    assert reference.saving
    assert untracked.saving
    assert reference.saving.bytes == pytest.approx(sizes["before"] - sizes["kept"] - SIZE, rel=0.1)
    saved = sizes["before"] - sizes["untracked"]
    # Its pending write is not stored, either: one of eleven.
    assert untracked.saving.bytes == pytest.approx(saved, rel=0.1)


class Chat(TypedDict):
    messages: Annotated[list[Any], add_messages]


def talk(tool_bytes: int) -> None:
    """Three turns after a tool has answered."""
    builder: Any = StateGraph(Chat)
    builder.add_node("answer", lambda state: {"messages": [AIMessage("a")]})
    builder.add_edge(START, "answer")
    graph = statemeter.instrument(builder.compile(checkpointer=InMemorySaver()))
    call = AIMessage("", tool_calls=[{"name": "search", "args": {}, "id": "1"}])
    graph.invoke(
        {"messages": [HumanMessage("q"), call, ToolMessage("t" * tool_bytes, tool_call_id="1")]},
        config("chat"),
    )
    for _ in range(2):
        graph.invoke({"messages": [HumanMessage("q")]}, config("chat"))


def test_a_long_answer_of_a_tool_is_found(found: Found) -> None:
    """It is the largest element of messages, stored with each step that adds one."""
    talk(60_000)
    (finding,) = found(RULE)
    told = {one.name: one.value for one in finding.measured}
    assert told["kind"] == "ToolMessage"
    assert isinstance(told["largest value"], float | int)
    assert 60_000 < told["largest value"] < 61_000
    assert told["stored"] == 6  # three inputs, three answers
    assert finding.subject.channel == "messages"


def test_what_is_small_or_stored_once_is_healthy(found: Found) -> None:
    """A short answer of a tool; a large value that only the last step writes."""
    talk(40_000)
    builder: Any = StateGraph(State)
    builder.add_node("load", lambda state: {"document": b"d" * SIZE})
    builder.add_edge(START, "load")
    graph = statemeter.instrument(builder.compile(checkpointer=InMemorySaver()))
    graph.invoke({"done": ""}, config("once"))
    assert found(RULE) == []
