"""The graph that all backends run, and the command around it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any

from langgraph.graph import START, MessagesState, StateGraph

import statemeter
from examples.backends import problems

TURNS = 10
THREAD = "backends-example"
CONFIG = {"configurable": {"thread_id": THREAD}}

OpenSaver = Callable[[str], AbstractContextManager[Any]]
OpenAsyncSaver = Callable[[str], AbstractAsyncContextManager[Any]]


def answer(state: MessagesState) -> dict[str, Any]:
    """Stands for a call of a model."""
    question = state["messages"][-1].content
    return {"messages": [{"role": "assistant", "content": f"You said: {question}"}]}


def build(saver: Any) -> Any:
    """The graph, measured."""
    builder = StateGraph(MessagesState)
    builder.add_node(answer)
    builder.add_edge(START, "answer")
    return statemeter.instrument(builder.compile(checkpointer=saver))


def question(turn: int) -> dict[str, Any]:
    """What the user says."""
    return {"messages": [{"role": "user", "content": f"Message {turn} " + "and some more " * 40}]}


def talk(open_saver: OpenSaver, url: str) -> None:
    """A conversation, begun anew each time."""
    with open_saver(url) as saver:
        graph = build(saver)
        saver.delete_thread(THREAD)  # after it: what is not measured cannot be known
        for turn in range(TURNS):
            graph.invoke(question(turn), CONFIG)


async def talk_async(open_saver: OpenAsyncSaver, url: str) -> None:
    """The same with an asynchronous saver."""
    async with open_saver(url) as saver:
        graph = build(saver)
        await saver.adelete_thread(THREAD)
        for turn in range(TURNS):
            await graph.ainvoke(question(turn), CONFIG)


def main(
    default: str,
    packages: str,
    open_saver: OpenSaver | None = None,
    open_async_saver: OpenAsyncSaver | None = None,
) -> int:
    """The command; its exit code.

    Args:
        default: where the backend is if no argument says it.
        packages: what pip has to install for it.
        open_saver: opens a synchronous saver.
        open_async_saver: opens an asynchronous one, in place of the other.
    """
    url = sys.argv[1] if len(sys.argv) > 1 else default
    try:
        if open_async_saver is not None:
            asyncio.run(talk_async(open_async_saver, url))
        elif open_saver is not None:
            talk(open_saver, url)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # a missing server or package, of whatever library
        print(problems.explained(error, url, packages), file=sys.stderr)
        return 1
    statemeter.flush()
    emitted = statemeter.stats()["emitted"]
    print(f"{TURNS} turns on {problems.shown(url)}, {emitted} events. See them: make run")
    return 0
