"""bookkeeping-bloat: a graph of many nodes is found, a state that outweighs its notes is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

import statemeter
from tests.collector.findings.conftest import Found, config
from tests.collector.made import thread_row

RULE = "bookkeeping-bloat"


class State(TypedDict):
    text: str


def chain(saver: Any, thread: str, nodes: int, size: int, durability: Any = None) -> None:
    builder: Any = StateGraph(State)
    builder.add_sequence([(f"n{i}", lambda state: {"text": "t" * size}) for i in range(nodes)])
    builder.add_edge(START, "n0")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    graph.invoke(
        {"text": ""},
        config(
            thread,
        )
        | {"recursion_limit": 200},
        durability=durability,
    )


def test_a_chain_of_many_nodes(found: Found, tmp_path: Path) -> None:
    """Its bytes are those of the saver's own rows, and exit saves what was promised."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        chain(saver, "long", 60, 100)
        (finding,) = found(RULE)
        rows = saver.conn.execute("SELECT type, checkpoint FROM checkpoints").fetchall()
        chain(saver, "exit", 60, 100, durability="exit")
        assert len(found(RULE)) == 1
    documents = [saver.serde.loads_typed(row) for row in rows]
    notes = [
        len(saver.serde.dumps_typed({name: one[name] for name in
                                     ("channel_versions", "versions_seen")})[1]) - 1
        for one in documents
    ]  # fmt: skip
    told = {one.name: one.value for one in finding.measured}
    assert finding.subject.thread == "long"
    assert told["bookkeeping written"] == sum(notes)
    assert told["written in all"] == sum(len(row[1]) for row in rows)
    before, after = (thread_row(found.store, one)["stored_bytes"]  # type: ignore[attr-defined]
                     for one in ("long", "exit"))  # fmt: skip
    (leave,) = [one for one in finding.fixes if "exit" in one.words]
    assert leave.saving is not None
    assert leave.saving.bytes == pytest.approx(before - after, rel=0.1)


def test_few_nodes_or_much_state_are_healthy(found: Found, tmp_path: Path) -> None:
    """Twelve nodes of next to nothing; sixty with 60 KB."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        chain(saver, "few", 12, 10)
        chain(saver, "much", 60, 60_000)
    assert found(RULE) == []
