"""Checkpoints of a SQLite file, found while its application may write to it."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from collector.attach import sqlite, sqlite_rows
from collector.attach.source import Batch, Found, FoundCheckpoint, FoundWrites
from collector.inspection import url
from collector.inspection.errors import CouldNotLook
from examples.backends.on_sqlite import open_saver
from statemeter.serializers import CompressedSerializer, adopt
from storage.store import open_writer
from tests import long_thread


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in which a thread was played: sends, a subgraph, interrupts, a fork."""
    path = tmp_path_factory.mktemp("sqlite") / "chat.sqlite"
    with open_saver(str(path)) as saver:
        long_thread.play(long_thread.build(saver), "long-1", 12, fork_every=6)
    return path


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite.SqliteSource]:
    """The source of a file."""
    with sqlite.opened(url.parse(str(path))) as source:
        yield source


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What SQLite itself says."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def all_of(batches: Iterator[Batch]) -> list[Found]:
    """Everything in them."""
    return [one for batch in batches for one in batch.found]


def put(saver: SqliteSaver, thread: str, **values: object) -> str:
    """One checkpoint without a parent; its id."""
    made = empty_checkpoint()
    made["channel_values"] = values
    made["channel_versions"] = dict.fromkeys(values, 1)
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    saver.put(config, made, {"step": -1, "source": "input"}, made["channel_versions"])
    return made["id"]


def test_every_row_is_found_with_its_bytes(played: Path) -> None:
    """Each checkpoint and each pending write once, with the lengths and the parent that SQL tells,
    and what its metadata says."""
    with opened(played) as source:
        found = all_of(source.read(""))
    checkpoints = [one for one in found if isinstance(one, FoundCheckpoint)]
    told = {
        (c.thread, c.ns, c.checkpoint, c.parent, c.document_bytes, c.metadata_bytes)
        for c in checkpoints
    }
    assert len(told) == len(checkpoints)
    assert told == set(
        rows(
            played,
            "SELECT thread_id, checkpoint_ns, checkpoint_id, coalesce(parent_checkpoint_id, ''), "
            "length(checkpoint), length(metadata) FROM checkpoints",
        )
    )
    steps = rows(played, "SELECT checkpoint_id, metadata FROM checkpoints")
    metadata = {checkpoint: json.loads(text) for checkpoint, text in steps}
    for one in checkpoints:
        assert one.step == metadata[one.checkpoint]["step"]
        assert one.source == metadata[one.checkpoint]["source"]
        assert sum(one.channels.values()) + one.bookkeeping_bytes < one.document_bytes  # type: ignore[arg-type]
    writes = [
        (w.thread, w.ns, w.checkpoint, w.task, index, channel, size)
        for w in found
        if isinstance(w, FoundWrites)
        for index, channel, size in w.writes
    ]
    assert sorted(writes) == sorted(
        rows(
            played,
            "SELECT thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, length(value) "
            "FROM writes",
        )
    )


def test_order_is_one_in_which_it_can_have_been_written(played: Path) -> None:
    """A parent comes before its children, writes after their checkpoint."""
    with opened(played) as source:
        found = all_of(source.read(""))
    seen: set[tuple[str, str]] = set()
    for one in found:
        if isinstance(one, FoundCheckpoint):
            assert not one.parent or (one.ns, one.parent) in seen
            seen.add((one.ns, one.checkpoint))
        else:
            assert (one.ns, one.checkpoint) in seen


def test_writes_name_their_nodes(played: Path) -> None:
    """Nodes of triggered tasks and of sends; none of LangGraph's own."""
    with opened(played) as source:
        nodes = {one.node for one in all_of(source.read("")) if isinstance(one, FoundWrites)}
    assert nodes == {"listen", "research", "fetch", "answer", "approve", "look_up", "check", ""}


