"""A long thread of a real graph with all that a history can hold, for any backend.

A chat whose ``messages`` grow, documents handed out by ``Send``, a subgraph with a state of its
own, a node that interrupts and is resumed, and forks: an older checkpoint is changed and run again.

``python -m tests.long_thread PATH|URL [--turns N] [--thread ID] [--pace SECONDS] [--instrument]``
writes one to a SQLite file or to a server.
"""

from __future__ import annotations

import argparse
import operator
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.channels import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import _messages_delta_reducer, add_messages
from langgraph.types import Command, Send, interrupt

import statemeter
from examples.backends import on_sqlite

INTERRUPT_EVERY = 10
FORK_EVERY = 50
FAN_OUT_EVERY = 5


class Research(TypedDict, total=False):
    """State of the subgraph: the topic comes in, the finding goes out, the notes stay."""

    topic: str
    notes: Annotated[list[str], operator.add]
    finding: str


class Chat(TypedDict, total=False):
    """State of the graph."""

    messages: Annotated[list[AnyMessage], add_messages]
    turn: int
    topic: str
    finding: str
    documents: Annotated[list[str], operator.add]
    approved: str


class DeltaChat(Chat, total=False):
    """The same, its messages kept as deltas."""

    messages: Annotated[  # type: ignore[misc]
        list[AnyMessage], DeltaChannel(_messages_delta_reducer, snapshot_frequency=7)
    ]


def _listen(state: Any) -> dict[str, Any]:
    turn = state.get("turn", 0) + 1
    return {"turn": turn, "topic": f"topic {turn}"}


def _look_up(state: Research) -> dict[str, Any]:
    return {"notes": [f"note on {state['topic']}"]}


def _check(state: Research) -> dict[str, Any]:
    return {"notes": [f"checked {state['topic']}"], "finding": " and ".join(state["notes"])}


def _hand_out(state: Any) -> list[Send] | str:
    if state["turn"] % FAN_OUT_EVERY:
        return "answer"
    return [Send("fetch", {"topic": state["topic"], "number": n}) for n in range(3)]


def _fetch(state: dict[str, Any]) -> dict[str, Any]:
    return {"documents": [f"document {state['number']} on {state['topic']} " + "x" * 60]}


def _answer(state: Any) -> dict[str, Any]:
    turn = state["turn"]
    call = {"name": "look_up", "args": {"topic": state["topic"]}, "id": f"call-{turn}"}
    return {
        "messages": [
            AIMessage("", id=f"calls-{turn}", tool_calls=[call]),
            ToolMessage(f"found {state['topic']}", id=f"tool-{turn}", tool_call_id=call["id"]),
            AIMessage(f"Answer {turn}: " + "ä word " * 5, id=f"answer-{turn}"),
        ]
    }


def _approve(state: Any) -> dict[str, Any]:
    if state["turn"] % INTERRUPT_EVERY:
        return {"approved": "needs none"}
    return {"approved": interrupt({"question": f"Send answer {state['turn']}?"})}


def build(saver: Any, *, delta: bool = False) -> Any:
    """The graph, compiled with ``saver``; ``delta``: its messages are a ``DeltaChannel``."""
    inner = StateGraph(Research)
    inner.add_node("look_up", _look_up)
    inner.add_node("check", _check)
    inner.add_edge(START, "look_up")
    inner.add_edge("look_up", "check")
    inner.add_edge("check", END)
    outer = StateGraph(DeltaChat if delta else Chat)
    outer.add_node("listen", _listen)
    outer.add_node("research", inner.compile())
    outer.add_node("fetch", _fetch)
    outer.add_node("answer", _answer)
    outer.add_node("approve", _approve)
    outer.add_edge(START, "listen")
    outer.add_edge("listen", "research")
    outer.add_conditional_edges("research", _hand_out, ["fetch", "answer"])
    outer.add_edge("fetch", "answer")
    outer.add_edge("answer", "approve")
    outer.add_edge("approve", END)
    return outer.compile(checkpointer=saver, name="long-chat")


def question(turn: int) -> dict[str, Any]:
    """The input of a turn."""
    return {"messages": [HumanMessage(f"Question {turn}", id=f"question-{turn}")]}


def play(
    graph: Any, thread: str, turns: int, *, fork_every: int = FORK_EVERY, pace: float = 0.0
) -> dict[str, Any]:
    """Run ``turns`` turns one after another; returns the config of the thread.

    Every ``INTERRUPT_EVERY``th is interrupted and resumed. After every ``fork_every``th the
    answer of two turns before is changed in its own checkpoint and one turn goes on from there.
    """
    config = {"configurable": {"thread_id": thread}}
    for turn in range(1, turns + 1):
        graph.invoke(question(turn), config)
        if graph.get_state(config).interrupts:
            graph.invoke(Command(resume="yes"), config)
        if turn % fork_every == 0:
            fork(graph, config)
        if pace:
            time.sleep(pace)
    return config


def fork(graph: Any, config: dict[str, Any]) -> None:
    """Change the state of an earlier turn's end, and run one turn from there."""
    ends = [s for s in graph.get_state_history(config, limit=40) if _is_end(s)]
    if len(ends) < 3:
        return
    changed = graph.update_state(ends[2].config, {"approved": "no"}, as_node="approve")
    graph.invoke(question(1000 + ends[2].values["turn"]), changed)


def _is_end(snapshot: Any) -> bool:
    """Whether a turn ended there; RedisSaver lists the checkpoints of subgraphs as well."""
    return not snapshot.next and not snapshot.config["configurable"]["checkpoint_ns"]


async def aplay(
    graph: Any, thread: str, turns: int, *, fork_every: int = FORK_EVERY
) -> dict[str, Any]:
    """``play`` for savers that are asynchronous only."""
    config = {"configurable": {"thread_id": thread}}
    for turn in range(1, turns + 1):
        await graph.ainvoke(question(turn), config)
        if (await graph.aget_state(config)).interrupts:
            await graph.ainvoke(Command(resume="yes"), config)
        if turn % fork_every == 0:
            ends = [s async for s in graph.aget_state_history(config, limit=40) if _is_end(s)]
            if len(ends) > 2:
                changed = await graph.aupdate_state(
                    ends[2].config, {"approved": "no"}, as_node="approve"
                )
                await graph.ainvoke(question(1000 + ends[2].values["turn"]), changed)
    return config


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """A saver over a SQLite file or a server."""
    scheme, server, _ = url.partition("://")
    if server and scheme != "sqlite":
        from examples.demo.places import MODULES  # brings in the drivers of all servers

        with MODULES[scheme].open_saver(url) as saver:
            yield saver
        return
    with on_sqlite.open_saver(url.removeprefix("sqlite:///")) as saver:
        yield saver


def main(arguments: list[str]) -> int:
    """Write a thread; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tests.long_thread")
    parser.add_argument("url")
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--thread", default="long-1")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between turns")
    parser.add_argument("--delta", action="store_true", help="messages as a DeltaChannel")
    parser.add_argument("--instrument", action="store_true")
    told = parser.parse_args(arguments)
    with opened(told.url) as saver:
        graph = build(saver, delta=told.delta)
        if told.instrument:
            statemeter.instrument(graph)
        play(graph, told.thread, told.turns, pace=told.pace)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
