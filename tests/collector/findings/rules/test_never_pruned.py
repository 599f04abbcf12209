"""never-pruned: history that nothing deletes is found, what is pruned is not."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

import statemeter
from tests.collector.findings.conftest import Found, change, config

RULE = "never-pruned"
THREADS = ("a", "b", "c")


class State(TypedDict):
    lines: Annotated[list[str], operator.add]


def work(saver: Any) -> None:
    """Three threads of forty steps, of 10 KB at the end."""
    builder: Any = StateGraph(State)
    builder.add_node("add", lambda state: {"lines": ["l" * 500]})
    builder.add_edge(START, "add")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    for thread in THREADS:
        for _ in range(20):
            graph.invoke({"lines": []}, config(thread))


def rows(saver: SqliteSaver) -> int:
    """Bytes of checkpoints and pending writes."""
    (found,) = saver.conn.execute(
        "SELECT (SELECT coalesce(sum(length(checkpoint)), 0) FROM checkpoints) "
        "+ (SELECT coalesce(sum(length(value)), 0) FROM writes)"
    ).fetchone()
    return int(found)


def test_history_that_nothing_deletes(found: Found, tmp_path: Path) -> None:
    """Not before a day, unless a user asks for it; the code of the fix gives back what it says, and
    then the finding is resolved."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        work(saver)
        assert found(RULE) == []  # too little, and seen for a minute
        change(found, f"{RULE}.stored", 100_000)
        assert found(RULE) == []  # enough, and seen for a minute
        change(found, f"{RULE}.age", 0)
        (finding,) = found(RULE)
        before = rows(saver)
        (newest,) = saver.conn.execute(
            "SELECT sum(length(checkpoint)) FROM checkpoints AS c WHERE checkpoint_id = (SELECT "
            "max(checkpoint_id) FROM checkpoints WHERE thread_id = c.thread_id)"
        ).fetchone()
        scope: dict[str, Any] = {}
        prune = finding.fixes[0]
        exec(prune.code, scope)
        for thread in THREADS:
            scope["prune"](saver, thread)
        after = rows(saver)
    told = {one.name: one.value for one in finding.measured}
    assert (finding.subject.backend, finding.subject.thread) == ("sqlite", "")
    assert told["stored"] == before
    assert told["history"] == before - newest
    assert told["of older checkpoints"] == pytest.approx((before - newest) / before)
    assert told["threads"] == len(THREADS)
    assert prune.saving is not None
    assert prune.saving.bytes == pytest.approx(before - after, rel=0.1)


def test_threads_that_are_deleted_are_healthy(found: Found, tmp_path: Path) -> None:
    """An application that deletes a thread out of three takes care."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        work(saver)
        found(RULE)
        change(found, f"{RULE}.stored", 100_000)
        change(found, f"{RULE}.age", 0)
        assert len(found(RULE)) == 1
        saver.delete_thread("a")
        assert found(RULE) == []


def test_an_empty_store_has_none(found: Found) -> None:
    """No thread, no backend, no finding."""
    assert found(RULE) == []
