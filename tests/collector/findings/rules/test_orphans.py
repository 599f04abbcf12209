"""orphans: writes whose checkpoint failed or was deleted by hand are found, others are not."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

import statemeter
from collector.inspection import inbox, orphans
from collector.inspection.run import inspect
from tests.collector.findings.conftest import Found, config
from tests.collector.findings.rules.test_late_failure import fail, refuse
from tests.sqlite_files import opened
from tests.statemeter.spooled import Spooled

RULE = "orphans"
LOST = (
    "SELECT count(*), sum(length(value)) FROM writes AS w WHERE NOT EXISTS (SELECT 1 FROM "
    "checkpoints AS c WHERE c.thread_id = w.thread_id AND c.checkpoint_id = w.checkpoint_id)"
)


class State(TypedDict):
    text: str


def run(saver: SqliteSaver, thread: str) -> None:
    builder: Any = StateGraph(State)
    builder.add_sequence([(f"n{i}", lambda state: {"text": "t" * 500}) for i in range(4)])
    builder.add_edge(START, "n0")
    statemeter.instrument(builder.compile(checkpointer=saver)).invoke({"text": ""}, config(thread))


def test_writes_under_a_put_that_failed(found: Found, tmp_path: Path) -> None:
    """Their bytes are those of the file; a thread whose puts all came is healthy, and with the
    thread they go."""
    with SqliteSaver.from_conn_string(str(tmp_path / "state.sqlite")) as saver:
        run(saver, "healthy")
        assert found(RULE) == []
        refuse(saver)
        fail(saver, "late", "async")
        (finding,) = found(RULE)
        _, size = saver.conn.execute(LOST).fetchone()
        assert finding.subject.thread == "late"
        assert {one.name: one.value for one in finding.measured}["held for nothing"] == size
        saver.delete_thread("late")
        assert found(RULE) == []


def test_checkpoints_that_were_deleted_by_hand(
    found: Found, spool: Spooled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look finds their writes once they are a minute old; the statement of the fix deletes them,
    and the next look resolves the finding."""
    path = tmp_path / "state.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        run(saver, "kept")
        run(saver, "gone")
    with opened(path) as connection:
        connection.execute("DELETE FROM checkpoints WHERE thread_id = 'gone'")

    def look() -> Any:
        inbox.hand_over(spool.folder, inspect(str(path)))
        return found(RULE)

    assert look() == []  # they may be waiting for their checkpoint
    monkeypatch.setattr(orphans, "YOUNG_SECONDS", 0.0)
    (finding,) = look()
    connection = sqlite3.connect(path)
    count, size = connection.execute(LOST).fetchone()
    told = {one.name: one.value for one in finding.measured}
    assert (told["rows without a checkpoint"], told["their content"]) == (count, size)
    assert finding.subject.detail == "writes"
    (left,) = connection.execute("SELECT count(*) FROM writes").fetchone()
    connection.executescript(finding.fixes[0].code)
    (then,) = connection.execute("SELECT count(*) FROM writes").fetchone()
    connection.close()
    assert left - then == count
    assert look() == []
