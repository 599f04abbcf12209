"""A recorded thread, and the checkpoints of an attached database, done again elsewhere."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from collector.compare import made_up, repack, scripts
from collector.compare.replay import Replay
from collector.compare.timing import Times, timed
from collector.jobs.errors import CannotRun
from statemeter import settings
from storage import sources
from storage.comparisons import Asked, Comparison
from storage.sources import Source
from storage.workloads import Size
from tests.collector.attach import attaching
from tests.collector.compare.comparing import compare, request
from tests.collector.compare.talking import conversation
from tests.collector.made import collect
from tests.conftest import REPOSITORY


def stored(path: Path, where: str = "") -> int:
    """Bytes of checkpoints and writes in a file."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return sum(
            connection.execute(f"SELECT coalesce(sum(length({column})), 0) FROM {table} {where}")
            .fetchone()[0]
            for column, table in (("checkpoint", "checkpoints"), ("value", "writes"))
        )  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose thread was measured, beside the store and the spool that have it."""
    folder = tmp_path_factory.mktemp("recorded")
    path = folder / "chat.sqlite"
    subprocess.run(
        [sys.executable, "-m", "tests.collector.compare.talking", str(path)],
        cwd=REPOSITORY, check=True, env=os.environ | {"STATEMETER_SPOOL": str(folder / "spool")},
    )  # fmt: skip
    collect(folder / "spool", folder / "store.sqlite")
    return path


def beside(path: Path) -> dict[str, str]:
    """Store and spool, as a job has them."""
    return {"store": str(path.parent / "store.sqlite"), "spool": str(path.parent / "spool")}


def replayed(asked: Asked, source: Path, target: Path) -> tuple[Replay, Comparison]:
    """Do a recording again, once, into a file of the test's own."""
    result = Comparison()
    script = scripts.make(asked, beside(source), result, lambda phase: None)
    assert isinstance(script, Replay)
    with SqliteSaver.from_conn_string(str(target)) as saver:
        saver.serde = script.serde
        times = Times()
        talk = script.conversation(timed(saver, times), "t0", "sync", times)
        for number in range(talk.turns):
            talk.turn(number)
    return script, result


def test_a_recorded_thread_has_its_bytes(recorded: Path, tmp_path: Path) -> None:
    """Within 3 % of what the thread itself holds, in as many checkpoints; values are not its."""
    asked = Asked(workload="thread", thread="talk", size=Size(turns=1000, threads=1))
    again = tmp_path / "again.sqlite"
    _, result = replayed(asked, recorded, again)
    assert stored(again) == pytest.approx(stored(recorded), rel=0.03)
    with (
        contextlib.closing(sqlite3.connect(recorded)) as one,
        contextlib.closing(sqlite3.connect(again)) as other,
    ):
        for sql in (
            "SELECT count(*) FROM checkpoints",
            "SELECT count(*) FROM writes",
            "SELECT group_concat(checkpoint_id) FROM (SELECT * FROM checkpoints ORDER BY 3)",
        ):
            assert one.execute(sql).fetchone() == other.execute(sql).fetchone()
        sizes = [
            [size for (size,) in db.execute("SELECT length(checkpoint) FROM checkpoints ORDER BY "
                                            "checkpoint_id")]
            for db in (one, other)
        ]  # fmt: skip
        assert sizes[1] == pytest.approx(sizes[0], rel=0.05, abs=40)
        dump = b"".join(row for (row,) in other.execute("SELECT checkpoint FROM checkpoints"))
        assert b"hello" not in dump
    assert any("Assumed: zlib leaves 40%" in note for note in result.notes)


def test_compressibility_is_measured_where_values_may_be_read(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the thread's own newest checkpoint; what is made up is as compressible, roughly."""
    monkeypatch.setenv("STATEMETER_SHOW_VALUES", "1")
    monkeypatch.setenv("STATEMETER_ROOTS", str(recorded.parent))
    asked = Asked(workload="thread", thread="talk", size=Size(turns=1000, threads=1))
    _, result = replayed(asked, recorded, tmp_path / "again.sqlite")
    with contextlib.closing(sqlite3.connect(recorded)) as connection:
        (newest,) = connection.execute(
            "SELECT checkpoint FROM checkpoints ORDER BY checkpoint_id DESC LIMIT 1"
        ).fetchone()
    share = len(zlib.compress(newest)) / len(newest)
    assert any(f"zlib leaves {share:.0%} of its newest checkpoint" in n for n in result.notes)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7])
