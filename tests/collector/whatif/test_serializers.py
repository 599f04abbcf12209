"""A trial of a real thread on each backend, and whether what it predicts comes true."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from statemeter import serializers
from storage.serializer_advice import advise, thread_bytes
from storage.serializer_trials import ADOPTABLE, FORMATS, Candidate, Trial
from tests import long_thread
from tests.collector.viewer.asking import attach
from tests.collector.whatif.trying import asked, steps_of, told, trial
from tests.conftest import StartChild
from tests.statemeter.opened import Servers, opened
from tests.statemeter.serializers.working import VALUES, Colour, Order, build, turn

MARK = "a-word-that-must-not-be-kept"
ALLOWED: Any = {"allowed_msgpack_modules": [Colour, Order]}


def play(path: Path, serde: Any = None, turns: int = 4) -> list[Any]:
    """A thread in a file; its steps."""
    connection = sqlite3.connect(path, check_same_thread=False)
    saver = SqliteSaver(connection, serde=serde)
    long_thread.play(long_thread.build(saver), "long", turns)
    steps = steps_of(saver, "long")
    connection.close()
    return steps


def held(path: Path) -> int:
    """Bytes of checkpoints and pending writes, by SQLite's account."""
    connection = sqlite3.connect(path)
    total = connection.execute(
        "SELECT (SELECT sum(length(checkpoint)) FROM checkpoints) + "
        "(SELECT sum(length(value)) FROM writes)"
    ).fetchone()[0]
    connection.close()
    return int(total)


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The spool of a test; files of its folder may be read."""
    monkeypatch.setenv("STATEMETER_ROOTS", str(tmp_path))
    return tmp_path / "spool"


def test_what_is_predicted_comes_true(tmp_path: Path, spool: Path) -> None:
    """The recommended serializer, and each that can be adopted, really given to the same graph:
    within 10 % of the predicted bytes, of a sample of the steps as well."""
    steps = play(tmp_path / "today.sqlite")
    database = str(tmp_path / "today.sqlite")
    whole = trial(spool, asked("sqlite", "long", steps, database=database, rounds=1))
    some = asked("sqlite", "long", steps[::3], database=database, rounds=1)
    some |= {"of_steps": len(steps), "thread_bytes": held(tmp_path / "today.sqlite")}
    sample = trial(spool, some)
    assert whole.steps == len(steps)
    assert whole.today == "msgpack"
    assert whole.stored_bytes * whole.steps == held(tmp_path / "today.sqlite")
    today = whole.of("msgpack")
    assert today is not None
    assert today.bytes == pytest.approx(whole.stored_bytes)  # what is measured is what is stored
    best = advise(whole).best
    assert best is not None
    assert best.codec
    tried = {(one.format, one.codec): one for one in whole.candidates if _plain(one)}
    for (format_, codec), one in tried.items():
        if format_ != "msgpack" and one is not best:
            continue  # the same bytes
        path = tmp_path / f"{format_}-{codec}.sqlite"
        play(path, _serializer(format_, codec))
        measured = held(path) / len(steps)
        assert one.bytes == pytest.approx(measured, rel=0.10)
        sampled = sample.of(one.name)
        assert sampled is not None
        assert thread_bytes(sample, sampled) == pytest.approx(held(path), rel=0.10)


def _plain(one: Candidate) -> bool:
    return one.adoptable and not one.encrypted


def _serializer(format_: str, codec: str) -> Any:
    inner = getattr(serializers, ADOPTABLE[format_] or "", JsonPlusSerializer)()
    return serializers.CompressedSerializer(inner, codec=codec) if codec else inner


@pytest.mark.parametrize(
    ("backend", "name", "fixture"),
    [
        ("postgres", "postgres", "postgres_database"), ("mongodb", "mongodb", "mongo_url"),
        ("valkey", "valkey", "redis_url"),
    ],
)  # fmt: skip
async def test_a_thread_on_a_server(  # noqa: PLR0917 (fixtures)
    backend: str, name: str, fixture: str, request: pytest.FixtureRequest, tmp_path: Path,
    spool: Path,
) -> None:  # fmt: skip
    """Read where it is attached; what goes through its serializer is what the saver wrote."""
    async with opened(name, Servers(request, tmp_path), serde=Counting()) as saver:
        counting = saver.serde
        await turn(build(saver), backend, "hello")
        steps = steps_of(saver, backend)
        url = request.getfixturevalue(fixture)
        attach(spool, backend, f"{url}/{saver.db.name}" if backend == "mongodb" else url)
        layout = "channels" if backend == "postgres" else "whole"
        found = trial(spool, asked(backend, backend, steps, layout=layout, rounds=1))
    assert found.unread == {}
    assert found.today == "msgpack"
    one = found.of("msgpack")
    assert one is not None
    assert one.bytes == pytest.approx(found.stored_bytes)
    if backend != "valkey":  # its list() leaves subgraphs out
        assert found.values == counting.count
        assert one.bytes * found.steps == pytest.approx(counting.bytes)
    assert one.lossless
    assert f"{Order.__module__}.Order" in found.stand_ins
    assert advise(found).kind == "smaller"


class Counting(JsonPlusSerializer):
    """LangGraph's own, which counts what it wrote of checkpoints, channels and writes."""

    def __init__(self) -> None:
        super().__init__(**ALLOWED)
        self.count = self.bytes = 0

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        tag, data = super().dumps_typed(obj)
        # Metadata is not among what is measured.
        if sys._getframe(1).f_code.co_name not in ("dumps_metadata", "_dump_metadata"):
            self.count += 1
            self.bytes += len(data)
        return tag, data


