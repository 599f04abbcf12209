"""A client that is killed: ``python -m collector.compare.killed``, see ``collector.compare.kill``.

It reads where to write from standard input, JSON in one line, and tells each step that ended and
each turn that was acknowledged in a line of standard output. In the last turn it stops in the
middle, and waits there for its end.
"""

from __future__ import annotations

import json
import operator
import sys
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

import msgspec
from langgraph.graph import START, StateGraph

from collector.compare.place import opened
from storage.comparisons import Target

STEPS = ("first", "second", "third", "fourth", "fifth")
"""Nodes of a turn, one after the other."""
HANGS = "fourth"
"""Where the last turn stops."""


class State(TypedDict):
    """``steps`` grows by each step that ended, ``turns`` by each turn."""

    steps: Annotated[list[str], operator.add]
    turns: int
    text: str


def graph(saver: Any, ran: list[str], hangs_in_turn: int = -1) -> Any:
    """A graph of five steps in a row, that notes in ``ran`` which of them run."""

    def node(name: str) -> Any:
        def step(state: State) -> dict[str, Any]:
            if name == HANGS and state["turns"] == hangs_in_turn:
                _tell("hangs")
                while True:
                    time.sleep(60)
            ran.append(name)
            _tell(f"step {name}")
            done: dict[str, Any] = {"steps": [name], "text": "x" * 2_000}
            if name == STEPS[-1]:
                done["turns"] = state["turns"] + 1
            return done

        return step

    builder = StateGraph(State)
    before = START
    for name in STEPS:
        builder.add_node(name, node(name))
        builder.add_edge(before, name)
        before = name
    return builder.compile(checkpointer=saver)


def _tell(line: str) -> None:
    if __name__ == "__main__":
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main() -> None:
    """Write until killed."""
    told = json.loads(sys.stdin.readline())
    target = msgspec.convert(told["target"], Target)
    place = opened(target, {target.key: told["url"]}, told["token"], Path(told["folder"]))
    config = {"configurable": {"thread_id": told["thread"]}}
    with place.saver(1) as saver:
        runs = graph(saver, [], hangs_in_turn=told["turns"])
        for number in range(told["turns"] + 1):
            asked = {"turns": 0, "steps": []} if number == 0 else {"steps": []}
            runs.invoke(asked, config, durability=told["durability"])
            _tell(f"turn {number}")


if __name__ == "__main__":
    main()