def test_reading_goes_on_at_any_cursor(played: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches of any size, and after a restart at each of them: the same, each once."""
    with opened(played) as source:
        whole = all_of(source.read(""))
    monkeypatch.setattr(sqlite_rows, "BATCH_BYTES", 20_000)
    monkeypatch.setattr(sqlite_rows, "WRITES_ROWS", 7)
    monkeypatch.setattr(
        sqlite_rows, "_WRITES", sqlite_rows._WRITES.replace("LIMIT 2000", "LIMIT 7")
    )
    with opened(played) as source:
        batches = list(source.read(""))
        assert len(batches) > 20
        assert all(len(batch.cursor) < 1000 for batch in batches)
        told = sum(batch.read_bytes for batch in batches)
        everything = [one for batch in batches for one in batch.found]
        assert sorted(map(repr, everything)) == sorted(map(repr, whole))
        assert told == sum(
            rows(played, f"SELECT sum(length({column})) FROM {table}")[0][0]
            for table, column in (("checkpoints", "checkpoint"), ("writes", "value"))
        )
        for place in range(0, len(batches), 9):
            rest = all_of(source.read(batches[place].cursor))
            after = [one for batch in batches[place + 1 :] for one in batch.found]
            assert sorted(map(repr, rest)) == sorted(map(repr, after))
        assert list(source.read(batches[-1].cursor)) == []


def test_what_comes_later_is_found_then(tmp_path: Path) -> None:
    """``changed`` tells that there is something new, and only then; it alone is read."""
    path = tmp_path / "chat.sqlite"
    with open_saver(str(path)) as saver:
        put(saver, "a", text="x")
        with opened(path) as source:
            assert source.changed()
            (batch,) = source.read("")
            assert not source.changed()
            new = put(saver, "b", text="y")
            assert source.changed()
            (later,) = source.read(batch.cursor)
            assert [one.checkpoint for one in later.found] == [new]
            assert not source.changed()


def test_rowids_that_come_back(tmp_path: Path) -> None:
    """The newest thread is deleted, another takes its rowids: it is found."""
    path = tmp_path / "chat.sqlite"
    with open_saver(str(path)) as saver:
        put(saver, "a", text="x")
        put(saver, "b", text="x")
        with opened(path) as source:
            (batch,) = source.read("")
            saver.delete_thread("b")
            new = put(saver, "c", text="x")
            assert rows(path, "SELECT max(rowid) FROM checkpoints") == [(2,)]
            (later,) = source.read(batch.cursor)
            assert [one.checkpoint for one in later.found] == [new]


def test_a_checkpoint_that_was_put_again_is_found_again(tmp_path: Path) -> None:
    """``INSERT OR REPLACE`` gives it a new row."""
    path = tmp_path / "chat.sqlite"
    with open_saver(str(path)) as saver:
        checkpoint = put(saver, "a", text="x")
        put(saver, "a", text="x")
        with opened(path) as source:
            (batch,) = source.read("")
            again = empty_checkpoint() | {"id": checkpoint, "channel_values": {"text": "longer"}}
            config = {"configurable": {"thread_id": "a", "checkpoint_ns": ""}}
            saver.put(config, again, {}, {})  # type: ignore[arg-type]
            (later,) = source.read(batch.cursor)
            assert [one.checkpoint for one in later.found] == [checkpoint]


def test_counts_and_what_is_held(played: Path) -> None:
    """Per thread, as SQL counts; unknown threads have none."""
    with opened(played) as source:
        (count,) = rows(played, "SELECT count(*) FROM checkpoints")
        assert source.counts(["long-1", "other"]) == {"long-1": count[0], "other": 0}
        held = source.held("long-1")
        for table, found in (("checkpoints", held.checkpoints), ("writes", held.writes)):
            expected = f"SELECT DISTINCT checkpoint_ns, checkpoint_id FROM {table}"
            assert found == set(rows(played, expected))
        assert source.held("other").checkpoints == set()


def test_gauges_count_orphans_and_dead_space(tmp_path: Path) -> None:
    """Pending writes without their checkpoint, and pages that hold nothing, as SQL tells."""
    path = tmp_path / "chat.sqlite"
    with open_saver(str(path)) as saver:
        for number in range(50):
            put(saver, f"t{number % 5}", text="x" * 5000)
            config = {"configurable": {
                "thread_id": "t1", "checkpoint_ns": "", "checkpoint_id": f"gone-{number % 2}",
            }}  # fmt: skip
            saver.put_writes(config, [("a", "y" * number), ("b", number)], f"task {number}")  # type: ignore[arg-type]
        saver.conn.execute("DELETE FROM checkpoints WHERE thread_id = 't0'")
        saver.conn.commit()
        with opened(path) as source:
            found = source.gauges()
        size, free = (
            saver.conn.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "freelist_count")
        )
    (orphans,) = rows(path, "SELECT count(*), sum(length(value)) FROM writes")
    assert (found["orphan_writes"], found["orphan_write_bytes"]) == orphans
    assert found["dead_bytes"] == size * free > 0
    assert (found["checkpoints"], found["threads"], found["namespaces"]) == (40, 4, 4)
    assert found["writes"] == 100
    assert found["file_bytes"] > 0


def test_a_table_of_an_older_version_is_read(tmp_path: Path) -> None:
    """Without task paths, metadata as text, types missing: what is there is told."""
    path = tmp_path / "old.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE checkpoints (thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, "
            "parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB, metadata BLOB, "
            "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id));"
            "CREATE TABLE writes (thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, "
            "task_id TEXT, idx INTEGER, channel TEXT, type TEXT, value BLOB, "
            "PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx));"
            "INSERT INTO checkpoints VALUES ('a', '', '1', NULL, NULL, x'80', '{\"step\": 3}');"
            "INSERT INTO checkpoints VALUES ('a', '', '2', '1', 'json', "
            '\'{"ts": "2024-01-01T00:00:00+00:00", "channel_versions": {"x": 2}, '
            '"channel_values": {"x": "ä"}}\', NULL);'
            "INSERT INTO checkpoints VALUES (CAST(x'ff' AS TEXT), '', '3', '', 'x', NULL, '{');"
            "INSERT INTO writes VALUES ('a', '', '1', 't', 0, 'x', NULL, 'ä');"
        )
    with opened(path) as source:
        (batch,) = source.read("")
    first, writes, third, second = sorted(batch.found, key=lambda one: (one.at_us, one.checkpoint))
    assert isinstance(first, FoundCheckpoint)
    assert (first.step, first.channels_unknown, first.document_bytes) == (3, "?", 1)
    assert isinstance(second, FoundCheckpoint)
    assert (second.channels, second.at_us) == ({"x": 4}, 1_704_067_200_000_000)
    assert second.metadata_bytes == -1
    assert isinstance(third, FoundCheckpoint)
    assert (third.thread, third.document_bytes, third.channels_unknown) == ("�", 0, "unreadable")
    assert isinstance(writes, FoundWrites)
    assert (writes.writes, writes.node) == ([(0, "x", 2)], "")


def test_nothing_of_the_file_is_changed_and_no_writer_waits(played: Path) -> None:
    """The reader cannot write, holds no lock between batches, and leaves the bytes as they are."""
    before = played.read_bytes()
    with opened(played) as source:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            source._connection.execute("CREATE TABLE x (y)")
        batches = source.read("")
        next(batches)
        with contextlib.closing(sqlite3.connect(played, timeout=0)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            writer.execute("ROLLBACK")
        list(batches)
        source.gauges()
    assert played.read_bytes() == before


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "no file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_text("text"), "not a SQLite database"),
        (lambda path: path.write_bytes(b""), "has no checkpoints: it is empty"),
        (lambda path: open_writer(f"sqlite:///{path}").dispose(), "is a metrics store"),
        (lambda path: create(path, "cache"), "has no checkpoints: it holds cache"),
        (lambda path: create(path, "users"), "not a database of LangGraph"),
    ],
)
def test_what_cannot_be_attached_says_why(tmp_path: Path, make: object, says: str) -> None:
    """One line that names the thing and the fix."""
    path = tmp_path / "file"
    make(path)  # type: ignore[operator]
    with pytest.raises(CouldNotLook, match=says) as raised, opened(path):
        pass
    assert "\n" not in str(raised.value)


def create(path: Path, table: str) -> None:
    """A file with one table."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE {table} (x)")


