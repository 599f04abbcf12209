"""A thread ``talk`` in a SQLite file; ``python -m … FILE`` measures it, in a process of its own."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver

import statemeter
from tests.statemeter.graphs import chat, thread

TURNS = 6


@contextlib.contextmanager
def conversation(path: Path, instrumented: bool = False) -> Any:
    """The thread's saver."""
    with SqliteSaver.from_conn_string(str(path)) as saver:
        graph = chat(saver)
        if instrumented:
            statemeter.instrument(graph)
        for turn in range(TURNS):
            graph.invoke({"messages": [HumanMessage("hello " * 60, id=f"h{turn}")]}, thread("talk"))
        yield saver
    statemeter.flush()


if __name__ == "__main__":
    with conversation(Path(sys.argv[1]), instrumented=True):
        pass
