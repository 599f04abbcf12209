"""The same graph on every saver, in one process: ``python -m … KIND FOLDER [NAME=URL …]``.

Thread ids are ``<kind>-<backend>``. Content is random, so that nothing is smaller than it looks.
"""

from __future__ import annotations

import operator
import random
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send

import statemeter

WORDS = ("state", "thread", "größer", "channel", "a", "of", "memory", "checkpoint", "日本", "the")


def prose(rng: random.Random, characters: int) -> str:
    """Text of about so many characters."""
    words: list[str] = []
    while sum(map(len, words)) < characters * 0.85:
        words.append(rng.choice(WORDS))
    return " ".join(words)


def chat(saver: Any, rng: random.Random) -> tuple[Any, list[Any]]:
    """A conversation of short turns with a tool: ``messages`` grow."""

    def model(state: MessagesState) -> dict[str, Any]:
        if len(state["messages"]) % 4 == 1:
            call = {
                "name": "look_up",
                "args": {"what": prose(rng, 20)},
                "id": f"call-{rng.random()}",
            }
            return {"messages": [AIMessage("", tool_calls=[call])]}
        return {"messages": [AIMessage(prose(rng, 600))]}

    def tool(state: MessagesState) -> dict[str, Any]:
        calls = state["messages"][-1].tool_calls
        return {"messages": [ToolMessage(prose(rng, 300), tool_call_id=one["id"]) for one in calls]}

    builder = StateGraph(MessagesState)
    builder.add_node(model)
    builder.add_node(tool)
    builder.add_edge(START, "model")
    builder.add_conditional_edges(
        "model", lambda state: "tool" if state["messages"][-1].tool_calls else "__end__"
    )
    builder.add_edge("tool", "model")
    asked = [{"messages": [HumanMessage(prose(rng, 120))]} for _ in range(12)]
    return builder.compile(checkpointer=saver), asked


class Papers(TypedDict):
    """Documents that stay, and small values that change."""

    documents: list[dict[str, Any]]
    question: str
    summary: str
    round: int
    scores: Annotated[list[float], operator.add]


def papers(saver: Any, rng: random.Random) -> tuple[Any, list[Any]]:
    """Large channels that do not change beside small ones that do."""
    builder = StateGraph(Papers)

    def read(state: Papers) -> dict[str, Any]:
        return {"summary": prose(rng, 400), "round": state.get("round", 0) + 1}

    def score(state: Papers) -> dict[str, Any]:
        return {"scores": [round(rng.random(), 6) for _ in range(20)]}

    builder.add_node(read)
    builder.add_node(score)
    builder.add_edge(START, "read")
    builder.add_edge("read", "score")
    documents = [{"title": prose(rng, 30), "text": prose(rng, 4_000)} for _ in range(5)]
    first = {"documents": documents, "question": prose(rng, 60)}
    return builder.compile(checkpointer=saver), [first, *({"question": "next"} for _ in range(7))]


class Fan(TypedDict):
    """What many tasks give."""

    found: Annotated[list[dict[str, Any]], operator.add]
    text: str


def fan(saver: Any, rng: random.Random) -> tuple[Any, list[Any]]:
    """Many tasks in one step: pending writes."""
    builder = StateGraph(Fan)

    def task(state: Fan) -> dict[str, Any]:
        return {"found": [{"text": prose(rng, 200), "rank": rng.randrange(100)}]}

    builder.add_node(task)
    builder.add_conditional_edges(START, lambda state: [Send("task", state) for _ in range(8)])
    return builder.compile(checkpointer=saver), [{"text": prose(rng, 100)} for _ in range(5)]


KINDS = {"chat": chat, "papers": papers, "fan": fan}


@contextmanager
def savers(folder: Path, urls: dict[str, str]) -> Any:
    """Backend → saver, with its tables and indexes."""
    from langgraph.checkpoint.mongodb import MongoDBSaver
    from langgraph.checkpoint.postgres import PostgresSaver
    from langgraph.checkpoint.redis import RedisSaver
    from langgraph_checkpoint_aws import ValkeySaver

    with ExitStack() as stack:
        found: dict[str, Any] = {"memory": InMemorySaver()}
        found["sqlite"] = stack.enter_context(
            SqliteSaver.from_conn_string(str(folder / "each.sqlite"))
        )
        for name, opened in (
            ("postgres", PostgresSaver), ("redis", RedisSaver), ("mongodb", MongoDBSaver),
            ("valkey", ValkeySaver),
        ):  # fmt: skip
            if name in urls:
                more = {"db_name": folder.name} if name == "mongodb" else {}
                found[name] = stack.enter_context(opened.from_conn_string(urls[name], **more))
                if name in {"postgres", "redis"}:
                    found[name].setup()
        yield found


def main(kind: str, folder: Path, urls: dict[str, str]) -> None:
    """Play it on each."""
    with savers(folder, urls) as opened:
        if kind not in KINDS:
            return  # only makes the tables
        for backend, saver in opened.items():
            graph, asked = KINDS[kind](saver, random.Random(7))
            statemeter.instrument(graph)
            config = {"configurable": {"thread_id": f"{kind}-{backend}"}}
            saver.delete_thread(config["configurable"]["thread_id"])
            for given in asked:
                graph.invoke(given, config)
            graph.get_state(config)
    statemeter.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), dict(one.split("=", 1) for one in sys.argv[3:]))
