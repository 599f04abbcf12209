"""An application with a node cache, a store and an ``lru_cache``, and its own count of all.

``python -m tests.collector.remembering FOLDER`` leaves its files and ``truth.json`` there.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from pathlib import Path
from typing import Any, TypedDict

from langgraph.cache.sqlite import SqliteCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.sqlite import SqliteStore
from langgraph.types import CachePolicy

import statemeter

CALLS = {"plan": 0, "found": 0, "asked": 0}


class State(TypedDict):
    number: int
    plan: str


def plan(state: State) -> dict[str, Any]:
    CALLS["plan"] += 1
    time.sleep(0.03)  # so that its median stands out
    return {"plan": "p" * state["number"]}


def remember(state: State, *, store: BaseStore) -> dict[str, Any]:
    limit()
    user = ("users", str(state["number"] % 2), "notes")
    for key in ("old", str(state["number"])):
        CALLS["asked"] += 1
        CALLS["found"] += store.get(user, key) is not None
    store.put(user, str(state["number"]), {"note": "n" * 50})
    return {}


@functools.lru_cache(maxsize=8)
def limit() -> int:
    return 1


def main(folder: Path) -> None:
    statemeter.watch_cache("limit", limit)
    builder = StateGraph(State)
    builder.add_node("plan", plan, cache_policy=CachePolicy(ttl=600))
    builder.add_node("remember", remember)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "remember")
    builder.add_edge("remember", END)
    with SqliteStore.from_conn_string(str(folder / "items.sqlite")) as store:
        store.setup()
        graph = statemeter.instrument(
            builder.compile(
                checkpointer=InMemorySaver(),
                cache=SqliteCache(path=str(folder / "cache.sqlite")),
                store=store,
            )
        )
        for turn in range(12):
            number = turn % 4
            config = {"configurable": {"thread_id": f"t{turn}"}}
            graph.invoke({"number": number, "plan": ""}, config)
    statemeter.flush()
    (folder / "truth.json").write_text(json.dumps(CALLS | {"lru": limit.cache_info()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
