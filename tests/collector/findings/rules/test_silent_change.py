"""silent-change: an object whose class has changed comes back as plain data, which is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde import jsonplus
from langgraph.graph import START, StateGraph

import statemeter
from statemeter import unregistered, vitals
from tests.collector.findings.conftest import Found, config

RULE = "silent-change"


@dataclasses.dataclass
class Order:
    number: int


@dataclasses.dataclass
class Grown:
    """The same after a release: a field more, without a default."""

    number: int
    customer: str


@dataclasses.dataclass
class Mended:
    """The fix: the new field has a default."""

    number: int
    customer: str = ""


class State(TypedDict):
    order: Any


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(vitals, "TELL_SECONDS", 0.0)
    unregistered.stop()
    jsonplus._warned_unreconstructable_types.clear()  # as in a process that begins
    yield
    unregistered.stop()
    jsonplus._warned_unreconstructable_types.clear()


@pytest.fixture
def graph() -> Any:
    """A graph whose thread ``t`` holds an order."""
    builder = StateGraph(State)
    builder.add_node("work", lambda state: {"order": Order(2)})
    builder.add_edge(START, "work")
    made = statemeter.instrument(builder.compile(checkpointer=InMemorySaver()))
    made.invoke({"order": Order(1)}, config("t"))
    return made


def read(graph: Any) -> Any:
    return graph.get_state(config("t")).values["order"]


def test_a_class_that_has_changed(
    found: Found, graph: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The type is named once, however often it is read; LangGraph's log is as it was. With the
    default that the fix gives, a process that begins is silent."""
    with monkeypatch.context() as patch:
        patch.setattr(f"{__name__}.Order", Grown)
        assert [read(graph) for _ in range(3)] == [{"number": 2}] * 3
    assert sum("Could not reconstruct" in text for text in caplog.messages) == 1
    (finding,) = found(RULE)
    told = [(one.name, one.value) for one in finding.measured]
    assert finding.severity == "critical"
    assert told[:2] == [
        ("types that could not be made again", 1), ("type", f"{__name__}.Order"),
    ]  # fmt: skip
    assert told[-1] == ("objects", None)

    unregistered.forget()
    jsonplus._warned_unreconstructable_types.clear()
    with monkeypatch.context() as patch:
        patch.setattr(f"{__name__}.Order", Mended)
        assert read(graph) == Mended(2)
    assert found(RULE) == []


def test_objects_that_come_back(found: Found, graph: Any) -> None:
    """A class that is as it was is healthy."""
    assert read(graph) == Order(2)
    assert found(RULE) == []
