"""Graphs that run in the test, instrumented, and the findings of their store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import statemeter
from collector.findings.book import RULES
from statemeter import probe
from storage.findings import Finding, decode
from tests.collector.made import collect, query
from tests.statemeter.conftest import no_faults, spool
from tests.statemeter.spooled import Spooled

__all__ = ["found", "no_faults", "spool"]

Found = Callable[..., list[Finding]]


@pytest.fixture
def found(spool: Spooled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """``found("quadratic-channel")``: the open findings of a rule (without one: of all rules) after
    what ran until now is collected; ``found.store`` is the store."""
    store = tmp_path / "findings.sqlite"
    monkeypatch.setattr("collector.findings.watch.ONCE_SECONDS", 600.0)  # all that is new

    def look(rule: str = "") -> list[Finding]:
        assert statemeter.flush(30)
        collect(Path(probe.get().writer.folder), store)
        failed = query(store, "SELECT id, why FROM rules WHERE why LIKE 'It failed%'")
        assert failed == []
        assert not rule or rule in {one.id for one in RULES}
        rows = query(
            store, "SELECT body FROM findings WHERE resolved_us = 0 AND ? IN ('', rule)", rule
        )
        return [decode(row["body"]) for row in rows]

    look.store = store  # type: ignore[attr-defined]
    return look


def change(found: Found, name: str, value: float) -> None:
    """A user changes a threshold, such as ``never-pruned.age``; the store has to be there."""
    with closing(sqlite3.connect(found.store)) as connection, connection:  # type: ignore[attr-defined]
        connection.execute(
            "INSERT OR REPLACE INTO rule_settings (name, value, changed_us) VALUES (?, ?, 1)",
            (name, value),
        )


def config(thread: str, **more: Any) -> Any:
    """The configuration of a thread."""
    return {"configurable": {"thread_id": thread} | more}
