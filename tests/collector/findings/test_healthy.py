"""Healthy applications, mixed: not one false alarm over as many turns as an hour of them has."""

from __future__ import annotations

import asyncio
import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, Command, Send, interrupt

import statemeter
from tests.collector.findings.conftest import Found, config

USERS = 15
TURNS = 8
KEPT = 6
"""Messages that a chat keeps."""


class Chat(TypedDict):
    messages: Annotated[list[Any], add_messages]


class Work(TypedDict, total=False):
    topic: str
    found: Annotated[list[str], operator.add]
    answer: str


def chat() -> Any:
    """A chat that keeps its newest messages."""

    def trim(state: Chat) -> Any:
        kept = state["messages"][-KEPT:]
        return {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES), *kept]}

    def answer(state: Chat) -> Any:
        return {"messages": [AIMessage("certainly " * 8)]}

    builder = StateGraph(Chat)
    builder.add_node("answer", answer)
    builder.add_node("trim", trim)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", "trim")
    return builder


def research() -> Any:
    """Documents by reference, a small Send to each, one cached step, one that asks a person."""

    def split(state: Work) -> list[Send]:
        return [Send("read", {"topic": f"{state['topic']}-{n}"}) for n in range(3)]

    def read(state: Work) -> Any:
        return {"found": [f"doc:{state['topic']}"]}

    def rank(state: Work) -> Any:
        return {"answer": "the first"}

    def ask(state: Work) -> Any:
        return {"answer": str(interrupt("is that right?"))}

    builder = StateGraph(Work)
    builder.add_node("read", read)
    builder.add_node("rank", rank, cache_policy=CachePolicy(key_func=lambda state: "k", ttl=60))
    builder.add_node("ask", ask)
    builder.add_conditional_edges(START, split, ["read"])
    builder.add_edge("read", "rank")
    builder.add_edge("rank", "ask")
    return builder


def play(saver: Any, name: str) -> None:
    talk = statemeter.instrument(chat().compile(checkpointer=saver))
    store = InMemoryStore()
    work = statemeter.instrument(
        research().compile(checkpointer=saver, store=store, cache=InMemoryCache())
    )
    for user in range(USERS):
        for turn in range(TURNS):
            told = {"messages": [HumanMessage(f"question {turn} of {user}")]}
            talk.invoke(told, config(f"{name}-chat-{user}"))
        store.put(("users", str(user)), "last", {"turns": TURNS})
        work.invoke({"topic": f"t{user}"}, config(f"{name}-work-{user}"))
        work.invoke(Command(resume="yes"), config(f"{name}-work-{user}"))
        if user % 5 == 0:
            saver.delete_thread(f"{name}-work-{user}")


async def play_async(path: Path) -> None:
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        talk = statemeter.instrument(chat().compile(checkpointer=saver))

        async def user(number: int) -> None:
            for turn in range(TURNS):
                told = {"messages": [HumanMessage(f"question {turn}")]}
                await talk.ainvoke(told, config(f"async-{number}"))

        await asyncio.gather(*(user(number) for number in range(USERS)))


def test_no_false_alarm(found: Found, tmp_path: Path) -> None:
    """Trimmed chats, fan-outs, interrupts, caches and stores; in memory, in SQLite, sync and async:
    450 turns. Looked at in the middle, too."""
    play(InMemorySaver(), "memory")
    assert [one.title for one in found()] == []
    with SqliteSaver.from_conn_string(str(tmp_path / "sync.sqlite")) as saver:
        play(saver, "sqlite")
    asyncio.run(play_async(tmp_path / "async.sqlite"))
    assert [(one.rule, one.title, one.subject) for one in found()] == []
