"""late-failure: steps that run after a put has failed are found; with sync there are none."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

import statemeter
from tests.collector.findings.conftest import Found, config

RULE = "late-failure"
NODES = 6


class State(TypedDict):
    text: str


def fail(saver: SqliteSaver, thread: str, durability: Any) -> list[str]:
    """A run whose database refuses the checkpoint of its second step; the nodes that ran."""
    ran: list[str] = []

    def node(name: str) -> Any:
        def run(state: State) -> Any:
            ran.append(name)
            time.sleep(0.05)  # a put takes less
            return {"text": name}

        return run

    builder: Any = StateGraph(State)
    builder.add_sequence([(f"n{i}", node(f"n{i}")) for i in range(NODES)])
    builder.add_edge(START, "n0")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    with pytest.raises(sqlite3.IntegrityError):
        graph.invoke({"text": ""}, config(thread), durability=durability)
    return ran


def refuse(saver: SqliteSaver) -> None:
    saver.setup()
    saver.conn.execute(
        "CREATE TRIGGER full BEFORE INSERT ON checkpoints "
        "WHEN json_extract(NEW.metadata, '$.step') = 2 BEGIN SELECT RAISE(ABORT, 'full'); END"
    )


def test_a_run_that_goes_on(found: Found, tmp_path: Path) -> None:
    """The steps after the failure are told, with the nodes that ran for nothing."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        refuse(saver)
        ran = fail(saver, "late", "async")
        (finding,) = found(RULE)
        early = fail(saver, "early", "sync")
        assert len(found(RULE)) == 1
    assert (finding.subject.thread, finding.severity) == ("late", "critical")
    told = {one.name: one.value for one in finding.measured}
    # n0 to n1 led to the checkpoint that failed, n2 may have begun before it had.
    assert early == ["n0", "n1"]
    assert told["super-steps after it"] in {len(ran) - 2, len(ran) - 3}
    assert str(told["nodes that ran in them"]).split(", ")[-1] == ran[-1]
    assert told["error"] == "IntegrityError"
    assert told["checkpoints that failed"] == 1
    assert finding.cost.ms is not None
    assert finding.cost.ms > 50


def test_a_node_that_fails_is_healthy(found: Found, tmp_path: Path) -> None:
    """All that was done is stored."""

    def broken(state: State) -> Any:
        raise ValueError("broken")

    builder: Any = StateGraph(State)
    builder.add_node("broken", broken)
    builder.add_edge(START, "broken")
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        graph = statemeter.instrument(builder.compile(checkpointer=saver))
        with pytest.raises(ValueError, match="broken"):
            graph.invoke({"text": ""}, config("t"))
    assert found(RULE) == []
