"""A process of its own whose graph is called on demand: ``python -m …``, then lines on its input.

Each line is a number of calls; the answer to it is the sum of what the calls gave and what the
probe counts, as JSON.
"""

from __future__ import annotations

import json
import sys

from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from tests.statemeter.graphs import chat, thread


def main() -> None:
    graph = statemeter.instrument(chat(InMemorySaver()))
    calls = 0
    for line in sys.stdin:
        messages = 0
        for _ in range(int(line)):
            calls += 1
            given = {"messages": [("user", "hello")]}
            messages += len(graph.invoke(given, thread(str(calls)))["messages"])
        statemeter.flush()
        print(json.dumps({"messages": messages} | statemeter.stats()), flush=True)


if __name__ == "__main__":
    main()
