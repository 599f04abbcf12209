"""echoed-state: nodes that return the whole state, and Sends of it, are found."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages
from langgraph.types import Send

import statemeter
from tests.collector.findings.conftest import Found, config
from tests.collector.made import thread_row

RULE = "echoed-state"
SIZE = 20_000


class State(TypedDict):
    document: str
    turn: str


def work(saver: Any, thread: str, whole: bool) -> None:
    """Five turns of a node that returns all of the state, or its news."""

    def answer(state: State) -> Any:
        return {**state, "turn": "b"} if whole else {"turn": "b"}

    builder: Any = StateGraph(State)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    graph.invoke({"document": "d" * SIZE, "turn": ""}, config(thread))
    for _ in range(4):
        graph.invoke({"turn": "a"}, config(thread))


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_state_that_comes_back_is_found(kind: str, found: Found, tmp_path: Path) -> None:
    """The node is named, its bytes are those of the saver, and returning what changed saves what
    was promised."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as sqlite:
        saver = InMemorySaver() if kind == "memory" else sqlite
        work(saver, "whole", True)
        (finding,) = found(RULE)
        if kind == "sqlite":
            (written,) = sqlite.conn.execute(
                "SELECT sum(length(value)) FROM writes WHERE channel = 'document' "
                "AND task_path <> '' AND length(value) = ?", (SIZE + 3,)
            ).fetchone()  # fmt: skip
        else:
            written = sum(len(row[2][1]) for held in saver.writes.values()
                          for row in held.values() if row[1] == "document")  # fmt: skip
        work(saver, "news", False)
    assert len(found(RULE)) == 1
    assert (finding.subject.thread, finding.subject.node) == ("whole", "answer")
    told = {one.name: one.value for one in finding.measured}
    # The input of the first turn is a pending write of the same size, of no node.
    assert told["written back"] == 5 * (SIZE + 3)
    assert written - told["written back"] in {0, SIZE + 3}
    before, after = (thread_row(found.store, one)["stored_bytes"]  # type: ignore[attr-defined]
                     for one in ("whole", "news"))  # fmt: skip
    (one,) = finding.fixes
    assert one.saving
    assert one.saving.bytes == pytest.approx(before - after, rel=0.1)


class Chat(TypedDict):
    messages: Annotated[list[Any], add_messages]


def chat(answer: Any, thread: str = "chat", turns: int = 12) -> None:
    builder: Any = StateGraph(Chat)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    graph = statemeter.instrument(builder.compile(checkpointer=InMemorySaver()))
    for _ in range(turns):
        graph.invoke({"messages": [HumanMessage("q" * 2_000)]}, config(thread))


def test_all_messages_come_back(found: Found) -> None:
    """add_messages merges them by their ids: nobody notices but the saver. Returning the new one
    saves what was promised."""
    chat(lambda state: {"messages": [*state["messages"], AIMessage("a" * 500)]})
    (finding,) = found(RULE)
    chat(lambda state: {"messages": [AIMessage("a" * 500)]}, "news")
    assert len(found(RULE)) == 1
    before, after = (thread_row(found.store, one)["stored_bytes"]  # type: ignore[attr-defined]
                     for one in ("chat", "news"))  # fmt: skip
    (one,) = finding.fixes
    assert one.saving
    assert one.saving.bytes == pytest.approx(before - after, rel=0.1)
    assert (finding.subject.thread, finding.subject.node) == ("chat", "answer")
    assert {one.name: one.value for one in finding.measured}["channels"] == "messages"


def test_news_and_trimmed_messages_are_healthy(found: Found) -> None:
    """What a node adds, and what it keeps where it throws the rest away."""
    chat(lambda state: {"messages": [AIMessage("a" * 2_000)]})
    chat(
        lambda state: {
            "messages": [
                RemoveMessage(REMOVE_ALL_MESSAGES), *state["messages"][-4:], AIMessage("a" * 2_000)
            ]
        }
    )  # fmt: skip
    assert found(RULE) == []


class Fan(TypedDict):
    document: str
    done: Annotated[list[int], operator.add]


def fan(whole: bool) -> None:
    def spread(state: Any) -> list[Send]:
        return [Send("work", state if whole else {"item": i}) for i in range(10)]

    builder: Any = StateGraph(Fan)
    builder.add_node("plan", lambda state: {"done": [0]})
    builder.add_node("work", lambda state: {"done": [1]})
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", spread, ["work"])
    saver = InMemorySaver()
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    graph.invoke({"document": "d" * SIZE, "done": []}, config(f"fan {whole}"))


def test_a_fan_out_of_the_whole_state_is_found(found: Found) -> None:
    """Ten Sends of 20 KB are 200 KB of pending writes; Sends of a number are nothing."""
    fan(True)
    fan(False)
    (finding,) = found(RULE)
    assert finding.subject.thread == "fan True"
    assert finding.subject.node == "plan"
    told = {one.name: one.value for one in finding.measured}
    assert told["Sends"] == 10
    before, after = (thread_row(found.store, one)["stored_bytes"]  # type: ignore[attr-defined]
                     for one in ("fan True", "fan False"))  # fmt: skip
    assert finding.cost.bytes == pytest.approx(before - after, rel=0.1)
