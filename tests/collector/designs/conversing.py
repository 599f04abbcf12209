"""One conversation under every state design, run as a process of its own.

``python -m tests.collector.designs.conversing BACKEND URL [DESIGN …]``. The same inputs, the same
graph, and one difference: the reducer, the durability, a node more, a value by reference, or
checkpoints that are deleted with the code that Statemeter shows (``CODE_FOLDER/<design>.py``). Each
design is a thread of its own name; what the store of the references holds is printed as JSON.
"""

from __future__ import annotations

import json
import operator
import os
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.graph.message import REMOVE_ALL_MESSAGES, _messages_delta_reducer
from langgraph.store.memory import InMemoryStore

import statemeter

TURNS = 22
DOCUMENT = "a policy of some length. " * 260
KEY = "policy/00000000-0000-0000-0000-0000000000"


def newest(number: int) -> Any:
    """A reducer that keeps the newest messages."""

    def reduce(left: list[AnyMessage], right: list[AnyMessage]) -> list[AnyMessage]:
        return add_messages(left, right)[-number:]  # type: ignore[arg-type,return-value]

    return reduce


def words(seed: str, most: int) -> str:
    """The same text for the same seed."""
    chance = random.Random(seed)
    return "".join(chance.choices("abcdefgh ", k=chance.randint(20, most)))


def build(design: str) -> StateGraph:
    """The graph under a design."""
    numbers = [int(found) for found in re.findall(r"-(\d+)", design)]
    reducer: Any = add_messages
    if design.startswith("delta-messages"):
        reducer = DeltaChannel(_messages_delta_reducer, snapshot_frequency=numbers[0])
    elif design.startswith("trim-messages"):
        reducer = newest(numbers[0])

    state: dict[str, Any] = {
        "messages": Annotated[list[AnyMessage], reducer],
        "tags": Annotated[list[str], operator.add], "policy": str, "turns": int,
    }  # fmt: skip
    State = TypedDict("State", state, total=False)  # type: ignore[misc]

    def retrieve(state: Any) -> Any:
        turn = state.get("turns", 0)
        changed = {"policy": policy(design, turn)} if turn % 8 == 3 else {}
        return {"tags": [f"topic-{turn}"], **changed}

    def answer(state: Any) -> Any:
        turn = state.get("turns", 0)
        text = words(f"answer {turn}", 1500)
        return {"messages": [AIMessage(text, id=f"{turn:036d}")], "turns": turn + 1}

    def summarize(state: Any) -> Any:
        kept = state["messages"][-4:]
        summary = HumanMessage("s" * 700, id="0" * 36)
        return {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES), summary, *kept]}

    builder = StateGraph(State)
    builder.add_node("retrieve", retrieve)
    builder.add_node("answer", answer)
    builder.add_edge(START, "retrieve")
    builder.add_edge("retrieve", "answer")
    if design.startswith("summarize"):
        builder.add_node("summarize", summarize)

        def then(state: Any) -> str:
            return "summarize" if len(state["messages"]) >= numbers[0] else END

        builder.add_conditional_edges("answer", then, ["summarize", END])
        builder.add_edge("summarize", END)
    else:
        builder.add_edge("answer", END)
    return builder


STORE = InMemoryStore()


def policy(design: str, turn: int) -> str:
    """The large value: itself, or its key in a store."""
    value = DOCUMENT + str(turn)
    if not design.startswith("reference"):
        return value
    key = f"{KEY}{turn:04d}"
    STORE.put(("policy",), key, {"value": value})
    return key


def converse(saver: Any, design: str) -> None:
    """All turns of the thread of this design."""
    graph = statemeter.instrument(build(design).compile(checkpointer=saver))
    config: Any = {"configurable": {"thread_id": design}}
    durability: Any = "exit" if design.endswith("exit") else "sync"
    for turn in range(TURNS):
        message = HumanMessage(words(f"ask {turn}", 400), id=f"{turn + 10_000:036d}")
        given: dict[str, Any] = {"messages": [message]}
        if not turn:
            given["policy"] = policy(design, -1)
        graph.invoke(given, config, durability=durability)
    if design.startswith("prune"):
        code = (Path(os.environ["CODE_FOLDER"]) / f"{design}.py").read_text()
        exec(code, {"saver": saver, "thread_id": design})
    graph.get_state(config)


@contextmanager
def opened(backend: str, url: str) -> Iterator[Any]:
    """A saver of this backend."""
    if backend == "memory":
        yield InMemorySaver()
    elif backend == "sqlite":
        with SqliteSaver.from_conn_string(url) as sqlite:
            sqlite.conn.execute("PRAGMA synchronous = OFF")
            yield sqlite
    elif backend == "postgres":
        from langgraph.checkpoint.postgres import PostgresSaver

        with PostgresSaver.from_conn_string(url) as postgres:
            postgres.setup()
            yield postgres
    elif backend == "mongodb":
        from langgraph.checkpoint.mongodb import MongoDBSaver

        address, _, name = url.rpartition("/")
        with MongoDBSaver.from_conn_string(address, name) as mongodb:
            yield mongodb
    else:
        from langgraph.checkpoint.redis import RedisSaver

        with RedisSaver.from_conn_string(url) as redis:
            redis.setup()
            yield redis


def in_memory(saver: InMemorySaver, thread: str) -> int:
    """Stored bytes, by the saver's own dictionaries."""
    rows = [row for found in saver.storage.get(thread, {}).values() for row in found.values()]
    stored = sum(len(row[0][1]) for row in rows)
    stored += sum(len(blob[1]) for key, blob in saver.blobs.items() if key[0] == thread)
    writes = [
        one for key, found in saver.writes.items() if key[0] == thread for one in found.values()
    ]
    return stored + sum(len(write[2][1]) for write in writes)


def main(backend: str, url: str, designs: list[str]) -> None:
    """Run them; print thread → stored bytes for InMemorySaver, and what the store holds."""
    told: dict[str, Any] = {}
    with opened(backend, url) as saver:
        for design in designs:
            converse(saver, design)
        if backend == "memory":
            told = {design: in_memory(saver, design) for design in designs}
    items = STORE.search(("policy",), limit=1000)
    told["elsewhere"] = sum(len(json.dumps(item.value["value"])) for item in items)
    statemeter.flush()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