def test_fidelity_by_type(tmp_path: Path, spool: Path) -> None:
    """What JSON loses of which type, and that nothing else does; classes of the application stay
    names."""
    connection = sqlite3.connect(tmp_path / "c.sqlite", check_same_thread=False)
    saver = SqliteSaver(connection, serde=JsonPlusSerializer(**ALLOWED))
    graph = build(saver)
    graph.invoke({"messages": [("user", MARK * 20)]}, {"configurable": {"thread_id": "one"}})
    steps = steps_of(saver, "one")[-2:]
    connection.close()
    database = str(tmp_path / "c.sqlite")
    found = trial(spool, asked("sqlite", "one", steps, database=database, rounds=1))
    for name in ("msgpack", "msgspec", "pickle", "msgpack+zstd", "msgspec+lz4+aes"):
        one = found.of(name)
        assert one is None or one.lossless, name
    for name in ("json", "orjson", "msgspec-json"):
        one = found.of(name)
        assert one is not None
        changes = {(change.type, change.became) for change in one.changes}
        order, colour = f"{Order.__module__}.Order", f"{Colour.__module__}.Colour"
        assert changes >= {
            ("HumanMessage", "dict"), ("AIMessage", "dict"), ("datetime", "str"),
            ("set", "list"), ("UUID", "str"), ("bytes", "str"), (order, "dict"), (colour, "str"),
            ("int as key of a map", "str"),
        }  # fmt: skip
        assert not one.adoptable
        assert ("str", "another value") not in changes
    assert found.stand_ins.keys() == {order, colour}
    assert len(found.candidates) == len(FORMATS) * 6
    assert VALUES["order"] == Order(3, "three")
    written = b"".join(path.read_bytes() for path in spool.rglob("*") if path.is_file())
    assert MARK.encode() not in written


def test_nothing_is_imported(tmp_path: Path, spool: Path) -> None:
    """A class named in the database is not looked up: its module would say so."""
    canary = tmp_path / "canary.py"
    canary.write_text(f"open({str(tmp_path / 'imported')!r}, 'w').close()\nclass C: ...\n")
    program = f"""
import sqlite3, sys; sys.path.insert(0, {str(tmp_path)!r})
import dataclasses
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.base import empty_checkpoint
C = dataclasses.make_dataclass("C", ["n"], namespace={{"__module__": "canary"}})
C.__module__ = "canary"
saver = SqliteSaver(sqlite3.connect({str(tmp_path / "c.sqlite")!r}, check_same_thread=False))
values = {{"channel_values": {{"x": [C(1)] * 9}}, "channel_versions": {{"x": 1}}}}
made = empty_checkpoint() | values
saver.put({{"configurable": {{"thread_id": "t", "checkpoint_ns": ""}}}}, made, {{}}, {{"x": 1}})
print(made["id"])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True)  # fmt: skip
    wanted = asked("sqlite", "t", [("", done.stdout.strip(), "")], rounds=1,
                   database=str(tmp_path / "c.sqlite"))  # fmt: skip
    found = trial(spool, wanted, PYTHONPATH=str(tmp_path))
    assert found.stand_ins == {"canary.C": 9}
    assert not (tmp_path / "imported").exists()
    one = found.of("msgpack")
    assert one is not None
    assert one.bytes == found.stored_bytes  # a stand-in is written as the object was


def test_today_is_seen(tmp_path: Path, spool: Path) -> None:
    """A thread that is compressed already: today's candidate, and advice to stay."""
    steps = play(tmp_path / "c.sqlite", serializers.CompressedSerializer(codec="zstd"), 2)
    found = trial(spool, asked("sqlite", "long", steps[::4], database=str(tmp_path / "c.sqlite"),
                               rounds=1))  # fmt: skip
    assert found.today == "msgpack+zstd"
    one = found.of(found.today)
    assert one is not None
    assert one.bytes == pytest.approx(found.stored_bytes, rel=0.01)


