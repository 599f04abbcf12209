"""Little services that leak, each with a healthy twin: ``python -m tests.storage.services KIND S``.

Each serves a request of a real graph about thirty times a second for S seconds, and keeps what its
kind says. They leak fast, and their probe tells twice as often as it does elsewhere, so that a
verdict needs half a minute.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

import statemeter
from statemeter import open_runs, vitals

KEPT_BYTES = 60_000
"""What a leak keeps of each request."""
FREED = 4
"""Pieces that a request of ``freed`` uses."""
READS = 5
"""Reads of threads of a request: more entries than a few thousand are looked at every eight seconds
or so, too rarely for a verdict in half a minute."""


class State(TypedDict, total=False):
    text: str
    answer: str


def config(name: object) -> dict[str, Any]:
    return {"configurable": {"thread_id": str(name)}}


class Pieces:
    """Of each piece that is used the beginning is kept. The rest is free again, but the next piece
    is larger and fits into none of these places."""

    def __init__(self) -> None:
        self._kept: list[bytearray] = []
        self._size = KEPT_BYTES // (2 * FREED)

    def append(self, request: Any) -> None:
        """For a request, whatever it is."""
        used = [bytearray(b"x") * self._size for _ in range(FREED)]
        for piece in used:
            del piece[500:]
        self._kept += used
        self._size += 16


def build(keep: Callable[[Any], None], saver: Any) -> Any:
    """Two nodes, of which the second keeps something."""

    def plan(state: State) -> State:
        return {"answer": state["text"][:10]}

    def remember(state: State) -> State:
        keep(bytearray(KEPT_BYTES))
        return {"answer": "done"}

    builder = StateGraph(State)
    builder.add_node("plan", plan)
    builder.add_node("remember", remember)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "remember")
    builder.add_edge("remember", END)
    return statemeter.instrument(builder.compile(checkpointer=saver))


def serve(kind: str, seconds: float) -> None:
    saver = InMemorySaver()
    kept: Any = (
        [] if kind == "list" else Pieces() if kind == "freed" else deque(maxlen=20)
    )  # fmt: skip
    graph = build(kept.append, saver)
    streams: Any = [] if kind == "streams" else deque(maxlen=1)
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        name = f"thread-{number}"
        if kind in {"streams", "read streams"}:
            stream = graph.stream({"text": "x"}, config(name))
            next(stream)
            if kind == "read streams":
                list(stream)
            if number % 10 == 0 or kind == "read streams":
                streams.append(stream)
            else:
                stream.close()
        else:
            text = "y" * 20_000 if kind == "saver" else "x"
            graph.invoke({"text": text}, config(name))
        if kind == "unknown threads":
            for other in range(READS):
                graph.get_state(config(f"unknown-{number}-{other}"))
        if kind == "known threads":
            for _ in range(READS):
                graph.get_state(config(name))
        if kind != "saver":
            saver.delete_thread(name)
        time.sleep(0.03)


if __name__ == "__main__":
    vitals.TELL_SECONDS = vitals.SLOW_SECONDS = vitals.HEAP_SECONDS = 0.5
    open_runs.WAITING_SECONDS = 1.0
    serve(sys.argv[1], float(sys.argv[2]))
