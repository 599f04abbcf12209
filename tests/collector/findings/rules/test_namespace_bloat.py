"""namespace-bloat: namespaces of ended calls are found, those that are needed are not."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

import statemeter
from tests.collector.findings.conftest import Found, config
from tests.collector.made import thread_row

RULE = "namespace-bloat"
CALLS = 10


class State(TypedDict):
    text: str


def work(saver: Any, thread: str, checkpointer: Any, calls: int = CALLS, ask: bool = False) -> None:
    """A graph whose one node is a subgraph of three."""

    def look(state: State) -> Any:
        return {"text": interrupt("?")} if ask else {"text": "t" * 300}

    sub: Any = StateGraph(State)
    sub.add_sequence([("s1", lambda state: {"text": "t" * 300}), ("s2", look),
                      ("s3", lambda state: {"text": "u" * 300})])  # fmt: skip
    sub.add_edge(START, "s1")
    builder: Any = StateGraph(State)
    builder.add_node("agent", sub.compile(checkpointer=checkpointer))
    builder.add_edge(START, "agent")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    for _ in range(calls):
        graph.invoke({"text": "q"}, config(thread))
        if ask:
            graph.invoke(Command(resume="a"), config(thread))


def test_a_namespace_for_each_call(found: Found) -> None:
    """Ten invokes, ten namespaces beside the root's; the fix saves what was promised."""
    saver = InMemorySaver()
    work(saver, "many", None)
    (finding,) = found(RULE)
    work(saver, "none", False)
    assert len(found(RULE)) == 1
    assert (finding.subject.thread, finding.subject.namespace) == ("many", "agent")
    told = {one.name: one.value for one in finding.measured}
    spaces = {ns: held for ns, held in saver.storage["many"].items() if ns}
    assert told["namespaces"] == told["calls of the subgraph"] == len(spaces) == CALLS
    assert told["checkpoints in them"] == sum(map(len, spaces.values()))
    before, after = (thread_row(found.store, one)["stored_bytes"]  # type: ignore[attr-defined]
                     for one in ("many", "none"))  # fmt: skip
    saving = finding.fixes[0].saving
    assert saving is not None
    assert saving.bytes == pytest.approx(before - after, rel=0.1)


def test_subgraphs_that_need_them_or_leave_none(found: Found) -> None:
    """One that remembers has one namespace; one that is interrupted needs its own; three calls are
    few."""
    saver = InMemorySaver()
    work(saver, "remembers", True)
    work(saver, "asks", None, ask=True)
    work(saver, "few", None, calls=3)
    assert found(RULE) == []