def test_made_up_text_is_as_compressible_as_asked_for(share: float) -> None:
    """Within a twentieth; and of the very length, as msgpack has it."""
    made = made_up.text(50_000, share, 1).encode()
    assert len(zlib.compress(made)) / len(made) == pytest.approx(share, abs=0.05)
    for size in (1, 2, 31, 32, 33, 34, 257, 258, 300, 65_538, 65_539, 70_000):
        packed = ormsgpack.packb(made_up.packed_text(size, share, 2))
        assert abs(len(packed) - size) <= 2, size


def test_an_unknown_thread_is_said(recorded: Path) -> None:
    """With where to find those that there are."""
    with pytest.raises(CannotRun, match=r"No thread 'other' was recorded\. The Threads page"):
        scripts.make(
            Asked(workload="thread", thread="other"), beside(recorded), Comparison(),
            lambda phase: None,
        )  # fmt: skip


def test_real_checkpoints_are_moved_without_becoming_objects(
    isolated: Path, tmp_path: Path, redis_stack_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte where a saver takes a serializer; on Redis as plain fields. The database is
    only read, and no class of its values is looked up."""
    isolated.mkdir(exist_ok=True)
    path, spool = isolated / "chat.sqlite", settings.spool_folder()
    with conversation(path) as saver:
        saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    key = attaching.key_of(path)
    sources.add(spool, Source(key=key, backend="sqlite", url=str(path), shown="chat", created_us=1))
    attaching.attach(path, spool, isolated / "store.sqlite")

    def forbidden(*given: Any, **named: Any) -> Any:
        raise AssertionError("an object was made of a value")

    monkeypatch.setattr(HumanMessage, "__init__", forbidden)
    asked = Asked(workload="source", saver=key, size=Size(turns=1000, threads=1))
    again = tmp_path / "again.sqlite"
    replayed(asked, path, again)
    rows = "SELECT thread_id = 'x', checkpoint_id, checkpoint FROM checkpoints ORDER BY 2"
    with (
        contextlib.closing(sqlite3.connect(path)) as one,
        contextlib.closing(sqlite3.connect(again)) as other,
    ):
        assert one.execute(rows).fetchall() == other.execute(rows).fetchall()
        rows = "SELECT checkpoint_id, task_id, channel, type, value FROM writes ORDER BY 1, 2, 3"
        assert one.execute(rows).fetchall() == other.execute(rows).fetchall()
    told = request(
        isolated, redis_stack_url, always=("memory", "sqlite"), workload="source", saver=key,
        size=Size(turns=1000, threads=1), modes=["sync", "async"],
    )  # fmt: skip
    found = compare(told)
    assert [one.problem for one in found.backends] == ["", "", ""]
    assert any("real checkpoints of 1 threads" in note for note in found.notes)
    assert any("RedisSaver keeps JSON" in note for note in found.notes)
    assert path.read_bytes() == before


def test_what_is_hostile_stays_bytes() -> None:
    """An extension that would import something is packed again as it is; JSON marks are undone."""
    hostile = ormsgpack.packb(
        {"a": [ormsgpack.Ext(0, ormsgpack.packb(("no.such.module", "Class", "x")))], 1: b"\x00"},
        option=ormsgpack.OPT_NON_STR_KEYS,
    )
    assert repack.packed(repack.unpacked(hostile)) == hostile
    serializer = repack.Repack()
    assert serializer.dumps_typed(serializer.loads_typed(("msgpack", hostile)))[1] == hostile
    assert "no.such.module" not in sys.modules
    plain = repack.plain(repack.unpacked(hostile))
    assert plain == {"a": [["no.such.module", "Class", "x"]], "1": "00"}
    assert repack.plain({"lc": 2, "id": ["os", "system"]}) == {"lc_": 2, "id": ["os", "system"]}
    message = JsonPlusSerializer().dumps_typed(HumanMessage("hi", id="1"))[1]
    assert repack.packed(repack.unpacked(message)) == message
