"""The history of a thread, held against what LangGraph itself says of it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine

from collector.loop import Collector, Options
from storage.history_sizes import channel_curve, channels_at, difference, largest_elements
from storage.history_tree import path_through, way_up
from storage.history_writes import NO_TASK, writes_of
from storage.queries_history import History, history
from storage.store import open_reader
from tests.conftest import REPOSITORY
from tests.storage import seed

KEY = 1
TURNS = {"sqlite": 60, "memory": 60}


@dataclass(frozen=True)
class Played:
    """A long thread: what was collected of it, and what LangGraph says."""

    backend: str
    store: Path
    engine: Engine
    history: History
    told: dict[str, list[dict[str, Any]]]
    """Namespace → checkpoints, newest first, see ``tests.storage.told_history``."""

    def place(self, checkpoint: str) -> int:
        place = self.history.at(checkpoint)
        assert place >= 0
        return place


@pytest.fixture(scope="module", params=TURNS)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A thread with forks, a subgraph, a fan-out and interrupts, on both layouts of savers."""
    folder = tmp_path_factory.mktemp(request.param)
    subprocess.run(
        [sys.executable, "-m", "tests.storage.told_history", str(folder), request.param,
         str(TURNS[request.param])],
        check=True, cwd=REPOSITORY,
        env={"PATH": "", "STATEMETER_SPOOL": str(folder / "spool"), "HOME": str(folder)},
    )  # fmt: skip
    store = folder / "store.sqlite"
    Collector(Options(url=str(store), folder=folder / "spool", once=True)).run()
    engine = open_reader(str(store))
    told = json.loads((folder / "told.json").read_text())
    yield Played(request.param, store, engine, history(engine, KEY), told)
    engine.dispose()


def test_the_tree_is_that_of_get_state_history(played: Played) -> None:
    """Every checkpoint of every namespace: id, parent, step, source, next nodes, interrupts."""
    table = played.history.table
    assert len(table) == sum(map(len, played.told.values()))
    assert played.history.complete
    assert table["interrupts"].sum()
    assert table["fork"].sum()
    for ns, rows in played.told.items():
        mine = [
            {
                "checkpoint": row.checkpoint, "parent": row.parent, "step": row.step,
                "source": row.source, "next": sorted(row.next), "interrupts": row.interrupts,
            }
            for row in table[table["ns"] == ns].iloc[::-1].itertuples()
        ]  # fmt: skip
        assert mine == [{name: row[name] for name in mine[0]} for row in rows], ns


def test_who_made_a_checkpoint(played: Played) -> None:
    """The nodes of a step are those that LangGraph said were next after its parent; an input and
    an update were made by none."""
    told = {row["checkpoint"]: row for rows in played.told.values() for row in rows}
    for row in played.history.table.itertuples():
        made = told[row.parent]["next"] if row.source == "loop" else []
        assert sorted(row.nodes) == sorted(set(made)), row


def test_subgraphs_are_under_the_step_that_called_them(played: Played) -> None:
    """A subgraph's checkpoints come from the root checkpoint after which its node was next."""
    table = played.history.table
    inside = table[table["ns"] != ""]
    callers = table.loc[inside["from_row"].unique()]
    assert {tuple(names) for names in callers["next"]} == {("research",)}
    assert set(callers["ns"]) == {""}
    assert (inside["root"].to_numpy() == table.loc[inside["from_row"], "checkpoint"]).all()
    assert (inside["lane"] < 0).all()


def test_the_way_to_the_newest_is_straight(played: Played) -> None:
    """Ancestors of the newest root checkpoint, and no other, have lane 0; no two strands of a lane
    overlap."""
    table, parents = played.history.table, played.history.parents
    newest = int(table.index[table["ns"] == ""][-1])
    assert set(table.index[table["lane"] == 0]) == set(way_up(parents, newest))
    assert path_through(parents, newest) == way_up(parents, newest)[::-1]
    for _, part in table[table["lane"] != 0].groupby("lane"):
        ended = -1
        for row in part.itertuples():
            begins = row.parent_row not in part.index
            if begins:
                origin = row.parent_row if row.parent_row >= 0 else row.from_row
                assert origin >= 0
                assert row.Index > ended
            ended = row.Index


