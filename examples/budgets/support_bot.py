"""A support bot that keeps the newest messages only. Give KEPT_MESSAGES 10_000, and its tests fail.

Copy this folder: it needs nothing else of this repository but the package ``statemeter``.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, RemoveMessage
from langgraph.graph import END, START, MessagesState, StateGraph

KEPT_MESSAGES = 6


def answer(state: MessagesState) -> dict[str, Any]:
    """Stands for a call of a model."""
    question = str(state["messages"][-1].content)
    return {"messages": [AIMessage(f"You asked: {question}")]}


def forget(state: MessagesState) -> dict[str, Any]:
    """Takes the oldest messages out of the state."""
    old = state["messages"][:-KEPT_MESSAGES]
    return {"messages": [RemoveMessage(str(message.id)) for message in old]}


def build(saver: Any) -> Any:
    """The graph, compiled with ``saver``."""
    builder = StateGraph(MessagesState)
    builder.add_node(answer)
    builder.add_node(forget)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", "forget")
    builder.add_edge("forget", END)
    return builder.compile(checkpointer=saver)
