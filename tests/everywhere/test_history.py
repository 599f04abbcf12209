"""The history, the sizes, the differences and the values of a long thread, on every backend and
measured in either way, are those that LangGraph has in its own process."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from storage.history_sizes import channels_at, difference
from storage.history_writes import writes_of
from tests.collector.made import one
from tests.collector.viewer.test_decoding import assert_within
from tests.conftest import StartChild
from tests.everywhere.measured import THREAD, Measured, measure

KINDS = ("sqlite", "async-sqlite", "postgres", "redis", "valkey", "mongodb")
TURNS = {"quick": 24, "long": 200}
PAIRS = 20

SOON = ("sqlite", "postgres", "memory")
"""Kinds of which every combination is tried in an ordinary run, not in that of ``-m slow``."""


def _later(unless: bool) -> list[pytest.MarkDecorator]:
    return [] if unless else [pytest.mark.slow]


WAYS = [
    pytest.param(
        kind, way, size, id=f"{kind}-{way}-{size}",
        marks=_later(size == "quick" and (way == "attached" or kind in SOON)),
    )
    for size in TURNS
    for kind in (*KINDS, "memory")
    for way in ("attached", "instrumented")
    if (kind, way) != ("memory", "attached")
]  # fmt: skip
DELTAS = [pytest.param(kind, marks=_later(kind in SOON)) for kind in (*KINDS, "memory")]


@pytest.mark.parametrize(("kind", "way", "size"), WAYS)
def test_all_is_as_langgraph_has_it(  # noqa: PLR0917 (parameters and fixtures)
    kind: str, way: str, size: str, url_of: Any, start_child: StartChild, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Tree, sizes, pending writes, differences and values of one thread."""
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "1")
    turns = ["--turns", str(TURNS[size])]
    found = measure(start_child, tmp_path, kind, url_of(kind), *turns, attached=way == "attached")
    try:
        check_tree(found)
        check_sizes(found)
        check_writes(found)
        check_differences(found)
        check_values(found)
        check_nothing_lost(found)
    finally:
        found.close()


@pytest.mark.parametrize("kind", DELTAS)
def test_delta_channels(
    kind: str, url_of: Any, start_child: StartChild, tmp_path: Path, monkeypatch: Any
) -> None:
    """A ``DeltaChannel``'s values are those that LangGraph rebuilds; tree and sizes are as ever."""
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "1")
    attached = kind not in {"memory", "async-sqlite"}
    more = ["--turns", "14", "--delta"]
    found = measure(start_child, tmp_path, kind, url_of(kind), *more, attached=attached)
    try:
        check_tree(found)
        check_sizes(found)
        check_writes(found)
        check_values(found)
    finally:
        found.close()


def check_tree(found: Measured) -> None:
    """Every checkpoint of every namespace: id, parent, step, source, next nodes, interrupts."""
    table = found.history.table
    namespaces = found.told["namespaces"]
    assert len(table) == sum(map(len, namespaces.values()))
    assert found.history.complete
    assert table["interrupts"].sum() >= 1
    assert table["fork"].sum() >= 1
    assert table["held"].all()
    for ns, rows in namespaces.items():
        mine = [
            {
                "checkpoint": row.checkpoint, "parent": row.parent, "step": row.step,
                "source": row.source, "next": sorted(row.next), "interrupts": row.interrupts,
            }
            for row in table[table["ns"] == ns].iloc[::-1].itertuples()
        ]  # fmt: skip
        assert mine == [{name: row[name] for name in mine[0]} for row in rows], ns
    told = {row["checkpoint"]: row for rows in namespaces.values() for row in rows}
    for row in table.itertuples():
        made = told[row.parent]["next"] if row.source == "loop" else []
        assert sorted(row.nodes) == sorted(set(made)), row
    inside = table[table["ns"] != ""]
    callers = table.loc[inside["from_row"].unique()]
    assert {(row.ns, *row.next) for row in callers.itertuples()} == {("", "research")}