def test_channel_bytes_are_those_of_the_values(played: Played) -> None:
    """Each channel has as many bytes as its value serialized anew; a difference is theirs."""
    compared = 0
    sized = [row for row in played.told[""] if "channels" in row]
    for newer, older in pairwise(sized):
        after, before = played.place(newer["checkpoint"]), played.place(older["checkpoint"])
        here = channels_at(played.engine, played.history, after)
        assert dict(zip(here["channel"], here["bytes"], strict=True)) == sizes(played, newer)
        now, then = sizes(played, newer), sizes(played, older)
        found = difference(played.engine, KEY, played.history, before, after)
        for row in found.table.itertuples():
            assert row.change_bytes == now.get(row.channel, 0) - then.get(row.channel, 0)
            assert (row.kind == "added") == (row.channel not in then)
            assert (row.kind == "removed") == (row.channel not in now)
            compared += 1
        assert set(found.table["channel"]) == now.keys() | then.keys()
        whole = played.history.table["checkpoint_bytes"]
        assert (found.before_bytes, found.after_bytes) == (whole[before], whole[after])
    assert compared > 50


def sizes(played: Played, row: dict[str, Any]) -> dict[str, int]:
    """Bytes by channel; None is a byte inside a document, and nothing as a blob of its own."""
    inside = played.backend == "sqlite"
    return {name: size or int(inside) for name, size in row["channels"].items()}


def test_what_a_step_wrote_has_a_new_version(played: Played, tmp_path: Path) -> None:
    """The channels that a step is said to have written are those of which LangGraph counts another
    version than of its parent."""
    assert wrote_what_is_new(played, played.engine) > 20
    if played.backend == "memory":
        # In a store of an earlier version, too, which did not tell them.
        store = tmp_path / "store.sqlite"
        with (
            closing(sqlite3.connect(played.store)) as whole,
            closing(sqlite3.connect(store)) as old,
        ):
            whole.backup(old)
            old.execute("UPDATE operations SET changed = '0' WHERE operation = 'put'")
            old.commit()
        engine = open_reader(str(store))
        assert wrote_what_is_new(played, engine) > 20
        engine.dispose()


