"""What is found in a database, against what a probe told of the same calls, and against SQL.

Real graphs ran instrumented: forks, subgraphs, interrupts, failures, fan-outs, delta channels,
deleted threads, all durabilities. Their files are attached to a store of their own, and to one that
has what the probe told, before it and after it.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from storage.__main__ import main
from tests.collector.attach.attaching import attach, key_of
from tests.collector.made import collect, one, query
from tests.conftest import REPOSITORY

FILES = ("sync.sqlite", "async.sqlite", "delta.sqlite")

PUTS = """
SELECT s.key, t.thread_id, o.* FROM operations o JOIN threads t ON t.id = o.thread_key
JOIN savers s ON s.id = t.saver_id WHERE s.backend = 'sqlite' AND o.operation = 'put'
AND o.error = '' ORDER BY o.id
"""
WRITES = PUTS.replace("'put'", "'put_writes'")
ALIKE = (
    "parent", "step", "source", "serializer", "payload_bytes", "live_bytes", "metadata_bytes",
    "bookkeeping_bytes",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files, the spool of the probes, and the stores ``probe``, ``attached``, ``before`` (attached
    first) and ``after``."""
    folder = tmp_path_factory.mktemp("twin")
    environment = os.environ | {"STATEMETER_SPOOL": str(folder / "spool"), "STATEMETER_APP": "app"}
    for arguments in (
        ["tests.collector.applications", str(folder)],
        [
            "tests.long_thread", str(folder / "delta.sqlite"), "--turns", "12", "--delta",
            "--instrument",
        ],
    ):  # fmt: skip
        subprocess.run(
            [sys.executable, "-m", *arguments], cwd=REPOSITORY, env=environment, check=True
        )
    for name in ("probe", "before", "after"):
        shutil.copytree(folder / "spool", folder / f"spool-{name}")
    collect(folder / "spool-probe", folder / "probe.sqlite")
    for name in FILES:
        attach(folder / name, folder / "spool-attached", folder / "attached.sqlite", "other")
    collect(folder / "spool-after", folder / "after.sqlite")
    for name in FILES:
        attach(folder / name, folder / "spool-after", folder / "after.sqlite", "other")
        attach(folder / name, folder / "spool-first", folder / "before.sqlite", "other")
    collect(folder / "spool-before", folder / "before.sqlite")
    return folder