def check_sizes(found: Measured) -> None:
    """Bytes of each checkpoint, of its metadata and pending writes, as the backend counts them; of
    each of its channels, as the saver serializes it."""
    if "--delta" in found.more and found.kind in {"postgres", "memory"}:
        return  # live bytes take the last snapshot there, which is a blob of another checkpoint
    table = found.history.table
    for row in table.itertuples():
        size, metadata, pending = found.told["counted"][row.ns][row.checkpoint]
        assert (row.checkpoint, row.checkpoint_bytes) == (row.checkpoint, size)
        assert (row.checkpoint, row.pending_bytes) == (row.checkpoint, pending)
        if metadata >= 0:
            assert (row.checkpoint, row.metadata_bytes) == (row.checkpoint, metadata)
    for ns, rows in found.told["namespaces"].items():
        for row in rows[:: max(len(rows) // 30, 1)]:
            here = channels_at(found.engine, found.history, found.history.at(row["checkpoint"]))
            mine = dict(zip(here["channel"], here["bytes"], strict=True))
            assert mine == {name: told[0] for name, told in row["channels"].items()}, (ns, row)
    stored = "SELECT stored_bytes FROM threads WHERE id = ?"
    live = found.told["counted"][""][found.told["namespaces"][""][0]["checkpoint"]][0]
    assert one(found.store, stored.replace("stored", "live"), found.key) == live
    if found.kind not in {"postgres", "memory"}:  # those share blobs between checkpoints
        whole = sum(
            size + pending
            for rows in found.told["counted"].values()
            for size, _, pending in rows.values()
        )
        assert one(found.store, stored, found.key) == whole


def check_writes(found: Measured) -> None:
    """The pending writes of each checkpoint: task and channel."""
    for ns, rows in found.told["namespaces"].items():
        for row in rows[:: max(len(rows) // 30, 1)]:
            mine = writes_of(found.engine, found.key, ns, row["checkpoint"])
            pairs = sorted([task, name] for task, name in zip(
                mine["task"], mine["channel"], strict=True
            ))  # fmt: skip
            assert pairs == row["writes"], (ns, row["checkpoint"])


def check_differences(found: Measured) -> None:
    """Between any two checkpoints of a namespace: the channels that were added, removed and
    changed are those whose values were, by as many bytes as their values."""
    chosen = random.Random(7)
    kinds = set()
    long = [rows for rows in found.told["namespaces"].values() if len(rows) > 2]
    pairs = [chosen.sample(found.told["namespaces"][""], 2) for _ in range(PAIRS)]
    pairs += [chosen.sample(chosen.choice(long), 2) for _ in range(PAIRS // 2)]
    for before, after in pairs:
        places = [found.history.at(row["checkpoint"]) for row in (before, after)]
        told = difference(found.engine, found.key, found.history, *places)
        old, new = before["channels"], after["channels"]
        assert set(told.table["channel"]) == old.keys() | new.keys()
        for row in told.table.itertuples():
            kinds.add(row.kind)
            was, now = old.get(row.channel), new.get(row.channel)
            assert row.change_bytes == (now or [0])[0] - (was or [0])[0], row
            assert (row.kind == "added") == (was is None), row
            assert (row.kind == "removed") == (now is None), row
            if was is not None and now is not None and row.kind != "rewritten":
                assert (row.kind == "same") == (was == now), row
            if row.kind == "rewritten":
                assert was is not None
                assert now is not None
                assert was[0] == now[0]
    assert {"added", "removed", "changed", "rewritten"} <= kinds


def check_values(found: Measured) -> None:
    """What the viewer shows of a checkpoint is ``snapshot.values`` as plain data."""
    same = assert_within if found.kind == "redis" else assert_equal
    shown = 0
    for ns, checkpoint, values in found.told["values"]:
        answer = found.ask(ns, checkpoint)
        assert (answer.problem, answer.left_out, answer.redacted) == ("", 0, 0)
        assert answer.checkpoint == checkpoint
        assert [v.problem for v in answer.channels.values() if v.problem] == []
        data = {name: value.data for name, value in answer.channels.items()}
        # A list that nothing was added to is a value for LangGraph, and nothing in the backend.
        same({name: data[name] for name in values if name in data or values[name] != []},
             {name: value for name, value in values.items() if name in data or value != []},
             )  # fmt: skip
        shown += len(values)
    assert shown > 100


def assert_equal(mine: Any, theirs: Any) -> None:
    assert mine == theirs


def check_nothing_lost(found: Measured) -> None:
    """No gap and no dead letter; a thread, and one that is whole."""
    for table in ("gaps", "dead_letters"):
        assert one(found.store, f"SELECT count(*) FROM {table}") == 0
    assert one(found.store, "SELECT count(*) FROM threads") == 1
    assert one(found.store, "SELECT partial FROM threads WHERE thread_id = ?", THREAD) == 0
