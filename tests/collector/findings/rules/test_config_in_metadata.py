"""config-in-metadata: what is passed in config and stored is found, a context is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime

import statemeter
from tests.collector.findings.conftest import Found, config
from tests.collector.made import thread_row

RULE = "config-in-metadata"
PROFILE = "p" * 5_000


class State(TypedDict):
    text: str


@dataclass
class Context:
    profile: str = ""


def work(saver: Any, thread: str, stored: bool) -> None:
    """Ten runs that know of a profile of 5 KB."""

    def answer(state: State, runtime: Runtime[Context]) -> Any:
        return {"text": "t"}

    builder: Any = StateGraph(State, context_schema=Context)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    for _ in range(10):
        if stored:
            graph.invoke({"text": ""}, config(thread, profile=PROFILE))
        else:
            graph.invoke({"text": ""}, config(thread), context=Context(PROFILE))


def test_a_profile_in_the_config(found: Found, tmp_path: Path) -> None:
    """Its size is that of the saver's rows; a context saves what was promised; no word of it is in
    the finding."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        work(saver, "stored", True)
        (finding,) = found(RULE)
        work(saver, "context", False)
        assert len(found(RULE)) == 1
        (total,) = saver.conn.execute(
            "SELECT sum(length(metadata)) FROM checkpoints WHERE thread_id = 'stored'"
        ).fetchone()
    told = {one.name: one.value for one in finding.measured}
    assert finding.subject.thread == "stored"
    assert told["metadata ever written"] == total
    assert PROFILE[:50] not in repr(finding)
    before, after = (thread_row(found.store, one)["metadata_bytes"]  # type: ignore[attr-defined]
                     for one in ("stored", "context"))  # fmt: skip
    saving = finding.fixes[0].saving
    assert saving is not None
    assert saving.bytes == pytest.approx(before - after, rel=0.1)


def test_a_short_one_is_healthy(found: Found) -> None:
    """A user's id and name, in a saver that is elsewhere."""
    saver = InMemorySaver()
    builder: Any = StateGraph(State)
    builder.add_node("answer", lambda state: {"text": "t"})
    builder.add_edge(START, "answer")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    for _ in range(10):
        graph.invoke({"text": ""}, config("short", user_id="1234", name="somebody"))
    assert found(RULE) == []