def wrote_what_is_new(played: Played, engine: Engine) -> int:
    """How many steps were compared."""
    versions = {
        row["checkpoint"]: row["versions"]
        for rows in played.told.values() for row in rows if "versions" in row
    }  # fmt: skip
    table = played.history.table
    known = table[table["checkpoint"].isin(versions) & table["parent"].isin(versions)]
    known = known.iloc[:: len(known) // 20]
    kinds = set()
    for row in known.itertuples():
        new, old = versions[row.checkpoint], versions[row.parent]
        here = channels_at(engine, played.history, row.Index)
        wrote = set(here["channel"][here["written"]])
        assert wrote == {name for name in here["channel"] if new[name] != old.get(name)}, row
        found = difference(engine, KEY, played.history, row.parent_row, row.Index).table
        both = found[found["before_bytes"].notna() & found["after_bytes"].notna()]
        for channel, kind in zip(both["channel"], both["kind"], strict=True):
            assert (kind == "same") == (new[channel] == old[channel]), (row, channel)
            kinds.add(kind)
    assert kinds == {"same", "changed", "rewritten"}
    return len(known)


def test_a_difference_names_the_nodes(played: Played) -> None:
    """From a checkpoint to its child: the nodes of that step. Over a fork: those since the common
    ancestor, which lies on the way."""
    table = played.history.table
    answer = next(row for row in table.itertuples() if row.nodes == ["answer"])
    step = difference(played.engine, KEY, played.history, answer.parent_row, answer.Index)
    messages = step.table.set_index("channel").loc["messages"]
    assert messages["nodes"] == ["answer"]
    assert messages["writes"] == 1
    assert step.way == [answer.parent, answer.checkpoint]
    assert step.ancestor == answer.parent

    forked = int(table.index[table["fork"]][0])
    origin = int(table["parent_row"][forked])
    (left, *_) = [
        int(place) for place in table.index[table["parent_row"] == origin] if place != forked
    ]
    across = difference(played.engine, KEY, played.history, left, forked)
    ids = table["checkpoint"]
    assert across.way == [ids[left], ids[origin], ids[forked]]
    assert across.ancestor == ids[origin]
    assert across.table.set_index("channel").loc["approved", "nodes"] == ["(update)"]
    back = difference(played.engine, KEY, played.history, forked, origin)
    assert back.ancestor == ids[origin]
    assert not back.table["nodes"].map(len).any(), "going back, nothing is written"


def test_going_back_undoes_what_was_written(played: Played) -> None:
    """A channel that was written after the checkpoint to which one goes back is not the same, even
    if it is as large; one that was not is."""
    root = played.history.table[played.history.table["ns"] == ""]
    for row in root[root["parent_row"] >= 0].iloc[10:40].itertuples():
        forth = difference(played.engine, KEY, played.history, row.parent_row, row.Index)
        back = difference(played.engine, KEY, played.history, row.Index, row.parent_row)
        for kind in ("same", "rewritten", "changed"):
            there, here = (
                set(one.table["channel"][one.table["kind"] == kind]) for one in (forth, back)
            )
            assert (row.checkpoint, kind, here) == (row.checkpoint, kind, there)


def test_one_channel_through_time(played: Played) -> None:
    """Its bytes and elements at each step of a path are those of each checkpoint by itself."""
    history, engine = played.history, played.engine
    path = path_through(history.parents, len(history.table) - 1)
    path = path_through(history.parents, int(history.table.index[history.table["ns"] == ""][-1]))
    curve = channel_curve(engine, history, path, "messages")
    assert list(curve["checkpoint"]) == list(history.table["checkpoint"].iloc[path])
    for number in (0, 1, len(path) // 2, len(path) - 1):
        here = channels_at(engine, history, path[number]).set_index("channel")["bytes"]
        known = curve["bytes"][number]
        assert pd.isna(known) if "messages" not in here else known == here["messages"]
    grown = curve["change_bytes"].fillna(0)
    assert not grown[~curve["written"]].any()
    counts = curve["elements"].dropna()
    assert counts.is_monotonic_increasing
    newest = largest_elements(engine, history, path[-1])
    assert newest.set_index("channel")["elements"]["messages"].iloc[0] == counts.iloc[-1]


def test_pending_writes_of_an_interrupt(played: Played) -> None:
    """Under a checkpoint that was interrupted and resumed: the interrupt, the answer for no task
    and for its task, and what the node then wrote; counted in the table."""
    table = played.history.table
    row = next(table[(table["interrupts"] > 0) & (table["resumes"] > 0)].itertuples())
    found = writes_of(played.engine, KEY, row.ns, row.checkpoint)
    assert list(found["kind"]) == ["interrupt", "resume", "resume", ""]
    assert list(found["node"]) == ["approve", "", "approve", "approve"]
    assert found["task"][1] == NO_TASK
    assert list(found["index"]) == [-3, -4, -4, 1]
    assert list(found["channel"])[-1] == "approved"
    assert row.writes == len(found)
    assert row.pending_bytes == found["bytes"].sum()


def test_the_newest_of_very_many(played: Played) -> None:
    """A limit leaves out the oldest, and says how many those are; what is left hangs together."""
    every = played.history.table
    part = history(played.engine, KEY, limit=100)
    assert part.left_out == len(every) - 100
    assert not part.complete
    # Calls overtake each other: which are the hundred that came last is not told by their ids.
    left, right = part.table.iloc[10:], every.iloc[-90:]
    for name in ("checkpoint", "nodes", "next", "writes", "pending_bytes", "source", "interrupts"):
        assert list(left[name]) == list(right[name]), name


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Any]:
    """``made(operations)``: the history of a thread with these further rows."""
    engines = []

    def make(*rows: dict[str, Any], steps: int = 6, **thread: Any) -> tuple[Engine, History]:
        filled = seed.Seed(1_800_000_000_000_000)
        filled.thread("t", steps=steps, **thread)
        filled.operations += [seed.operation(thread_key=KEY, **row) for row in rows]
        path = filled.write(tmp_path / f"{len(engines)}.sqlite")
        engines.append(open_reader(str(path)))
        return engines[-1], history(engines[-1], KEY)

    yield make
    for engine in engines:
        engine.dispose()


def test_what_the_backend_still_holds(made: Any) -> None:
    """After delete_thread nothing of before; after prune what was kept; after delete_for_runs all
    but what it removed."""
    _, whole = made()
    assert whole.table["held"].all()
    ids = whole.table["checkpoint"]
    _, deleted = made({"operation": "delete_thread", "at_us": 1_800_000_000_000_000})
    assert not deleted.table["held"].any()
    kept = json.dumps({"strategy": "keep_latest", "kept": [["", ids[5]]]})
    _, pruned = made({"operation": "prune", "detail": kept, "at_us": 1_800_000_000_000_000})
    assert list(pruned.table["held"]) == [False] * 5 + [True]
    removed = json.dumps({"removed": [["", ids[1]], ["", ids[2]]]})
    _, fewer = made({"operation": "delete_for_runs", "detail": removed})
    assert list(fewer.table["held"]) == [True, False, False, True, True, True]
    gone = removed.replace("}", ', "part": "checkpoints"}')
    _, vanished = made({"operation": "vanished", "detail": gone})
    assert list(vanished.table["held"]) == list(fewer.table["held"])
    writes = removed.replace("}", ', "part": "writes"}')
    assert made({"operation": "vanished", "detail": writes})[1].table["held"].all()
    assert not made({"operation": "vanished"})[1].table["held"].any()
    failed = {"operation": "delete_thread", "error": "OperationalError"}
    assert made(failed)[1].table["held"].all()


def test_what_was_found_in_a_database_took_no_known_time(made: Any) -> None:
    """A duration of -1 is unknown, not a microsecond less."""
    found = {
        "checkpoint": "x", "parent": "t-000005", "duration_us": -1, "serde_us": -1, "step": 5,
        "source": "loop", "live_bytes": 10, "at_us": 1_800_000_000_000_000,
    }  # fmt: skip
    _, told = made(found)
    assert told.table["duration_us"].isna().tolist() == [False] * 6 + [True]
    assert told.table["serde_us"].isna().tolist() == [False] * 6 + [True]


def test_a_checkpoint_put_twice_is_there_once(made: Any) -> None:
    """With what it was put last; a put that raised is not there."""
    again = {
        "checkpoint": "t-000005", "parent": "t-000004", "step": 4, "source": "loop",
        "live_bytes": 77, "at_us": 1_800_000_000_000_000,
    }  # fmt: skip
    _, told = made(again, again | {"checkpoint": "failed", "error": "OperationalError"})
    assert list(told.table["checkpoint"])[-1] == "t-000005"
    assert len(told.table) == 6
    assert told.table["checkpoint_bytes"].iloc[-1] == 77


def test_delta_channels_change_by_what_was_written(made: Any) -> None:
    """A ``DeltaChannel`` has no value in its checkpoints: it is neither added nor removed, and its
    change is what the tasks wrote to it."""
    delta = {
        "checkpoint": "x", "parent": "t-000005", "step": 5, "source": "loop", "live_bytes": 10,
        "at_us": 1_800_000_000_000_000, "channels": '{"docs": 2500}', "changed": '["log"]',
        "detail": '{"deltas": {"log": 3}}',
    }  # fmt: skip
    write = {
        "operation": "put_writes", "checkpoint": "t-000005", "task": "k", "node": "model",
        "channels": '[["log", 70], ["log", 5]]', "at_us": 1_799_999_999_000_000,
    }  # fmt: skip
    engine, told = made(delta, write)
    last = len(told.table) - 1
    found = difference(engine, KEY, told, last - 1, last).table.set_index("channel")
    assert found.loc["log", "kind"] == "delta"
    assert found.loc["log", "change_bytes"] == 75
    assert found.loc["log", "nodes"] == ["model"]
    back = difference(engine, KEY, told, last, last - 1).table.set_index("channel")
    assert back.loc["log", "change_bytes"] == -75
    assert found.loc["messages", "kind"] == "removed"


def test_the_index_of_a_write_that_was_found(made: Any) -> None:
    """It is the database's own, which need not begin with 0."""
    write = {
        "operation": "put_writes", "checkpoint": "t-000005", "task": "k", "node": "model",
        "channels": '[["log", 70], ["log", 5]]', "detail": '{"indexes": [4, 7]}',
        "duration_us": -1,
    }  # fmt: skip
    engine, _ = made(write)
    found = writes_of(engine, KEY, "", "t-000005")
    assert found.loc[found["task"] == "k", "index"].tolist() == [4, 7]


def test_damaged_columns_are_as_good_as_empty(made: Any) -> None:
    """JSON that cannot be read costs what it told, not the history."""
    engine, told = made(
        {"checkpoint": "x", "parent": "t-000005", "step": 5, "source": "loop", "live_bytes": 10,
         "channels": "{", "detail": "[1]", "changed": "[", "lists": "7",
         "at_us": 1_800_000_000_000_000},
        {"operation": "put_writes", "checkpoint": "x", "channels": "nonsense",
         "at_us": 1_800_000_000_000_000},
    )  # fmt: skip
    last = len(told.table) - 1
    assert told.table["checkpoint"][last] == "x"
    assert channels_at(engine, told, last).empty
    assert largest_elements(engine, told, last).empty
    assert writes_of(engine, KEY, "", "x").empty
    assert set(difference(engine, KEY, told, last - 1, last).table["kind"]) == {"removed"}


def test_a_thread_without_checkpoints(made: Any) -> None:
    """Nothing of it: an empty table with the same columns."""
    _, told = made(steps=1)
    engine, _ = made(steps=1)
    nothing = history(engine, 99)
    assert nothing.table.empty
    assert list(nothing.table.columns) == list(told.table.columns)
    assert nothing.at("x") == -1
