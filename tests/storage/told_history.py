"""A long thread, played by a process of its own: ``python -m … FOLDER BACKEND [TURNS]``.

What ``graph.get_state_history`` says there is written to ``FOLDER/told.json``: namespace → a list
of checkpoints, newest first, each with its parent, step, source, next nodes, interrupts and, for
some, the bytes of each channel, serialized anew, and LangGraph's version of each channel.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

import statemeter
from tests import long_thread

THREAD = "long-1"
SIZED_EVERY = 25
"""Of so many checkpoints one is serialized."""
VERSIONS = 6
"""Of so many checkpoints in a row, of ``SIZED_EVERY``, the versions are told."""


@contextmanager
def saver_of(backend: str, folder: Path) -> Any:
    """The saver that is measured."""
    if backend == "memory":
        yield InMemorySaver()
        return
    with long_thread.opened(str(folder / "chat.sqlite")) as saver:
        yield saver


def namespaces(saver: Any) -> list[str]:
    """All namespaces of the thread, the root first."""
    if isinstance(saver, InMemorySaver):
        return sorted(saver.storage[THREAD])
    rows = saver.conn.execute("SELECT DISTINCT checkpoint_ns FROM checkpoints ORDER BY 1")
    return [ns for (ns,) in rows]


def told(graph: Any, saver: Any) -> dict[str, list[dict[str, Any]]]:
    """All of the history, by namespace."""
    serde = JsonPlusSerializer()
    found = {}
    for ns in namespaces(saver):
        config = {"configurable": {"thread_id": THREAD, "checkpoint_ns": ns}}
        rows = found[ns] = []
        for number, snapshot in enumerate(graph.get_state_history(config)):
            parent = (snapshot.parent_config or {}).get("configurable", {})
            row = {
                "checkpoint": snapshot.config["configurable"]["checkpoint_id"],
                "parent": parent.get("checkpoint_id", ""),
                "step": snapshot.metadata["step"],
                "source": snapshot.metadata["source"],
                "next": sorted(snapshot.next),
                "interrupts": sum(bool(task.interrupts) for task in snapshot.tasks),
            }
            if number % SIZED_EVERY == 0 and not ns:
                values = saver.get(snapshot.config)["channel_values"]
                row["channels"] = {
                    name: len(serde.dumps_typed(value)[1]) for name, value in values.items()
                }
            if number % SIZED_EVERY < VERSIONS:
                row["versions"] = saver.get(snapshot.config)["channel_versions"]
            rows.append(row)
    return found


def main(folder: Path, backend: str, turns: int) -> None:
    """Play it and write down what it is."""
    with saver_of(backend, folder) as saver:
        graph = statemeter.instrument(long_thread.build(saver))
        long_thread.play(graph, THREAD, turns)
        statemeter.uninstrument(graph)
        (folder / "told.json").write_text(json.dumps(told(graph, saver)))
    statemeter.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