@pytest.mark.parametrize(
    ("serde", "env", "said"),
    [
        (None, {"STATEMETER_SHOW_VALUES": "0"}, "STATEMETER_SHOW_VALUES=1"),
        (EncryptedSerializer.from_pycryptodome_aes(key=b"0" * 16), {}, "encrypted"),
    ],
    ids=["off", "encrypted"],
)
def test_what_cannot_be_measured_says_why(
    serde: Any, env: dict[str, str], said: str, tmp_path: Path, spool: Path
) -> None:
    """The job fails with the reason and the fix."""
    steps = play(tmp_path / "c.sqlite", serde, 2)[:3]
    ended = told(spool, asked("sqlite", "long", steps, database=str(tmp_path / "c.sqlite")), **env)
    assert ended.state == "failed"
    assert said in ended.problem


def test_steps_that_are_gone_are_counted(tmp_path: Path, spool: Path) -> None:
    """The others are measured; a thread of which none is left fails."""
    steps = play(tmp_path / "c.sqlite", None, 2)
    gone = [("", "0" * 36, ""), *steps[:2]]
    database = str(tmp_path / "c.sqlite")
    found = trial(spool, asked("sqlite", "long", gone, database=database, rounds=1))
    assert (found.steps, found.skipped) == (2, 1)
    ended = told(spool, asked("sqlite", "long", gone[:1], database=database))
    assert (ended.state, "any longer" in ended.problem) == ("failed", True)
    ended = told(spool, asked("postgres", "long", gone[:1]))
    assert "Connect the database" in ended.problem
    ended = told(spool, {"thread": "x"})
    assert "cannot be understood" in ended.problem


def test_measured(tmp_path: Path, spool: Path) -> None:
    """Numbers of every candidate agree with each other."""
    steps = play(tmp_path / "c.sqlite", None, 2)
    found: Trial = trial(spool, asked("sqlite", "long", steps[::6], rounds=3,
                                      database=str(tmp_path / "c.sqlite")))  # fmt: skip
    for one in found.candidates:
        assert one.measured
        assert one.bytes > 0
        assert min(one.dump_us, one.load_us) > 0
        assert 0 < one.low_us <= one.high_us
        plain = found.of(one.format)
        assert plain is not None
        if one.codec and not one.encrypted:
            assert one.bytes <= plain.bytes
            assert one.dump_us > plain.dump_us * 0.99
        if one.encrypted and not one.codec:
            assert one.bytes == plain.bytes + 32 * found.values / found.steps  # nonce and tag


def test_a_thread_in_memory(start_child: StartChild, isolated: Path, tmp_path: Path) -> None:
    """An InMemorySaver's states come from its process, while it runs."""
    out = tmp_path / "told.json"
    child = start_child(
        "-m", "tests.collector.viewer.telling", "memory", "", str(out), stdin=subprocess.PIPE,
        env={"STATEMETER_SHOW_VALUES": "1", "STATEMETER_FLUSH_SECONDS": "0.02"},
    )  # fmt: skip
    while not out.exists():
        assert child.poll() is None, child.log_path.read_text()  # type: ignore[attr-defined]
        time.sleep(0.02)
    said = json.loads(out.read_text("utf-8"))
    folder = isolated / "spool" / "control" / said["incarnation"]
    while not folder.is_dir():
        assert child.poll() is None
        time.sleep(0.02)
    steps = [(one["ns"], one["id"], one["parent"]) for one in said["checkpoints"][:4]]
    wanted = asked("memory", "memory", steps, layout="channels", rounds=1) | {
        "saver": said["key"], "incarnations": [said["incarnation"]],
    }  # fmt: skip
    found = trial(isolated / "spool", wanted)
    child.communicate("")
    assert (found.steps, found.unread, found.today) == (4, {}, "msgpack")
    one = found.of("msgpack")
    assert one is not None
    assert one.bytes == found.stored_bytes
    ended = told(isolated / "spool", wanted)
    assert (ended.state, "STATEMETER_SHOW_VALUES=1" in ended.problem) == ("failed", True)
