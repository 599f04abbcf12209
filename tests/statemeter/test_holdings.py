"""What in-memory parts hold, against what ``tracemalloc`` saw them take, in a fresh process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.conftest import StartChild

KINDS = ("one long thread", "many threads", "unknown threads", "store", "cache")
ERROR = 0.15
"""What docs/process.md says that the test allows."""

PROGRAM = """
import gc, json, sys, tracemalloc
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from statemeter import held_values, holdings
from tests.statemeter.graphs import chat, thread

def talk(saver, names, turns):
    graph = chat(saver)
    for name in names:
        for _ in range(turns):
            graph.invoke({"messages": [("user", "hello " * 50)]}, thread(name))

talk(InMemorySaver(), ["warm-up"], 5)
kind = sys.argv[1]
made = {"store": InMemoryStore, "cache": InMemoryCache}.get(kind, InMemorySaver)()
gc.collect()
tracemalloc.start()
before = tracemalloc.get_traced_memory()[0]
if kind == "one long thread":
    talk(made, ["thread"], 60)
elif kind == "many threads":
    talk(made, [f"thread-{n:020}" for n in range(100)], 1)
elif kind == "unknown threads":
    for n in range(3000):
        made.get_tuple({"configurable": {"thread_id": f"unknown-{n}", "checkpoint_ns": ""}})
elif kind == "store":
    for n in range(3000):
        made.put(("users", f"u{n % 40}"), f"key-{n}", {"text": f"{n} " * (n % 50), "n": [n]})
else:
    for n in range(2000):
        made.set({((("nodes", f"n{n % 5}")), f"key-{n}"): ("v" * (n % 400), None)})
gc.collect()
taken = tracemalloc.get_traced_memory()[0] - before
tracemalloc.stop()
if kind == "store":
    told = holdings.of_store(made)
elif kind == "cache":
    told = holdings.of_cache(made._cache)
else:
    told = holdings.of_saver(held_values.storages_of(made))
print(json.dumps([taken, told]))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_is_what_it_took(start_child: StartChild, kind: str, tmp_path: Path) -> None:
    """Bytes with the objects around them, within the error that the documents state."""
    child = start_child("-c", PROGRAM, kind)
    assert child.wait(120) == 0, child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    taken, told = json.loads(child.log_path.read_text("utf-8"))  # type: ignore[attr-defined]
    held = told["bytes"] + told.get("overhead_bytes", 0)
    print(kind, held / taken, file=sys.stderr)
    assert held == pytest.approx(taken, rel=ERROR)
