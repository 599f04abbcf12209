"""Graphs of the built-in workloads: real ones of LangGraph, without a model and without a network.

A *conversation* is what one client does on one thread: turns, and reads between them. That of a
graph is here, that of a replay in ``collector.compare.replay``; both are sync and async.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Iterator
from typing import Annotated, Any, Protocol, TypedDict

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send

from collector.compare import made_up
from collector.compare.timing import Times, alisted, listed
from storage.workloads import Size

LIST_EVERY = 5
"""Turns between two looks at a thread's history."""
LIST_ROWS = 10
"""Checkpoints of such a look; a long history read lists them all."""
OLDER_READS = 5


class Conversation(Protocol):
    """What a client does on one thread."""

    turns: int

    def turn(self, number: int) -> None:
        """One turn, from 0, and what is read after it."""

    async def aturn(self, number: int) -> None:
        """The same, asynchronously."""


class Script(Protocol):
    """What all clients of a run do."""

    turns: int
    threads: int
    serde: Any
    """Serializer that the savers need; None: their own."""

    def conversation(self, saver: Any, thread: str, durability: str, times: Times) -> Conversation:
        """What one client does on one thread of a saver that is timed."""


class _Documents(TypedDict):
    documents: Annotated[list[str], operator.add]
    note: str


class _Parts(TypedDict):
    asked: str
    parts: Annotated[list[str], operator.add]


class Graphs:
    """A built-in workload; see ``Script``."""

    serde = None

    def __init__(self, name: str, size: Size, compressed: float) -> None:
        self.name = name
        self.size = size
        self.turns = size.turns
        self.threads = size.threads
        # Made before the clock starts; the same for all backends and threads.
        self._texts = [
            made_up.text(size.value_bytes, compressed, number)
            for number in range(min(size.turns, 64) + 1)
        ]

    def text(self, number: int) -> str:
        """Content of a turn."""
        return self._texts[number % len(self._texts)]

    def conversation(self, saver: Any, thread: str, durability: str, times: Times) -> Conversation:
        return _OnGraph(self, saver, thread=thread, durability=durability, times=times)

    def build(self, saver: Any) -> Any:
        """The graph, compiled."""
        build = {"documents": self._documents, "fanout": self._fanout}.get(self.name, self._chat)
        return build().compile(checkpointer=saver)

    def input(self, number: int) -> dict[str, Any]:
        """What a turn begins with."""
        if self.name == "documents":
            return {"note": f"question {number}"}
        if self.name == "fanout":
            return {"asked": f"question {number}"}
        return {"messages": [HumanMessage(self.text(number))]}

    def _chat(self) -> Any:
        def answer(state: MessagesState) -> dict[str, Any]:
            return {"messages": [AIMessage(self.text(len(state["messages"]) // 2 + 1))]}

        builder = StateGraph(MessagesState)
        builder.add_node("answer", answer)
        builder.add_edge(START, "answer")
        return builder

    def _documents(self) -> Any:
        def fetch(state: _Documents) -> dict[str, Any]:
            number = len(state.get("documents", []))
            return {"documents": [self.text(number)], "note": f"document {number}"}

        builder = StateGraph(_Documents)
        builder.add_node("fetch", fetch)
        builder.add_edge(START, "fetch")
        return builder

    def _fanout(self) -> Any:
        def split(state: _Parts) -> list[Send]:
            return [Send("work", {"number": number}) for number in range(self.size.width)]

        def work(state: Any) -> dict[str, Any]:
            return {"parts": [self.text(state["number"])]}

        def join(state: _Parts) -> dict[str, Any]:
            return {"asked": f"{len(state['parts'])} parts"}

        builder = StateGraph(_Parts)
        builder.add_node("work", work)
        builder.add_node("join", join)
        builder.add_conditional_edges(START, split, ["work"])
        builder.add_edge("work", "join")
        return builder


class _OnGraph:
    """A conversation with a graph."""

    def __init__(
        self, script: Graphs, saver: Any, *, thread: str, durability: str, times: Times
    ) -> None:
        self.turns = script.turns
        self._script = script
        self._graph = script.build(saver)
        self._saver = saver
        self._config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
        self._run = {"configurable": {"thread_id": thread}}
        self._durability = durability
        self._times = times

    def turn(self, number: int) -> None:
        asked = self._script.input(number)
        start = time.perf_counter_ns()
        self._graph.invoke(asked, self._run, durability=self._durability)
        self._times.add("turn", time.perf_counter_ns() - start)
        if self._lists(number):
            rows = listed(self._saver, self._config, self._limit)
            for config in self._older(rows):
                self._saver.get_tuple(config)

    async def aturn(self, number: int) -> None:
        asked = self._script.input(number)
        start = time.perf_counter_ns()
        await self._graph.ainvoke(asked, self._run, durability=self._durability)
        self._times.add("turn", time.perf_counter_ns() - start)
        if self._lists(number):
            rows = await alisted(self._saver, self._config, self._limit)
            for config in self._older(rows):
                await self._saver.aget_tuple(config)

    @property
    def _limit(self) -> int | None:
        return None if self._script.name == "history" else LIST_ROWS

    def _lists(self, number: int) -> bool:
        return (number + 1) % LIST_EVERY == 0 or number + 1 == self.turns

    def _older(self, rows: Iterator[Any]) -> Iterator[dict[str, Any]]:
        """Configs of older checkpoints to read, spread over the history."""
        if self._script.name != "history":
            return
        found = [row.config for row in rows]
        for place in range(OLDER_READS):
            yield found[place * (len(found) - 1) // max(1, OLDER_READS - 1)]