def test_a_file_that_was_replaced_is_noticed(tmp_path: Path) -> None:
    """Its reader would go on reading the one that is gone."""
    path, other = tmp_path / "chat.sqlite", tmp_path / "other.sqlite"
    for file in (path, other):
        with open_saver(str(file)) as saver:
            put(saver, "a", text="x")
    with opened(path) as source:
        assert source.changed()
        os.replace(other, path)
        with pytest.raises(OSError, match="replaced"):
            source.changed()


def test_compressed_checkpoints_tell_all_but_sizes_of_channels(tmp_path: Path) -> None:
    """Of a thread under a CompressedSerializer: which channels a step changed, who ran, and why the
    sizes of channels are missing; stored bytes are those of the file."""
    told: dict[str, list[FoundCheckpoint]] = {}
    for name, serde in (("plain", None), ("compressed", CompressedSerializer(min_bytes=0))):
        path = tmp_path / f"{name}.sqlite"
        with open_saver(str(path)) as saver:
            if serde is not None:
                adopt(saver, serde)
            long_thread.play(long_thread.build(saver), "long-1", 6, fork_every=6)
        with opened(path) as source:
            found = all_of(source.read(""))
        told[name] = [one for one in found if isinstance(one, FoundCheckpoint)]
        assert (
            sum(one.document_bytes for one in told[name])
            == rows(path, "SELECT sum(length(checkpoint)) FROM checkpoints")[0][0]
        )
    steps = [
        Counter((one.ns.partition(":")[0], one.step, *sorted(one.changed or [])) for one in found)
        for found in told.values()
    ]
    assert steps[0] == steps[1]
    for compressed in told["compressed"]:
        assert compressed.serializer == "zstd:msgpack"
        assert compressed.channels_unknown == "compressed"
        assert compressed.bookkeeping_bytes == -1
        assert {name: size for name, size in compressed.channels.items() if size} == {}
