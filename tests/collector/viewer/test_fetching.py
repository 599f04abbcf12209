"""Values of every checkpoint of a real graph, on each backend, against LangGraph's own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pymongo
import pytest
import redis

from collector.inspection import url
from collector.viewer import redis as reading
from storage.values import Answer
from tests.collector.viewer.asking import Asking, attach
from tests.collector.viewer.test_decoding import assert_within
from tests.conftest import REPOSITORY, StartChild

FIXTURES = {
    "postgres": "postgres_database", "redis": "redis_stack_url", "valkey": "redis_url",
    "mongodb": "mongo_url",
}  # fmt: skip
KINDS = [
    "sqlite", "async-sqlite", "postgres", "async-postgres", "shallow-postgres",
    "redis", "async-redis", "shallow-redis", "valkey", "async-valkey", "mongodb",
]  # fmt: skip
SENDS = "__pregel_tasks"
SNAPSHOT = "langgraph.checkpoint.serde.types._DeltaSnapshot"

Told = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """``told(kind, url, out)``: what LangGraph has of each checkpoint of a thread that was played,
    told by an application's process, which plays all of a module's."""
    application = subprocess.Popen(
        [sys.executable, "-m", "tests.collector.viewer.telling"], cwd=REPOSITORY, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert application.stdin is not None
    assert application.stdout is not None
    asked, answered = application.stdin, application.stdout

    def tell(kind: str, url: str, out: Path, *more: str) -> list[dict[str, Any]]:
        print(json.dumps([kind, url, str(out), *more]), file=asked, flush=True)
        assert "told\n" in iter(answered.readline, ""), application.wait()
        found: list[dict[str, Any]] = json.loads(out.read_text("utf-8"))["checkpoints"]
        return found

    yield tell
    asked.close()
    assert application.wait(60) == 0
    answered.close()


@pytest.mark.parametrize("delta", [False, True], ids=["plain", "delta"])
@pytest.mark.parametrize("kind", KINDS)
def test_values_are_those_that_langgraph_has(
    kind: str, delta: bool, told: Told, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Channels, metadata, parent and pending writes of each checkpoint, of the subgraphs' too."""
    if delta and kind.startswith(("async", "shallow")):
        pytest.skip("as its sync twin; a shallow saver has no ancestors")
    backend = kind.rpartition("-")[2]
    url = str(tmp_path / "c.sqlite")
    if backend != "sqlite":
        url = request.getfixturevalue(FIXTURES[backend])
    checkpoints = told(kind, url, tmp_path / "told.json", *(["--delta"] if delta else []))
    if backend == "mongodb":
        url = f"{url}/checkpointing_db"
    attach(tmp_path, backend, url)
    before = content(backend, url)
    newest: dict[str, str] = {}
    thread = f"{kind}-delta" if delta else kind
    with Asking(tmp_path) as asking:
        assert len(checkpoints) >= (40 if "shallow" not in kind else 1)
        for one in checkpoints:
            answer = asking.ask(backend, one["id"], ns=one["ns"], thread=thread)
            assert_same(answer, one, json_in_redis=kind.endswith("redis"))
            newest[one["ns"]] = max(one["id"], newest.get(one["ns"], ""))
        for ns, name in newest.items():
            found = asking.ask(backend, ns=ns, thread=thread).checkpoint
            assert found == name or backend in ("redis", "valkey")  # theirs is the one put last
        assert "no such checkpoint" in asking.ask(backend, "0" * 32, thread=thread).problem
        assert "no such checkpoint" in asking.ask(backend, ns="nowhere", thread=thread).problem
        assert "no such checkpoint" in asking.ask(backend, thread="nobody").problem
    assert content(backend, url) == before


def content(backend: str, url: str) -> Any:
    """All that a database holds, with times of expiry: as it is before, it is after."""
    if backend == "sqlite":
        return Path(url).read_bytes()
    if backend == "mongodb":
        with pymongo.MongoClient[Any](url) as client:
            return client.get_default_database().command("dbHash")["collections"]
    if backend == "postgres":
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT relname, relkind FROM pg_class ORDER BY 1, 2")
            tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
            return rows.fetchall(), [
                connection.execute(
                    f"SELECT xmin::text, t::text FROM {name} t ORDER BY 2"
                ).fetchall()
                for name in tables
            ]
    with redis.Redis.from_url(url) as keys:
        # The moment, not the seconds that are left: other tests leave keys that expire, some soon.
        found = {name: (keys.expiretime(name), keys.dump(name)) for name in keys.scan_iter()}
        soon = time.time() + 3600
        return {name: one for name, one in found.items() if not 0 < one[0] < soon}


