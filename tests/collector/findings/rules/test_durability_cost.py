"""durability-cost: steps that nobody uses are found; those of a thread that was interrupted, went
on, or was looked back at are not."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

import statemeter
from tests.collector.findings.conftest import Found, config
from tests.collector.made import thread_row

RULE = "durability-cost"
RUNS = 5


class State(TypedDict):
    text: str
    log: Annotated[list[str], operator.add]


def build(saver: Any, ask: bool = False) -> Any:
    """A chain of six nodes."""

    def last(state: State) -> Any:
        return {"text": interrupt("?") if ask else "z" * 4_000}

    builder: Any = StateGraph(State)
    builder.add_sequence(
        [*((f"n{i}", lambda state: {"text": "t" * 4_000, "log": ["l"]}) for i in range(5)),
         ("last", last)]
    )  # fmt: skip
    builder.add_edge(START, "n0")
    return statemeter.instrument(builder.compile(checkpointer=saver))


def test_steps_that_nobody_uses(found: Found, tmp_path: Path) -> None:
    """Eight checkpoints a run; exit saves what was promised, and is then no finding."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        graph = build(saver)
        for _ in range(RUNS):
            graph.invoke({"text": ""}, config("steps"))
        (finding,) = found(RULE)
        (rows,) = saver.conn.execute("SELECT count(*) FROM checkpoints").fetchone()
        for _ in range(RUNS):
            graph.invoke({"text": ""}, config("exit"), durability="exit")
        assert len(found(RULE)) == 1
    told = {one.name: one.value for one in finding.measured}
    assert finding.subject.thread == "steps"
    assert told["checkpoints of a run"] == rows / RUNS
    assert finding.severity == "info"
    before, after = (thread_row(found.store, one)["stored_bytes"]  # type: ignore[attr-defined]
                     for one in ("steps", "exit"))  # fmt: skip
    assert finding.cost.bytes == pytest.approx(before - after, rel=0.1)
    assert finding.cost.ms is not None
    assert "exit" in finding.fixes[0].code


def test_steps_that_are_needed(found: Found, tmp_path: Path) -> None:
    """By an interrupt, by a look at the history, by a way back."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        asking, graph = build(saver, ask=True), build(saver)
        for _ in range(RUNS):
            asking.invoke({"text": ""}, config("asks"))
            asking.invoke(Command(resume="a"), config("asks"))
            graph.invoke({"text": ""}, config("history"))
            graph.invoke({"text": ""}, config("fork"))
        history = list(graph.get_state_history(config("history")))
        (old,) = saver.conn.execute(
            "SELECT checkpoint_id FROM checkpoints WHERE thread_id = 'fork' "
            "ORDER BY checkpoint_id DESC LIMIT 1 OFFSET 3"
        ).fetchone()
        graph.invoke(None, config("fork", checkpoint_id=old))
        assert len(history) == 8 * RUNS
    assert found(RULE) == []
