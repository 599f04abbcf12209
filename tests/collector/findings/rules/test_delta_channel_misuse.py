"""delta-channel-misuse: loads that walk far are found, frequent snapshots are healthy."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, TypedDict

import pymongo
import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.mongodb import MongoDBSaver
from langgraph.graph import START, StateGraph

import statemeter
from tests.collector.findings.conftest import Found, change, config

RULE = "delta-channel-misuse"


def add(state: list[str], writes: list[list[str]]) -> list[str]:
    """The reducer of the channel."""
    return [*state, *(item for write in writes for item in write)]


def run(saver: Any, thread: str, frequency: int, turns: int) -> None:
    """Turns of a chat whose messages are a DeltaChannel; each is three super-steps."""

    channel = DeltaChannel(add, snapshot_frequency=frequency)
    builder: Any = StateGraph(TypedDict("State", {"items": Annotated[list, channel]}))
    builder.add_node("answer", lambda state: {"items": ["a" * 20]})
    builder.add_edge(START, "answer")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    for _ in range(turns):
        graph.invoke({"items": ["q" * 20]}, config(thread))


def test_a_long_walk_is_found(found: Found) -> None:
    """Its length is that of the super-steps since the beginning, as no snapshot was taken; with one
    every ten updates it is short."""
    saver = InMemorySaver()
    run(saver, "far", 1_000, 30)
    run(saver, "near", 10, 30)
    assert found(RULE) == []
    change(found, f"{RULE}.walk", 20)
    run(saver, "far", 1_000, 1)
    run(saver, "near", 10, 1)
    (finding,) = found(RULE)
    told = {one.name: one.value for one in finding.measured}
    assert (finding.subject.thread, finding.subject.channel) == ("far", "items")
    assert told["since the snapshot, now"] == len(saver.storage["far"][""])
    longest = told["ancestors of the longest"]
    assert isinstance(longest, float | int)
    assert len(saver.storage["far"][""]) - 4 <= longest <= len(saver.storage["far"][""])
    assert finding.cost.ms is not None
    assert finding.cost.ms > 0


@pytest.mark.usefixtures("spool")
def test_a_query_for_each_ancestor_is_found(found: Found, mongo_url: str) -> None:
    """MongoDBSaver has no read of its own for it: what is a short walk elsewhere is many queries
    there."""
    client: Any = pymongo.MongoClient(mongo_url)
    database = f"test_{uuid.uuid4().hex}"
    try:
        run(MongoDBSaver(client, database), "queries", 1_000, 12)
        run(MongoDBSaver(client, database), "snapshots", 4, 12)
        run(InMemorySaver(), "one read", 1_000, 12)
        (finding,) = found(RULE)
    finally:
        client.drop_database(database)
        client.close()
    assert (finding.subject.thread, finding.subject.backend) == ("queries", "mongodb")
    told = {one.name: one.value for one in finding.measured}
    # The newest calls are mostly the queries of the newest loads; a run has three super-steps.
    assert told["ancestors of the longest"] == 3 * 11
    reads = int(told["reads"] or 0)
    assert 3 <= reads <= 11
    loads = [3 * turn for turn in range(12 - reads, 12)]
    assert told["ancestors of a read"] == pytest.approx(sum(loads) / reads)
