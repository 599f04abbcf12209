"""Checkpoints of PostgreSQL, found while their application may write more."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.attach import cursors, postgres, postgres_first, postgres_gauges
from collector.attach.source import FoundCheckpoint
from collector.inspection import url
from collector.inspection.errors import CouldNotLook
from examples.backends.on_postgres import open_saver
from tests import long_thread
from tests.collector.attach import twins
from tests.collector.test_exact_postgres import STORED

OLD = cursors.id_at(1_600_000_000)
"""An id of 2020."""


@contextlib.contextmanager
def opened(database: str) -> Iterator[postgres.Postgres]:
    """The source of a database."""
    with postgres.opened(url.parse(database)) as source:
        yield source


def rows(database: str, sql: str, *values: Any) -> list[Any]:
    """What the server says."""
    with psycopg.connect(database, autocommit=True) as connection:
        cursor = connection.execute(sql, values or None)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def played(postgres_database: str) -> str:
    """A database in which a thread was played: sends, a subgraph, interrupts, forks."""
    with open_saver(postgres_database) as saver:
        long_thread.play(long_thread.build(saver), "long-1", 11, fork_every=5)
    return postgres_database


def test_what_is_found_is_what_was_told(postgres_database: str, tmp_path: Path) -> None:
    """Of real graphs over a connection, a pool and a pipeline, sync and async: each checkpoint and
    write with the same numbers, and stored bytes as SQL has them, pruned threads included."""
    told = twins.run("tests.collector.on_postgres", tmp_path, postgres_database)
    with opened(postgres_database) as source:
        batches = list(source.read(""))
        found = twins.seen(batches)
        twins.in_order(twins.all_of(batches))
        facts = source.saver()
        total = source.total()
    assert twins.compare(told, found) > 400
    stored = dict(rows(postgres_database, STORED))
    assert {thread: found.stored(thread) for thread in stored} == stored
    (count,) = rows(postgres_database, "SELECT count(*) FROM checkpoints")[0]
    assert (len(found.checkpoints), total.checkpoints) == (count, count)
    keys = {event.saver for event, _ in told.puts.values()}
    assert (keys, facts.layout, facts.class_name) == ({facts.key}, "channels", "PostgresSaver")
    batch_bytes = sum(batch.read_bytes for batch in batches)
    assert batch_bytes == sum(stored.values())


def test_shallow_is_what_is_there(postgres_database: str, tmp_path: Path) -> None:
    """Of a saver that keeps the newest checkpoint: every one, with all of its blobs."""
    told = twins.run("tests.collector.on_postgres", tmp_path, postgres_database, "shallow")
    with opened(postgres_database) as source:
        found = twins.seen(source.read(""))
        facts = source.saver()
    stored = dict(rows(postgres_database, STORED))
    assert {thread: found.stored(thread) for thread in stored} == stored
    assert {event.saver for event, _ in told.puts.values()} == {facts.key}
    assert (facts.layout, facts.class_name) == ("latest", "ShallowPostgresSaver")
    for key, one in found.checkpoints.items():
        assert one.document_bytes == told.puts[key][0].document_bytes


def test_delta_channels(postgres_database: str, tmp_path: Path) -> None:
    """Snapshots and the steps since them are told as by the probe."""
    arguments = (postgres_database, "--turns", "6", "--delta", "--instrument")
    told = twins.run("tests.long_thread", tmp_path, *arguments)
    with opened(postgres_database) as source:
        found = twins.seen(source.read(""))
    assert twins.compare(told, found) == len(told.puts)
    assert any(one.snapshots for one in found.checkpoints.values())
    assert any(one.deltas for one in found.checkpoints.values())


def test_new_ones_are_found_once(played: str) -> None:
    """What comes after the first pass: new checkpoints with their writes, and the resumed ones'
    writes under an old checkpoint; nothing twice, whatever thread it is of."""
    with opened(played) as source, open_saver(played) as saver:
        graph = long_thread.build(saver)
        last = list(source.read(""))[-1]
        assert [batch.found for batch in source.read(last.cursor) if batch.found] == []
        assert source.changed()
        assert not source.changed()
        config = {"configurable": {"thread_id": "long-1"}}
        for turn in (19, 20):  # the 20th is interrupted
            graph.update_state(config, {"turn": turn - 1}, as_node="approve")
            graph.invoke(long_thread.question(turn), config)
        assert graph.get_state(config).interrupts
        long_thread.play(graph, "another", 1)
        found = list(source.read(last.cursor))
        one, last = twins.seen(found), found[-1]
        graph.invoke(long_thread.Command(resume="yes"), config)
        two = twins.seen(source.read(last.cursor))
        assert not one.checkpoints.keys() & two.checkpoints.keys()
    with opened(played) as source:
        whole = twins.seen(source.read(""))
    stored = dict(rows(played, STORED))
    assert {thread: whole.stored(thread) for thread in stored} == stored
    assert one.checkpoints.items() <= whole.checkpoints.items()
    assert two.checkpoints.items() <= whole.checkpoints.items()
    merged = {key: one.writes.get(key, {}) | two.writes.get(key, {}) for key in whole.writes}
    late = {key for key in two.writes if key[0] not in two.checkpoints}
    assert late, "the resumed task wrote under an old checkpoint"
    new = one.checkpoints.keys() | two.checkpoints.keys()
    assert {key: held for key, held in merged.items() if key[0] in new} == {
        key: held for key, held in whole.writes.items() if key[0] in new
    }


def test_it_goes_on_after_any_batch(played: str) -> None:
    """A reader that is killed after a batch, and begins with its cursor, misses nothing."""
    with opened(played) as source:
        batches = list(source.read(""))
        everything = twins.seen(batches)
    for number in range(0, len(batches), 3):
        with opened(played) as source:
            rest = list(source.read(batches[number].cursor))
        together = twins.seen([*batches[: number + 1], *rest])
        assert together.checkpoints == everything.checkpoints
        assert together.writes == everything.writes
        assert rest[0].found[:1] != batches[0].found[:1], "it began anew"


def test_large_threads_are_read_in_parts(played: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of more checkpoints than fit into memory come one part after the other."""
    with opened(played) as source:
        whole = twins.seen(source.read(""))
    monkeypatch.setattr(postgres_first, "KEYS", 7)
    monkeypatch.setattr(postgres_first, "THREADS", 1)
    with open_saver(played) as saver:
        long_thread.play(long_thread.build(saver), "short", 1)
    with opened(played) as source:
        batches = list(source.read(""))
        found = twins.seen(batches)
    assert {k: v for k, v in found.checkpoints.items() if k[0] == "long-1"} == whole.checkpoints
    assert max(len(batch.found) for batch in batches) < 50
    assert {key[0] for key in found.checkpoints} == {"long-1", "short"}


