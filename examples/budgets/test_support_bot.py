"""Budgets of the support bot: ``pytest -p statemeter.pytest_plugin examples/budgets``"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from support_bot import build

QUESTIONS = [f"Question {turn}: " + "where is my order? " * 20 for turn in range(20)]
"""Of about 400 characters each."""


@pytest.fixture
def saver(tmp_path: Path) -> Iterator[SqliteSaver]:
    with SqliteSaver.from_conn_string(str(tmp_path / "chat.sqlite")) as saver:
        yield saver


def talk(graph: Any) -> None:
    for question in QUESTIONS:
        graph.invoke({"messages": [("user", question)]}, {"configurable": {"thread_id": "talk"}})


@pytest.mark.checkpoint_budget(max_step="8KB", growth="linear")
def test_a_long_talk_stays_small(saver: SqliteSaver) -> None:
    """No checkpoint is larger than 8 KB, and the 20th turn costs what the 10th did."""
    talk(build(saver))


def test_what_the_messages_take(saver: SqliteSaver, state_budget: Any) -> None:
    """The fixture limits a test as well, and tells what was measured; SQLite says the same."""
    state_budget(max_stored="600KB")
    talk(build(saver))
    measured = state_budget.measured()
    assert measured.channels()["messages"] < 6_000
    largest = max(step.bytes for step in measured.steps)
    assert largest == most_bytes(saver.conn)


def most_bytes(connection: sqlite3.Connection) -> int:
    ((most,),) = connection.execute("SELECT max(length(checkpoint)) FROM checkpoints")
    return int(most)
