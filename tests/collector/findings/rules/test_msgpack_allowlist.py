"""msgpack-allowlist: types that LangGraph was not told of are found as they are read, by type."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

import statemeter
from statemeter import unregistered, vitals
from tests.collector.findings.conftest import Found, config

RULE = "msgpack-allowlist"
TURNS = 4


@dataclasses.dataclass
class Order:
    number: int


class State(TypedDict):
    order: Any


class Plain(TypedDict):
    order: dict[str, int]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(vitals, "TELL_SECONDS", 0.0)
    unregistered.stop()
    yield
    unregistered.stop()


def run(saver: Any, schema: Any, make: Any) -> None:
    """Some turns of a graph whose state holds what ``make`` makes."""
    builder = StateGraph(schema)
    builder.add_node("work", lambda state: {"order": make(2)})
    builder.add_edge(START, "work")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    for _ in range(TURNS):
        graph.invoke({"order": make(1)}, config("t"))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", check_same_thread=False)
    yield made
    made.close()


def test_types_that_nobody_allowed(found: Found, connection: sqlite3.Connection) -> None:
    """The type and how many objects were read; with the fix the same reads are silent."""
    run(SqliteSaver(connection), State, Order)
    (finding,) = found(RULE)
    read = unregistered.read()[f"msgpack_allowed:{__name__}.Order"]
    assert (finding.severity, finding.subject.detail) == ("info", "")
    assert finding.measured[0].name == f"{__name__}.Order"
    assert finding.measured[0].value == read >= TURNS - 1
    assert f"{read:,} objects" in finding.title

    unregistered.forget()  # as the process that begins with the fix
    made: dict[str, Any] = {"connection": connection}
    exec(f"from langgraph.checkpoint.sqlite import SqliteSaver\n{finding.fixes[0].code}", made)
    run(made["saver"], State, Order)
    assert unregistered.read() == {"msgpack_types": 0}
    assert found(RULE) == []


def test_plain_data(found: Found, connection: sqlite3.Connection) -> None:
    """A state of plain data is healthy."""
    run(SqliteSaver(connection), Plain, lambda number: {"number": number})
    assert found(RULE) == []


def test_blocked_types_are_critical(found: Found, connection: sqlite3.Connection) -> None:
    """What came back as plain data in place of an object is told as such."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    run(SqliteSaver(connection, serde=serde), State, Order)
    (finding,) = found(RULE)
    assert (finding.severity, finding.subject.detail) == ("critical", "blocked")
    assert "was not loaded" in finding.title
