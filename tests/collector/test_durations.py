"""Usual durations of nodes: few, and the same for the next collector."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector import durations
from tests.collector.made import Made, collect, one, query

CACHE = "c" * 12


def test_a_collector_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    made, store = Made(tmp_path / "spool"), tmp_path / "store.sqlite"
    made.resource(CACHE, "cache")
    for duration in (1, 2, 15):
        made.node("plan", duration)
    made.write()
    collect(made.folder, store)
    made.node("plan", 14)
    made.node("plan", 13)
    made.access(CACHE, "get", "plan", hits=1)
    made.write()
    collect(made.folder, store)
    assert one(store, "SELECT saved_us FROM access_rollups WHERE resolution_s = 1") == 13
    assert one(store, "SELECT count FROM node_durations") == 5


def test_nodes_that_ran_last_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names may be made up at run time, without an end."""
    monkeypatch.setattr(durations, "NODES_KEPT", 2)
    made, store = Made(tmp_path / "spool"), tmp_path / "store.sqlite"
    for names in (("a", "b"), ("a", "c"), ("a",)):
        for name in names:
            made.node(name, 10)
        made.write()
        collect(made.folder, store)
    rows = query(store, "SELECT node, count FROM node_durations ORDER BY 1")
    assert rows == [{"node": "a", "count": 3}, {"node": "c", "count": 1}]
