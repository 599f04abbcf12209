"""Real graphs on real savers, run as a process of its own: ``python -m … FOLDER``.

Subgraphs, interrupts, nodes that fail and are resumed, forks, time travel, updates, deleted
threads and all three durabilities, on SqliteSaver, AsyncSqliteSaver and InMemorySaver. What the
in-memory saver holds at the end is written to ``memory.json``: thread → stored and live bytes.
"""

from __future__ import annotations

import asyncio
import json
import operator
import sys
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.types import Command, Send, interrupt

import statemeter

DURABILITIES = ("sync", "async", "exit")
_failed: set[str] = set()


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    found: Annotated[list[str], operator.add]
    topic: str
    blob: bytes
    name: str


def talk(state: State) -> State:
    return {"messages": [AIMessage("answer " * len(state["messages"]))], "topic": "é" * 9}


def search(state: State) -> State:
    return {"found": [f"{state['name']} document " * 40]}


def fail_once(state: State) -> State:
    key = state["messages"][0].content
    if key not in _failed:
        _failed.add(str(key))
        raise ConnectionError("the first time")
    return {"blob": b"\x00\xff" * 300}


def ask(state: State) -> State:
    answer = interrupt({"question": "go on?", "about": state["topic"]})
    again = interrupt("really?")
    return {"messages": [HumanMessage(f"{answer} {again}")]}


def fan_out(state: State) -> list[Send]:
    return [Send("search", {"name": f"query-{number}"}) for number in range(3)]


def inner() -> StateGraph:
    graph = StateGraph(State)
    graph.add_node("talk", talk)
    graph.add_node("ask", ask)
    graph.add_edge(START, "talk")
    graph.add_edge("talk", "ask")
    graph.add_edge("ask", END)
    return graph


def outer() -> StateGraph:
    graph = StateGraph(State)
    graph.add_node("talk", talk)
    graph.add_node("search", search)
    graph.add_node("fail_once", fail_once)
    graph.add_node("inner", inner().compile())
    graph.add_edge(START, "talk")
    graph.add_conditional_edges("talk", fan_out, ["search"])
    graph.add_edge("search", "fail_once")
    graph.add_edge("fail_once", "inner")
    graph.add_edge("inner", END)
    return graph


def config(thread: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread}}


def converse(graph: Any, thread: str, durability: str) -> None:
    """A failure, its resumption, two interrupts, a second turn."""
    begin = {"messages": [HumanMessage(thread)]}
    try:
        graph.invoke(begin, config(thread), durability=durability)
    except ConnectionError:
        graph.invoke(None, config(thread), durability=durability)
    for answer in ("yes", "sure"):
        for _ in graph.stream(Command(resume=answer), config(thread), durability=durability):
            pass
    graph.invoke({"messages": [HumanMessage("more")]}, config(thread), durability=durability)


def travel(graph: Any, thread: str) -> None:
    """A fork from the past, and an update of the state."""
    past = list(graph.get_state_history(config(thread)))
    graph.invoke(None, past[len(past) // 2].config)
    graph.update_state(config(thread), {"topic": "changed"}, as_node="talk")
    graph.update_state(past[-2].config, {"topic": "another past"})


def everything(graph: Any, saver: Any, prefix: str = "") -> None:
    """All of it, on one saver."""
    for durability in DURABILITIES:
        converse(graph, f"{prefix}{durability}", durability)
    converse(graph, f"{prefix}fork", "sync")
    travel(graph, f"{prefix}fork")
    converse(graph, f"{prefix}deleted", "async")
    saver.delete_thread(f"{prefix}deleted")
    converse(graph, f"{prefix}revived", "sync")
    saver.delete_thread(f"{prefix}revived")
    graph.update_state(config(f"{prefix}revived"), {"topic": "again"}, as_node="talk")
    graph.get_state(config(f"{prefix}nobody"))


async def converse_async(database: str) -> None:
    """The same calls of the asynchronous saver."""
    async with AsyncSqliteSaver.from_conn_string(database) as saver:
        await everything_async(saver)


async def everything_async(saver: Any, prefix: str = "") -> None:
    """Several threads at once, on one saver."""
    graph = statemeter.instrument(outer().compile(checkpointer=saver))

    async def one(thread: str, durability: Any) -> None:
        try:
            begin = {"messages": [HumanMessage(thread)]}
            await graph.ainvoke(begin, config(thread), durability=durability)
        except ConnectionError:
            await graph.ainvoke(None, config(thread), durability=durability)
        async for _ in graph.astream(Command(resume="yes"), config(thread)):
            pass

    names = [(durability, n) for durability in DURABILITIES for n in range(3)]
    await asyncio.gather(*(one(f"{prefix}{durability}-{n}", durability) for durability, n in names))
    await saver.adelete_thread(f"{prefix}sync-0")


def held_in_memory(saver: InMemorySaver) -> dict[str, list[int]]:
    """Thread → [stored bytes, live bytes], counted in the saver's own dictionaries."""
    held: dict[str, list[int]] = {}
    for thread, namespaces in saver.storage.items():
        stored = sum(len(row[0][1]) for rows in namespaces.values() for row in rows.values())
        stored += sum(len(blob[1]) for key, blob in saver.blobs.items() if key[0] == thread)
        stored += sum(
            len(write[2][1])
            for key, writes in saver.writes.items()
            if key[0] == thread
            for write in writes.values()
        )
        held[thread] = [stored, live_in_memory(saver, thread)]
    return held


def live_in_memory(saver: InMemorySaver, thread: str) -> int:
    rows = saver.storage[thread][""]
    if not rows:
        return 0
    document = rows[max(rows)][0]
    versions = saver.serde.loads_typed(document)["channel_versions"]
    blobs = (saver.blobs.get((thread, "", *item)) for item in versions.items())
    return len(document[1]) + sum(len(blob[1]) for blob in blobs if blob)


def main(folder: Path) -> None:
    with SqliteSaver.from_conn_string(str(folder / "sync.sqlite")) as sqlite:
        everything(statemeter.instrument(outer().compile(checkpointer=sqlite)), sqlite)
    _failed.clear()
    asyncio.run(converse_async(str(folder / "async.sqlite")))
    _failed.clear()
    memory = InMemorySaver()
    everything(statemeter.instrument(outer().compile(checkpointer=memory)), memory)
    (folder / "memory.json").write_text(json.dumps(held_in_memory(memory)))
    statemeter.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
