"""DeltaChannel: the same values with and without measuring; snapshots and deltas told apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

import statemeter
from statemeter import events
from storage.__main__ import main
from storage.queries_delta import delta_channels
from storage.store import open_reader
from tests.collector.made import collect
from tests.statemeter.graphs import thread
from tests.statemeter.opened import Servers, opened
from tests.statemeter.spooled import Spooled
from tests.storage.test_report import documented

TURNS = 5
FREQUENCY = 3
OWN_HISTORY = ("memory", "sqlite", "postgres")
"""Savers that implement ``get_delta_channel_history``."""


def add(state: list[str], writes: list[list[str]]) -> list[str]:
    """The reducer of the channel."""
    return [*state, *(item for write in writes for item in write)]


class State(TypedDict, total=False):
    items: Annotated[list, DeltaChannel(add, snapshot_frequency=FREQUENCY)]
    plain: str


def run(saver: Any, measured: bool, durability: str = "sync") -> list[Any]:
    """Some turns of a graph of one node; the state after each."""
    builder = StateGraph(State)
    builder.add_node("node", lambda state: {"items": ["y" * 10], "plain": str(len(state["items"]))})
    builder.add_edge(START, "node")
    graph = builder.compile(checkpointer=saver)
    if measured:
        statemeter.instrument(graph)
    states = []
    for turn in range(TURNS):
        graph.invoke({"items": [f"turn {turn}"]}, thread(), durability=durability)
        states.append(graph.get_state(thread()).values)
    return states


@pytest.mark.parametrize(
    ("name", "durability"),
    [("memory", "sync"), ("sqlite", "async"), ("postgres", "exit"), ("mongodb", "async")],
)
async def test_the_same_values(
    name: str, durability: str, request: pytest.FixtureRequest, tmp_path: Path, spool: Spooled
) -> None:
    """Whatever a channel is rebuilt from, it is rebuilt to the same."""
    servers = Servers(request, tmp_path)
    states = []
    for measured in (False, True):
        async with opened(name, servers) as saver:
            if name == "postgres":  # both work on one database
                saver.delete_thread("thread")
            states.append(run(saver, measured, durability))
    assert states[0] == states[1]
    assert len(states[0][-1]["items"]) == 2 * TURNS


@pytest.mark.parametrize("name", OWN_HISTORY)
async def test_snapshots_and_deltas(
    name: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    spool: Spooled,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Their bytes are those of puts and of pending writes, and the walks of reads are known."""
    async with opened(name, Servers(request, tmp_path)) as saver:
        run(saver, measured=True)
    puts, histories = spool.of(events.Put), spool.of(events.History)
    writes = [size for event in spool.of(events.Writes) for c, size in event.writes if c == "items"]
    written = [put for put in puts if put.snapshots]
    assert all(put.snapshots == ["items"] for put in written)
    # Every third update is a snapshot: two updates a turn.
    assert len(written) == 2 * TURNS // FREQUENCY
    for put in puts:
        channels = msgspec.json.decode(put.channels)
        assert ("items" in channels) == bool(put.snapshots)
        assert not (put.deltas and put.snapshots)
    walked = {put.checkpoint: put.deltas.get("items", 0) for put in puts}

    collect(spool.folder, tmp_path / "store.sqlite")
    engine = open_reader(str(tmp_path / "store.sqlite"))
    (use,) = delta_channels(engine, 1)
    engine.dispose()
    assert (use.namespace, use.channel) == ("", "items")
    assert (use.snapshots, use.deltas) == (len(written), len(writes))
    assert use.delta_bytes == sum(writes)
    sizes = [msgspec.json.decode(put.channels)["items"] for put in written]
    assert use.snapshot_bytes == sum(sizes) > 0
    assert use.reads == len(histories) > 0
    steps = [walked[event.checkpoint] for event in histories]
    assert (use.ancestors, use.most_ancestors) == (sum(steps), max(steps))
    assert use.since_snapshot == walked[puts[-1].checkpoint]
    assert main(["deltas", "--json", "--store", str(tmp_path / "store.sqlite")]) == 0
    (row,) = msgspec.json.decode(capsys.readouterr().out)
    assert set(row) == documented("deltas")
    assert row.items() >= dataclasses.asdict(use).items()


async def test_savers_that_walk_by_get_tuple(
    request: pytest.FixtureRequest, tmp_path: Path, spool: Spooled
) -> None:
    """MongoDBSaver has no history of its own: a read is a ``get_tuple`` for each ancestor."""
    async with opened("mongodb", Servers(request, tmp_path)) as saver:
        run(saver, measured=True)
    assert spool.of(events.History) == []
    assert len(spool.of(events.Read)) > 3 * TURNS
