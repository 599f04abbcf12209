"""slow-serialization: long lists of floats and pickles are found, small and plain states not."""

from __future__ import annotations

import sqlite3
from typing import Any, TypedDict

import numpy as np
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

import statemeter
from tests.collector.findings.conftest import Found, config
from tests.collector.made import query
from tests.sqlite_files import opened

RULE = "slow-serialization"
FLOATS, RUNS = 600_000, 4


class State(TypedDict):
    vector: Any


class Odd:
    """msgpack cannot write it."""


def work(saver: Any, value: Any) -> None:
    builder = StateGraph(State)
    builder.add_node("embed", lambda s: {"vector": value})
    builder.add_edge(START, "embed")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    for _ in range(RUNS):
        graph.invoke({"vector": None}, config("t"))


def test_a_list_of_floats_is_found(found: Found) -> None:
    """The channel is named, and the share is that of the calls that the store has."""
    work(InMemorySaver(), [n / 7 for n in range(FLOATS)])
    found("")
    with_threshold(found, "step", 2)
    (finding,) = found(RULE)
    assert finding.subject.channel == "vector"
    told = {one.name: one.value for one in finding.measured}
    (sums,) = query(
        found.store,  # type: ignore[attr-defined]
        "SELECT 1.0 * sum(serde_us) / sum(duration_us) AS share FROM operations "
        "WHERE operation IN ('put', 'put_writes')",
    )
    assert told["serializer's share of the calls"] == pytest.approx(sums["share"])
    assert "asarray" in finding.fixes[0].code


def with_threshold(found: Found, name: str, value: float) -> None:
    """What a user would set; the thread is looked at again at its next call."""
    with opened(found.store) as connection:  # type: ignore[attr-defined]
        connection.execute("INSERT INTO rule_settings VALUES (?, ?, 0)", (f"{RULE}.{name}", value))
        connection.execute("DELETE FROM rule_cursors")


def test_an_array_and_a_small_state_are_healthy(found: Found) -> None:
    """The fix: the same numbers as an array."""
    work(InMemorySaver(), np.arange(1000, dtype=np.float64))
    work(InMemorySaver(), "short")
    assert found(RULE) == []


def test_pickles_are_told(found: Found) -> None:
    """However fast they are."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    saver = SqliteSaver(connection, serde=JsonPlusSerializer(pickle_fallback=True))
    work(saver, Odd())
    (finding,) = found(RULE)
    connection.close()
    assert finding.severity == "info"
    assert "pickle" in finding.title
