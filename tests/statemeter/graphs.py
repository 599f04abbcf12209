"""Graphs that need no model, for the tests of the probe."""

from __future__ import annotations

import operator
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import END, START, StateGraph, add_messages
from typing_extensions import TypedDict


class Chat(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    topic: str


class Notes(TypedDict, total=False):
    found: Annotated[list[Any], operator.add]
    value: Any
    other: Any


def thread(name: Any = "thread", **more: Any) -> dict[str, Any]:
    """The configuration that names a thread."""
    return {"configurable": {"thread_id": name, **more}}


def chat(saver: Any = None, **options: Any) -> Any:
    """Two nodes: each turn adds two messages to those of the user."""

    def think(state: Chat) -> Chat:
        return {"messages": [AIMessage("thinking", id=f"a{len(state['messages'])}")]}

    def answer(state: Chat) -> Chat:
        return {
            "messages": [AIMessage("x" * 90, id=f"b{len(state['messages'])}")],
            "topic": f"topic {len(state['messages'])}",
        }

    builder = StateGraph(Chat)
    builder.add_node("think", think)
    builder.add_node("answer", answer)
    builder.add_edge(START, "think")
    builder.add_edge("think", "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver, **options)


def single(function: Any, saver: Any = None, schema: Any = Notes, **options: Any) -> Any:
    """One node."""
    builder = StateGraph(schema)
    builder.add_node("node", function)
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return builder.compile(checkpointer=saver, **options)
