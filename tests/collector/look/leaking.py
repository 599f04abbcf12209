"""An application that leaks in one way, or its healthy twin, until its input ends:
``python -m tests.collector.look.leaking KIND OUT``.

It tells its incarnation in the file OUT, once its first run is over. Names and values that begin
with ``secret`` may never leave it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

import statemeter

PAUSE_SECONDS = 0.02
WINDOW = 10


class State(TypedDict):
    turn: int


class Session:
    """What a service keeps of a visitor."""

    def __init__(self, turn: int) -> None:
        self.turns = [turn]
        self.note = f"secret note {turn}"


SESSIONS: list[Session] = []
"""Grows for ever."""
TEXTS: list[str] = []
BY_USER: dict[str, list[Session]] = {}
STREAMS: list[Iterator[int]] = []
RECENT: deque[Session] = deque(maxlen=WINDOW)
"""Of the healthy twin."""


def _stream(turn: int) -> Iterator[int]:
    kept = Session(turn)
    yield turn
    yield kept.turns[0]


def _keep(kind: str, turn: int) -> None:
    for _ in range(20):
        if kind == "objects":
            SESSIONS.append(Session(turn))
        elif kind == "texts":
            TEXTS.append(f"secret text {turn}" * 20)
        elif kind == "keys":
            BY_USER[f"secret-user-{len(BY_USER)}"] = [Session(turn)]
        elif kind == "generators":
            stream = _stream(turn)
            next(stream)
            STREAMS.append(stream)
        else:
            RECENT.append(Session(turn))


def build(kind: str) -> Any:
    """A graph with a node that keeps something, and one that works and keeps nothing."""

    def keeper(state: State) -> State:
        _keep(kind, state["turn"])
        return {"turn": state["turn"] + 1}

    def worker(state: State) -> State:
        block = [str(number) * 10 for number in range(500)]
        length = sum(map(len, block))
        del block
        return {"turn": state["turn"] + (length < 0)}

    async def awaited(state: State) -> State:
        await asyncio.sleep(0)
        held = bytearray(1_000_000)
        await asyncio.sleep(0)
        return {"turn": state["turn"] + len(held[:0])}

    builder = StateGraph(State)
    builder.add_node("keeper", keeper)
    builder.add_node("worker", worker)
    builder.add_edge(START, "keeper")
    builder.add_edge("keeper", "worker")
    if kind == "async":
        builder.add_node("awaited", awaited)
        builder.add_edge("worker", "awaited")
        builder.add_edge("awaited", END)
    else:
        builder.add_edge("worker", END)
    return builder.compile(checkpointer=InMemorySaver() if kind == "saver" else None, name=kind)


def main() -> None:
    """Run the graph until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("out", type=Path)
    told = parser.parse_args()
    graph = statemeter.instrument(build(told.kind))
    config = {"configurable": {"thread_id": "secret-thread"}}
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

    async def turn() -> None:
        await graph.ainvoke({"turn": 0}, config)

    loop = asyncio.new_event_loop()
    while not ended.is_set():
        if told.kind == "async":
            loop.run_until_complete(turn())
        else:
            graph.invoke({"turn": 0}, config)
        if not told.out.exists():
            statemeter.flush()
            said = {"incarnation": statemeter.stats()["incarnation"]}
            new = told.out.with_suffix(".new")
            new.write_text(json.dumps(said), "utf-8")
            new.replace(told.out)
        time.sleep(PAUSE_SECONDS)
    loop.close()
    faults = statemeter.stats()["failures"]
    print(json.dumps({"faults": faults}), flush=True)


if __name__ == "__main__":
    main()
