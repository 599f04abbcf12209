"""quadratic-channel: full messages in each checkpoint are found, what is trimmed is not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages

import statemeter
from tests.collector.findings.conftest import Found, config

TURNS = 40
RULE = "quadratic-channel"


class State(TypedDict):
    messages: Annotated[list[Any], add_messages]
    topic: str


def chat(saver: Any, keep: int = 0) -> Any:
    """A chat of 1 KB a turn; with ``keep``, only so many messages stay."""

    def answer(state: State) -> Any:
        told: list[Any] = [AIMessage("a" * 500)]
        if keep:
            told = [RemoveMessage(REMOVE_ALL_MESSAGES), *state["messages"][-keep:], *told]
        return {"messages": told}

    builder = StateGraph(State)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    return statemeter.instrument(builder.compile(checkpointer=saver))


def talk(graph: Any, thread: str) -> None:
    for _ in range(TURNS):
        graph.invoke({"messages": [HumanMessage("q" * 500)], "topic": "t"}, config(thread))


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_full_messages_are_found(kind: str, found: Found, tmp_path: Path) -> None:
    """The channel is named, its amplification is that of the saver's own rows, and the fix says
    what it saves."""
    path = tmp_path / "chat.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as sqlite:
        saver = InMemorySaver() if kind == "memory" else sqlite
        graph = chat(saver)
        talk(graph, "long")
        (finding,) = found(RULE)
        state = graph.get_state(config("long")).values
        if kind == "memory":
            blobs = [value for key, value in saver.blobs.items() if key[2] == "messages"]
            stored = sum(len(value[1]) for value in blobs)
        else:
            stored = rewritten(path)
        live = len(saver.serde.dumps_typed(state["messages"])[1])
    assert (finding.subject.thread, finding.subject.channel) == ("long", "messages")
    assert finding.subject.backend == kind
    told = {one.name: one.value for one in finding.measured}
    assert told["it has now"] == live
    assert told["stored of it"] == stored
    assert told["write amplification"] == pytest.approx(stored / live)
    assert any("DeltaChannel" in one.words for one in finding.fixes)
    assert all(one.code and one.saving and one.saving.bytes for one in finding.fixes)


def rewritten(path: Path) -> int:
    """Bytes of messages in all checkpoints of a file."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    serde = JsonPlusSerializer()
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT type, checkpoint FROM checkpoints").fetchall()
    values = [serde.loads_typed(row)["channel_values"] for row in rows]
    return sum(
        len(serde.dumps_typed(value["messages"])[1]) for value in values if "messages" in value
    )


def test_trimmed_messages_are_healthy(found: Found, tmp_path: Path) -> None:
    """As many turns, of which the newest four messages stay."""
    with SqliteSaver.from_conn_string(str(tmp_path / "chat.sqlite")) as saver:
        talk(chat(saver, keep=4), "short")
        assert found(RULE) == []


def test_it_resolves_when_the_thread_is_deleted(found: Found) -> None:
    """By itself, at the next look."""
    saver = InMemorySaver()
    talk(chat(saver), "long")
    assert len(found(RULE)) == 1
    saver.delete_thread("long")
    assert found(RULE) == []
