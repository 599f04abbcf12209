"""A saver that takes as long as a server far away, and a graph of a few quick nodes over it."""

from __future__ import annotations

import time
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import statemeter
from tests.collector.findings.conftest import config


class FarSaver(InMemorySaver):
    """Each write and read takes ``seconds`` more."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        time.sleep(self.seconds)
        return super().put(config, checkpoint, metadata, new_versions)

    def get_tuple(self, config: Any) -> Any:
        time.sleep(self.seconds)
        return super().get_tuple(config)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        time.sleep(self.seconds)
        super().put_writes(config, writes, task_id, task_path)

    def list(
        self, config: Any, *, filter: Any = None, before: Any = None, limit: Any = None
    ) -> Any:
        for row in super().list(config, filter=filter, before=before, limit=limit):
            time.sleep(self.seconds)
            yield row


class Count(TypedDict):
    n: int


def count_on(saver: Any, runs: int, nodes: int = 3, **more: Any) -> Any:
    """Runs of a graph of so many nodes in a row, in the thread ``t``."""
    builder = StateGraph(Count)
    before = START
    for number in range(nodes):
        builder.add_node(f"n{number}", lambda s: {"n": s["n"] + 1})
        builder.add_edge(before, f"n{number}")
        before = f"n{number}"
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    for _ in range(runs):
        graph.invoke({"n": 0}, config("t"), **more)
    return graph
