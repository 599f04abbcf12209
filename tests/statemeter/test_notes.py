"""What a call notes keeps nothing of the run alive while it waits in the queue."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.pregel._loop import SyncPregelLoop

import statemeter
from statemeter import events, probe
from tests.statemeter.graphs import Chat, chat, thread
from tests.statemeter.opened import Servers, opened
from tests.statemeter.spooled import Spooled


def loops() -> list[int]:
    """The runs that are alive in this process."""
    gc.collect()
    return [id(each) for each in gc.get_objects() if type(each) is SyncPregelLoop]


@pytest.mark.parametrize("name", ["memory", "sqlite", "postgres", "mongodb", "redis", "valkey"])
async def test_a_run_ends_with_its_call(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, spool: Spooled
) -> None:
    """Neither its loop nor that of a subgraph is held by what is not written yet."""
    async with opened(name, Servers(request, tmp_path)) as saver:
        builder = StateGraph(Chat)
        builder.add_node("inner", chat())
        builder.add_edge(START, "inner")
        graph = statemeter.instrument(builder.compile(checkpointer=saver))
        before = loops()
        with probe.get()._lock:  # the probe's thread waits meanwhile
            given: Any = {"messages": [("user", "hello")]}
            graph.invoke(given, thread(), durability="sync")
            assert len(probe.get().queue) > 10
            assert set(loops()) <= set(before)
    assert len(spool.of(events.Put)) > 3
    assert all(put.metadata_bytes != 0 for put in spool.of(events.Put))
