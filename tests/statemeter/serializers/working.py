"""A graph with everything that a serializer meets: messages, an interrupt, ``Send``, a subgraph, a
delta channel, an object of the application, values of many types."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import operator
import uuid
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

from tests.statemeter.graphs import thread


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Order:
    """An object of the application."""

    number: int
    text: str


VALUES = {
    "text": "long enough to be compressed " * 60, "when": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    "set": {1, 2}, "colour": Colour.RED, "id": uuid.UUID(int=7), "bytes": b"\x00\xff" * 10,
    "order": Order(3, "three"), "numbers": [[0.5, 1.25], [2.0, 3.0]], 7: "integer key",
}  # fmt: skip


def extend(state: list[str], writes: list[list[str]]) -> list[str]:
    """The reducer of the delta channel."""
    return [*state, *(item for write in writes for item in write)]


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    items: Annotated[list, DeltaChannel(extend, snapshot_frequency=3)]
    parts: Annotated[list[int], operator.add]
    anything: Any
    approved: str


class Part(TypedDict, total=False):
    number: int
    parts: list[int]


def build(saver: Any) -> Any:
    """Compiled with a saver."""
    sub = StateGraph(State)
    sub.add_node("write", lambda state: {"messages": [AIMessage("from the subgraph " * 40)]})
    sub.add_edge(START, "write")

    def ask(state: State) -> State:
        return {"approved": interrupt("go on?")}

    builder = StateGraph(State)
    builder.add_node("first", lambda state: {"anything": VALUES, "items": ["x" * 900]})
    builder.add_node("inner", sub.compile())
    builder.add_node("part", lambda given: {"parts": [given["number"] * 2]})
    builder.add_node("ask", ask)
    builder.add_edge(START, "first")
    builder.add_edge("first", "inner")
    builder.add_conditional_edges("inner", lambda _: [Send("part", {"number": n}) for n in (1, 2)])
    builder.add_edge("part", "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


async def turn(graph: Any, name: str, text: str) -> None:
    """A turn: up to the interrupt, and on from there in a graph that knows nothing yet."""
    given = {"messages": [("user", text * 30)], "items": [text]}
    config = thread(name)
    if type(graph.checkpointer).__name__.startswith("Async"):
        assert "__interrupt__" in await graph.ainvoke(given, config)
        await build(graph.checkpointer).ainvoke(Command(resume="yes"), config)
    else:
        assert "__interrupt__" in graph.invoke(given, config)
        build(graph.checkpointer).invoke(Command(resume="yes"), config)


async def told(graph: Any, name: str) -> Any:
    """The state, and how many steps led to it; without ids, which are new in each run."""
    config = thread(name)
    if type(graph.checkpointer).__name__.startswith("Async"):
        state = await graph.aget_state(config)
        steps = [step async for step in graph.aget_state_history(config)]
    else:
        state, steps = graph.get_state(config), list(graph.get_state_history(config))
    values = dict(state.values)
    values["messages"] = [(type(one), one.content) for one in values["messages"]]
    return values, len(steps), [step.next for step in steps]