def test_nothing_is_written(played: str) -> None:
    """The session is read-only by the server, named, and leaves the tables as they were."""
    state = "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables ORDER BY 1"
    tables = "SELECT relname, oid::int8 FROM pg_class ORDER BY oid"
    rows(played, "SELECT pg_stat_force_next_flush()")
    before, known = rows(played, state), rows(played, tables)
    with opened(played) as source:
        list(source.read(""))
        source.gauges()
        source.held("long-1")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            source.rows("DELETE FROM checkpoints")
        named = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        assert source.rows(named) == [("statemeter",)]
        (timeout,) = source.rows("SHOW statement_timeout")[0]
        assert timeout == "5s"
    assert (rows(played, state), rows(played, tables)) == (before, known)


def test_leftovers_are_counted(played: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes without a checkpoint and blobs without a user, but for those that may just be on
    their way; a write without a checkpoint is found as well, for its bytes are stored."""
    rows(
        played,
        "INSERT INTO checkpoint_writes VALUES ('lost', '', %s, 't', 0, 'c', 'msgpack', 'abcd'),"
        "('lost', '', %s, 't', 0, 'c', 'msgpack', 'fresh')",
        OLD, cursors.id_at(4_000_000_000),
    )  # fmt: skip
    rows(played, "INSERT INTO checkpoint_blobs VALUES ('lost', '', 'c', '1', 'msgpack', 'xyz'),"
         "('long-1', '', 'c', '1', 'msgpack', 'in a thread that is active')")  # fmt: skip
    with opened(played) as source:
        found = source.gauges()
        lost = [one for one in twins.all_of(source.read("")) if one.thread == "lost"]
    assert (found["orphan_writes"], found["orphan_write_bytes"]) == (1, 4)
    assert (found["orphan_blobs"], found["orphan_blob_bytes"]) == (1, 3)
    assert [one.writes for one in lost if not isinstance(one, FoundCheckpoint)] == [
        [(0, "c", 4)], [(0, "c", 5)],
    ]  # fmt: skip
    for name, sql in (
        ("checkpoints", "SELECT count(*) FROM checkpoints"),
        ("writes", "SELECT count(*) FROM checkpoint_writes"),
        ("threads", "SELECT count(DISTINCT thread_id) FROM checkpoints"),
        ("file_bytes", "SELECT sum(pg_total_relation_size(relid))::int8 FROM pg_stat_user_tables "
         "WHERE relname LIKE 'checkpoint%%' AND relname NOT LIKE '%%migrations'"),
    ):  # fmt: skip
        assert found[name] == rows(played, sql.replace("%%", "%"))[0][0], name
    monkeypatch.setattr(postgres_gauges, "LOOK_SECONDS", 0.0)
    with opened(played) as source:
        assert "orphan_writes" not in source.gauges(), "not told before all was looked at"


def test_what_is_gone(played: str) -> None:
    """A thread that was deleted has nothing; of another, what it has is named."""
    with open_saver(played) as saver:
        long_thread.play(long_thread.build(saver), "gone", 1)
        with opened(played) as source:
            before = source.counts(["long-1", "gone", "never"])
            saver.delete_thread("gone")
            after = source.counts(["long-1", "gone", "never"])
            held, gone = source.held("long-1"), source.held("gone")
    assert (before["gone"] > 0, before.get("never", 0)) == (True, 0)
    assert (after["long-1"], after.get("gone", 0)) == (before["long-1"], 0)
    assert (gone.checkpoints, gone.writes) == (set(), set())
    told = rows(played, "SELECT checkpoint_ns, checkpoint_id FROM checkpoints")
    assert held.checkpoints == set(told)
    writes = rows(played, "SELECT DISTINCT checkpoint_ns, checkpoint_id FROM checkpoint_writes")
    assert held.writes == set(writes)


def test_a_database_of_others_is_refused(postgres_database: str) -> None:
    """It says what is missing, and what to do."""
    with (
        pytest.raises(CouldNotLook, match=r"has no table checkpoints.*setup\(\)"),
        opened(postgres_database),
    ):
        pass


def test_a_server_that_ends_is_a_failure(played: str) -> None:
    """What the driver raises is named, so that the reader waits and opens anew."""
    with opened(played) as source:
        kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
        rows(played, kill, "statemeter")
        with pytest.raises(source.failures):
            list(source.read(""))