def assert_same(answer: Answer, one: dict[str, Any], *, json_in_redis: bool = False) -> None:
    """The answer says of a checkpoint what LangGraph said."""
    same = assert_within if json_in_redis else assert_equal
    assert answer.problem == ""
    assert (answer.checkpoint, answer.parent) == (one["id"], one["parent"])
    assert (answer.left_out, answer.redacted) == (0, 0)
    assert sorted(answer.document.data["channel_versions"]) == one["versions"]
    assert answer.document.data["id"] == one["id"]
    same(answer.metadata.data, one["metadata"])
    problems = [f"{name}: {v.problem}" for name, v in answer.channels.items() if v.problem]
    assert problems == []
    data = {name: value.data for name, value in answer.channels.items()}
    stored = {
        name: value["value"] if is_snapshot(value) else value
        for name, value in one["channels"].items()
    }
    if json_in_redis:  # RedisSaver gives LangGraph a map in place of each Send: ours says Send
        assert len(data.pop(SENDS, [])) == len(stored.pop(SENDS, []))
        assert all(v["__type__"] == "langgraph.types.Send" for v in data.get(SENDS, []))
    same({n: v for n, v in data.items() if not answer.channels[n].rebuilt}, stored)
    if one["values"] is not None:
        empty = {name for name, value in one["values"].items() if value == []}
        same({n: v for n, v in data.items() if n in one["values"]},
             {n: v for n, v in one["values"].items() if n in data or n not in empty})  # fmt: skip
    writes = [[write.task, write.channel, write.value.data] for write in answer.writes]
    if json_in_redis and len(writes) != len(one["writes"]):
        # RedisSaver leaves out those that it wrote before their checkpoint, the shallow one gives
        # those of earlier checkpoints as well: we tell those that are kept for this one.
        fewer, more = sorted((writes, one["writes"]), key=len)
        assert all(write in more for write in fewer)
    else:
        same(sorted(writes, key=str), sorted(one["writes"], key=str))
    for value in (*answer.channels.values(), *(write.value for write in answer.writes)):
        assert value.elements == [] or len(value.elements) == len(value.data)


def assert_equal(one: Any, other: Any) -> None:
    assert one == other


def is_snapshot(value: Any) -> bool:
    return isinstance(value, dict) and value.get("__type__") == SNAPSHOT


@pytest.mark.parametrize(
    ("kind", "codec"),
    [("sqlite", "zstd"), ("postgres", "lz4"), ("mongodb", "zlib"), ("valkey", "zstd")],
)
def test_compressed_values_are_those_that_langgraph_has(
    kind: str, codec: str, told: Told, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What a CompressedSerializer wrote reads as if it had written nothing else; delta channels are
    rebuilt of compressed writes. The bytes are those that the backend holds."""
    url = (
        request.getfixturevalue(FIXTURES[kind]) if kind != "sqlite" else str(tmp_path / "c.sqlite")
    )
    checkpoints = told(kind, url, tmp_path / "told.json", "--delta", f"--codec={codec}")
    attach(tmp_path, kind, f"{url}/checkpointing_db" if kind == "mongodb" else url)
    tags = set()
    with Asking(tmp_path) as asking:
        for one in checkpoints:
            thread = f"{kind}-delta-{codec}"
            answer = asking.ask(kind, one["id"], ns=one["ns"], thread=thread)
            assert_same(answer, one)
            values = [answer.document, *answer.channels.values()]
            values += [write.value for write in answer.writes]
            tags |= {value.type for value in values}
    assert f"{codec}:msgpack" in tags


@pytest.mark.parametrize("delta", [False, True, "zstd"], ids=["plain", "delta", "compressed"])
def test_values_in_memory_come_from_their_process(
    delta: bool | str, start_child: StartChild, isolated: Path, tmp_path: Path
) -> None:
    """An InMemorySaver's, while its process runs; when it ended, the answer says so."""
    out = tmp_path / "told.json"
    child = start_child(
        "-m", "tests.collector.viewer.telling", "memory", "", str(out),
        *(["--delta"] if delta else []), *(["--codec=zstd"] if delta == "zstd" else []),
        stdin=subprocess.PIPE,
        env={"STATEMETER_SHOW_VALUES": "1", "STATEMETER_FLUSH_SECONDS": "0.02"},
    )  # fmt: skip
    while not out.exists():
        assert child.poll() is None, child.log_path.read_text()  # type: ignore[attr-defined]
        time.sleep(0.02)
    said = json.loads(out.read_text("utf-8"))
    thread = ("memory-delta" if delta else "memory") + ("-zstd" if delta == "zstd" else "")
    asked = {"thread": thread, "saver": said["key"], "incarnations": [said["incarnation"]]}
    spool = isolated / "spool"
    folder = spool / "control" / said["incarnation"]
    while not folder.is_dir():
        assert child.poll() is None
        time.sleep(0.02)
    with Asking(spool) as asking:
        for one in said["checkpoints"]:
            assert_same(asking.ask("memory", one["id"], ns=one["ns"], **asked), one)
        assert "no such checkpoint" in asking.ask("memory", "0" * 32, **asked).problem
        assert "no longer" in asking.ask("memory", **asked | {"saver": "f" * 12}).problem
        child.communicate("")
        assert "hands none out" in asking.ask("memory", **asked).problem
        assert "ended" in asking.ask("memory", **asked | {"incarnations": []}).problem
    assert not folder.exists()


def test_a_document_of_redis_that_is_too_large_comes_in_parts(
    told: Told, redis_stack_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the channels that are too large themselves; the parts are those of the whole."""
    told("redis", redis_stack_url, tmp_path / "told.json")
    monkeypatch.setattr(reading, "BLOB_BYTES", 100_000_000)
    address = url.parse(redis_stack_url)
    with reading.connected(address) as reader:
        whole = reader.find("redis", "", "", None)
    monkeypatch.setattr(reading, "BLOB_BYTES", 5_000)
    with reading.connected(address) as reader:
        parts = reader.find("redis", "", "", None)
    assert whole is not None
    assert parts is not None
    assert (parts.checkpoint, parts.parent, parts.unread) == (
        whole.checkpoint, whole.parent, whole.unread,
    )  # fmt: skip
    assert json.loads(parts.metadata.content) == json.loads(whole.metadata.content)
    document, rest = json.loads(whole.document.content), json.loads(parts.document.content)
    channels = document.pop("channel_values")
    assert rest == document
    assert parts.channels.keys() == channels.keys()
    large = {name for name, blob in parts.channels.items() if not blob.whole}
    assert large == {"messages"}
    for name in channels.keys() - large:
        assert json.loads(parts.channels[name].content) == channels[name]