def rows_of(store: Path, sql: str, *names: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by some of their columns, the last of equal ones."""
    return {tuple(row[name] for name in names): row for row in query(store, sql)}


def threads(store: Path) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Threads of files that exist, by file and id."""
    sql = (
        "SELECT s.key, t.* FROM threads t JOIN savers s ON s.id = t.saver_id "
        "WHERE s.backend = 'sqlite'"
    )
    return rows_of(store, sql, "key", "thread_id")


def test_threads_hold_what_sql_tells(folder: Path) -> None:
    """Stored and live bytes, checkpoints, metadata of each thread, none of it partial."""
    told = threads(folder / "attached.sqlite")
    known = 0
    for name in FILES:
        with closing(sqlite3.connect(folder / name)) as connection:
            for thread, stored, metadata, count, live in connection.execute(
                "SELECT thread_id, sum(length(checkpoint)) + coalesce((SELECT sum(length(value)) "
                "FROM writes w WHERE w.thread_id = c.thread_id), 0), sum(length(metadata)), "
                "count(*), (SELECT length(checkpoint) FROM checkpoints n WHERE n.thread_id = "
                "c.thread_id AND checkpoint_ns = '' ORDER BY checkpoint_id DESC LIMIT 1) "
                "FROM checkpoints c GROUP BY thread_id"
            ):
                row = told[key_of(folder / name), thread]
                assert (row["stored_bytes"], row["live_bytes"]) == (stored, live)
                assert (row["metadata_bytes"], row["steps"]) == (metadata, count)
                assert (row["partial"], row["deleted_us"], row["errors"]) == (0, 0, 0)
                assert row["written_bytes"] == stored
                assert row["application"] == "other"
                known += 1
    assert known == len(told) >= 10


def test_what_only_a_probe_sees_is_unknown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Times and failed calls of ``python -m storage threads``: null of what was found; of threads
    that are instrumented as well, what the probe told."""

    def told(name: str) -> dict[tuple[str, str], dict[str, Any]]:
        assert main(["threads", "--json", "--store", str(folder / f"{name}.sqlite")]) == 0
        rows = json.loads(capsys.readouterr().out)
        return {(row["saver"], row["thread_id"]): row for row in rows}

    names = ("errors", "duration_us", "serde_us")
    attached, probed, both = told("attached"), told("probe"), told("after")
    assert len(attached) >= 10
    assert {row[name] for row in attached.values() for name in names} == {None}
    for key in attached:
        assert [both[key][name] for name in names] == [probed[key][name] for name in names]
        assert probed[key]["duration_us"] > probed[key]["serde_us"] > 0


def test_threads_are_as_the_probe_tells_them(folder: Path) -> None:
    """What a thread holds now, by the byte and by channel; what was written is no more than it, for
    what was replaced is not there to be found."""
    probed, attached = threads(folder / "probe.sqlite"), threads(folder / "attached.sqlite")
    assert set(attached) == {key for key, row in probed.items() if row["stored_bytes"]}
    for key, row in attached.items():
        twin = probed[key]
        for name in ("stored_bytes", "live_bytes", "checkpoint", "newest"):
            assert (key, name, row[name]) == (key, name, twin[name])
        assert row["written_bytes"] <= twin["written_bytes"]
        channels, told = json.loads(row["channels"]), json.loads(twin["channels"])
        for namespace, sums in channels.items():
            for channel, (live, _, _, elements) in sums.items():
                known = told[namespace][channel]
                assert (key, channel, live, elements) == (key, channel, known[0], known[3])


def test_each_checkpoint_is_as_the_probe_told_it(folder: Path) -> None:
    """Parent, step, source, bytes, channels, changed channels, largest elements, deltas, root."""
    names = ("key", "thread_id", "ns", "checkpoint")
    probed = rows_of(folder / "probe.sqlite", PUTS, *names)
    attached = rows_of(folder / "attached.sqlite", PUTS, *names)
    assert len(attached) > 200
    deltas = 0
    for key, row in attached.items():
        twin = probed[key]
        assert {n: row[n] for n in ALIKE} == {n: twin[n] for n in ALIKE}, key
        for name in ("channels", "lists"):
            assert json.loads(row[name]) == json.loads(twin[name]), key
        assert set(json.loads(row["changed"])) == set(json.loads(twin["changed"])), key
        detail = json.loads(row["detail"])
        assert detail.pop("found") == "other"
        detail.pop("change", None)
        assert detail == json.loads(twin["detail"]), key
        deltas += "deltas" in detail
        assert (row["duration_us"], row["serde_us"], row["run"]) == (-1, -1, 0)
        assert 0 < row["at_us"] <= twin["at_us"]
    assert deltas > 20


def test_each_write_is_as_the_probe_told_it(folder: Path) -> None:
    """Bytes and channels of each task's pending writes, and the node that made them."""

    def by_task(store: str) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for row in query(folder / store, WRITES):
            key = (row["key"], row["thread_id"], row["ns"], row["checkpoint"], row["task"])
            known = found.setdefault(key, (set(), set()))
            known[0].update(map(tuple, json.loads(row["channels"])))
            known[1].add(row["node"])
        return found

    probed, attached = by_task("probe.sqlite"), by_task("attached.sqlite")
    assert len(attached) > 100
    nodes = set()
    for key, (writes, names) in attached.items():
        assert writes <= probed[key][0], key
        assert names <= probed[key][1] | {""}, key
        nodes |= names
    assert {"search", "fetch", "talk", "ask"} <= nodes


def comparable(store: Path) -> dict[str, Any]:
    """What a store tells, without the numbers of rows, zero sums and times of what was read."""
    with closing(sqlite3.connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        seen = [dict(row) for row in connection.execute(
            "SELECT s.key, t.* FROM threads t JOIN savers s ON s.id = t.saver_id"
        )]  # fmt: skip
        operations = [dict(row) for row in connection.execute(
            "SELECT p.incarnation, o.seq, t.thread_id, o.operation, o.at_us, o.payload_bytes, "
            "o.live_bytes, o.checkpoint, o.task, o.duration_us, o.channels, o.changed, o.detail, "
            "t.thread_id, o.error FROM operations o JOIN processes p ON p.id = o.process_id "
            "LEFT JOIN threads t ON t.id = o.thread_key"
        )]  # fmt: skip
        sums = connection.execute(
            "SELECT application, backend, operation, sum(count), sum(errors), sum(payload_bytes), "
            "sum(duration_us), sum(serde_us) FROM rollups WHERE resolution_s = 3600 "
            "GROUP BY application, backend, operation HAVING sum(count) <> 0"
        ).fetchall()
        levels = connection.execute(
            "SELECT sum(stored_delta_bytes), sum(live_delta_bytes), sum(threads_delta) "
            "FROM rollups WHERE resolution_s = 60"
        ).fetchone()
        minutes = connection.execute(
            "SELECT sum(written_bytes), sum(operations) FROM thread_minutes"
        ).fetchone()
    for row in seen:
        for name in ("id", "saver_id", "first_seen_us"):
            del row[name]
        row["channels"] = json.loads(row["channels"])
    return {
        "threads": sorted(seen, key=lambda row: (row["key"], row["thread_id"])),
        "operations": sorted(map(repr, operations)), "sums": sorted(map(tuple, sums)),
        "levels": tuple(levels), "minutes": tuple(minutes),
    }  # fmt: skip


@pytest.mark.parametrize("order", ["before", "after"])
def test_attached_and_instrumented_counts_once(folder: Path, order: str) -> None:
    """Whether the reader or the probe told first: threads, operations, sums and levels are those
    of the probe alone."""
    alone, both = comparable(folder / "probe.sqlite"), comparable(folder / f"{order}.sqlite")
    for one_, other in zip(alone["threads"], both["threads"], strict=True):
        assert one_ == other
    for name in ("operations", "sums", "levels", "minutes"):
        assert (name, both[name]) == (name, alone[name])


def test_levels_are_what_the_threads_have(folder: Path) -> None:
    """Changes by time add up to what is held, in the checkpoints' own time."""
    store = folder / "attached.sqlite"
    held = query(
        store, "SELECT sum(stored_bytes) AS s, sum(live_bytes) AS l, count(*) AS t FROM threads"
    )[0]
    for resolution in (1, 60, 3600):
        (levels,) = query(
            store,
            "SELECT sum(stored_delta_bytes) AS s, sum(live_delta_bytes) AS l, sum(threads_delta) "
            "AS t FROM rollups WHERE resolution_s = ?",
            resolution,
        )
        assert levels == held
    assert one(store, "SELECT count(*) FROM rollups WHERE operation <> 'found'") == 0
    assert one(store, "SELECT sum(duration_us) + sum(serde_us) FROM rollups") == 0


def test_nothing_was_lost_on_the_way(folder: Path) -> None:
    """No gap and no dead letter; sources say that all was read."""
    for name in ("attached", "before", "after"):
        store = folder / f"{name}.sqlite"
        assert one(store, "SELECT count(*) FROM gaps") == 0
        assert one(store, "SELECT count(*) FROM dead_letters") == 0
        for row in query(store, "SELECT * FROM sources"):
            assert row["phase"] == "following"
            assert row["done_checkpoints"] == row["total_checkpoints"] > 0
            assert (row["problem"], row["done_bytes"]) == ("", row["total_bytes"])
