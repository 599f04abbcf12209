"""Each backend is filled, weighed by its server's own account, and left as it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pymongo
import pytest
import redis
from langgraph.checkpoint.sqlite import SqliteSaver

from collector.compare import place
from collector.compare.job import token_of
from collector.compare.kill import take_up
from collector.compare.killed import STEPS, graph
from storage import ranking
from storage.comparisons import Asked, Comparison, Footprint, Survival
from tests.collector.compare.comparing import SMALL, compare, request, run
from tests.sqlite_files import opened


def footprint(found: Comparison, backend: str) -> Footprint:
    """Of the target of this backend."""
    key = next(one.key for one in found.backends if one.backend == backend)
    return next(one for one in found.footprints if one.backend == key)


def in_redis(url: str) -> tuple[set[str], set[str]]:
    """Keys and search indexes that a server has."""
    with redis.Redis.from_url(url) as client:
        keys = {key.decode(errors="replace") for key in client.scan_iter(count=1000)}
        indexes = {name.decode() for name in client.execute_command("FT._LIST")}
    return keys, indexes


def test_five_backends_do_the_same_work(
    tmp_path: Path, postgres_database: str, redis_stack_url: str, mongo_url: str
) -> None:
    """The same calls on each, timed; nothing is left: no schema, database, key, index or file."""
    keys, indexes = in_redis(redis_stack_url)
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        databases = set(client.list_database_names())
    asked = request(
        tmp_path, postgres_database, redis_stack_url, mongo_url, always=("memory", "sqlite"),
        concurrency=[2], modes=["sync", "async"],
    )  # fmt: skip
    found, work = run(asked)
    assert [one.problem for one in found.backends] == [""] * 5
    assert not work.partial
    assert work.shares == sorted(work.shares)
    assert len(found.cells) == 5 * 2
    calls = {
        (cell.mode, cell.concurrency, name, spread.count)
        for cell in found.cells
        for name, spread in cell.spread.items()
    }
    # One count for each setting and operation: no backend was asked for more than another.
    assert len(calls) == 2 * 5
    assert {c.spread["turn"].count for c in found.cells} == {SMALL.turns * SMALL.threads}
    for cell in found.cells:
        (one,) = cell.rounds
        assert one.p50_us["put"] <= one.p95_us["put"] <= one.p99_us["put"]
        assert one.p50_us["put"] < one.p50_us["turn"] or cell.durability != "sync"
        assert one.turns_per_second == pytest.approx(one.turns / one.seconds)
        assert one.cpu_us_per_turn > 0
    assert in_redis(redis_stack_url) == (keys, indexes)
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        assert set(client.list_database_names()) == databases
    with psycopg.connect(postgres_database) as connection:
        told = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname ~ 'statemeter'")
        assert told.fetchone() == (0,)
    assert not list((tmp_path / "spool").rglob("*.sqlite"))


def test_bytes_are_those_that_the_servers_tell(
    tmp_path: Path, postgres_database: str, redis_stack_url: str, mongo_url: str
) -> None:
    """Asked with other means, while the last checkpoint that was weighed is still there."""
    urls = (postgres_database, redis_stack_url, mongo_url)
    asked = request(tmp_path, *urls, always=("memory", "sqlite"), rounds=1)
    settings = msgspec.convert(asked.asked, Asked)
    tokens = {one.backend: token_of(asked, settings, one.key) for one in settings.targets}
    seen: dict[str, int] = {}

    def look(phase: str) -> None:
        """The phases after a backend was weighed: it holds all there is."""
        if "valkey" in seen or not phase.startswith(("weighing", "round 1 of 1")):
            return
        if phase.startswith("round"):
            seen.setdefault("valkey", 0)
        seen["sqlite"] = max(
            seen.get("sqlite", 0),
            sum(p.stat().st_size for p in (tmp_path / "spool").rglob("*.sqlite*")
                if p.suffix in (".sqlite", ".sqlite-wal")),
        )  # fmt: skip
        with psycopg.connect(postgres_database) as connection:
            sizes = connection.execute(
                "SELECT pg_total_relation_size(format('%%I.%%I', schemaname, tablename)::regclass) "
                "FROM pg_tables WHERE schemaname = %s AND tablename <> 'checkpoint_migrations'",
                (tokens["postgres"],),
            ).fetchall()
        seen["postgres"] = max(seen.get("postgres", 0), sum(size for (size,) in sizes))
        with redis.Redis.from_url(redis_stack_url) as client:
            held = [
                client.memory_usage(key, samples=0) or 0
                for key in client.keys(f"*{tokens['redis']}*")
            ]
        seen["redis"] = max(seen.get("redis", 0), sum(held))
        with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
            told = client[tokens["mongodb"]].command("dbStats")
        seen["mongodb"] = max(seen.get("mongodb", 0), int(told["dataSize"]))

    found = compare(asked, look)
    assert [one.problem for one in found.backends] == [""] * 5
    last = {one.backend: footprint(found, one.backend).points[-1] for one in found.backends}
    assert last["postgres"].disk_bytes == seen["postgres"]
    assert last["redis"].parts["keys"] == seen["redis"]
    assert last["mongodb"].parts["uncompressed"] == seen["mongodb"]
    assert last["sqlite"].disk_bytes == pytest.approx(seen["sqlite"], rel=0.05)
    memory = last["memory"]
    assert memory.memory_bytes == sum(
        size for name, size in memory.parts.items() if name != "rss_growth"
    )
    for one in found.footprints:
        held = [point.disk_bytes or point.memory_bytes or 0 for point in one.points]
        assert held == sorted(held)
        assert held[-1] > SMALL.turns * SMALL.threads * SMALL.value_bytes
        assert [point.turns for point in one.points] == list(range(SMALL.turns + 1))


def test_sizes_of_a_pool_are_tried_where_there_is_one(
    tmp_path: Path, postgres_database: str
) -> None:
    """PostgreSQL with each, SQLite once; the ranking takes the better one and names it."""
    asked = request(
        tmp_path, postgres_database, always=("sqlite",), concurrency=[2], pool=[1, 4]
    )  # fmt: skip
    found = compare(asked)
    pools = sorted((cell.backend, cell.pool) for cell in found.cells)
    assert pools == [("server0", 1), ("server0", 4), ("sqlite", 0)]
    (setting,) = ranking.settings(found)
    cells = ranking.cells(found, setting)
    best = max(found.cells, key=lambda c: c.rounds[0].turns_per_second * (c.pool > 0))
    assert cells["server0"] is best
    assert ranking.cell_name(found, best) == f"PostgreSQL, pool of {best.pool}"
    assert "langgraph-checkpoint-postgres 3" in found.outcome("server0").saver


def test_what_survives_a_kill(tmp_path: Path) -> None:
    """A process is killed by SIGKILL: a file has all that was acknowledged, memory nothing, and
    with durability sync no step runs again."""
    asked = request(
        tmp_path, always=("memory", "sqlite"), kill=True, durability=["sync", "exit"],
    )  # fmt: skip
    found = compare(asked)
    told = {(one.backend, one.durability): one for one in found.survivals}
    for durability in ("sync", "exit"):
        memory, sqlite_ = told["memory", durability], told["sqlite", durability]
        assert memory.turns_acknowledged == sqlite_.turns_acknowledged == 3
        assert (memory.turns_found, memory.resumed) == (0, False)
        assert (sqlite_.turns_found, sqlite_.resumed) == (3, True)
        assert sqlite_.steps_acknowledged == 3
    assert told["sqlite", "sync"].steps_found == 3
    assert told["sqlite", "exit"].steps_found == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:hunter2@127.0.0.1:1/0", "cannot be reached"),
        ("postgresql://me:hunter2@127.0.0.1:1/x", "cannot be reached"),
        ("mongodb://me:hunter2@127.0.0.1:1/x", "cannot be reached"),
        ("valkey://:hunter2@127.0.0.1:1/0", "cannot be reached"),
    ],
)
def test_a_server_that_is_not_there_fails_alone(
    tmp_path: Path, url: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, without the password; the others go on, and the result is partial."""
    monkeypatch.setattr("collector.compare.backends.mongodb.CONNECT_SECONDS", 1)
    found, work = run(request(tmp_path, url, always=("memory",)))
    failed = next(one for one in found.backends if one.key == "server0")
    assert said in failed.problem
    assert "hunter2" not in failed.problem
    assert work.partial
    assert {cell.backend for cell in found.cells} == {"memory"}


def test_a_redis_without_modules_says_what_it_lacks(tmp_path: Path, redis_url: str) -> None:
    """RedisSaver needs search and JSON; ValkeySaver on the same server does not."""
    valkey = redis_url.replace("redis://", "valkey://")
    with redis.Redis.from_url(redis_url) as client:
        before = set(client.keys("*statemeter*"))  # of other tests
    found, _ = run(request(tmp_path, redis_url, valkey))
    plain, other = found.backends
    assert "needs. Use Redis 8" in plain.problem
    assert other.problem == ""
    assert other.keeps is False
    with redis.Redis.from_url(redis_url) as client:
        assert set(client.keys("*statemeter*")) <= before


def test_a_wrong_password_is_said_without_it(tmp_path: Path, mongo_guarded_url: str) -> None:
    """So is a missing one."""
    wrong = mongo_guarded_url.replace("root:root@", "root:hunter2@")
    without = mongo_guarded_url.replace("root:root@", "")
    found, _ = run(request(tmp_path, wrong, without, always=("memory",)))
    for one in found.backends[1:]:
        assert "login" in one.problem or "rights" in one.problem or "refuses" in one.problem
        assert "hunter2" not in one.problem


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what pip has to install."""
    monkeypatch.setitem(place._MODULES, "redis", ("none_such", "langgraph-checkpoint-redis"))
    found, _ = run(request(tmp_path, "redis://localhost", always=("sqlite",)))
    assert "pip install langgraph-checkpoint-redis" in found.backends[1].problem


def test_a_full_disk_is_the_end_of_sqlite_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says that its file may not grow: as on a full disk, with its own words."""
    from collector.compare.backends.sqlite import Sqlite

    opened = sqlite3.connect

    def small(*given: Any, **named: Any) -> sqlite3.Connection:
        connection = opened(*given, **named)
        connection.execute("PRAGMA max_page_count = 12")
        return connection

    assert Sqlite
    monkeypatch.setattr("collector.compare.backends.sqlite.sqlite3.connect", small)
    found, work = run(request(tmp_path, always=("memory", "sqlite")))
    assert "disk is full" in found.backends[1].problem
    assert work.partial
    assert any(cell.backend == "memory" for cell in found.cells)
    assert not list((tmp_path / "spool").rglob("*.sqlite"))


def test_a_task_that_left_its_writes_alone_is_taken_up(tmp_path: Path) -> None:
    """Killed between the writes of a step and its checkpoint, as durability async allows: the
    thread goes on from there, and the step does not run again."""
    with opened(tmp_path / "chat.sqlite", check_same_thread=False) as connection:
        saver = SqliteSaver(connection)
        runs = graph(saver, [])
        config: Any = {"configurable": {"thread_id": "t"}}
        for asked in ({"turns": 0, "steps": []}, {"steps": []}):
            runs.invoke(asked, config, durability="sync")
        # Of the second turn the checkpoints after its first step never came.
        ids = [
            one.config["configurable"]["checkpoint_id"] for one in runs.get_state_history(config)
        ]
        assert runs.get_state({"configurable": {"thread_id": "t", "checkpoint_id": ids[4]}}).values[
            "steps"
        ] == [*STEPS, "first"]
        connection.execute("DELETE FROM checkpoints WHERE checkpoint_id > ?", (ids[4],))
        assert runs.get_state(config).next == (), "or this is not the case that is tried"
        found = Survival(backend="sqlite", turns_acknowledged=1, steps_acknowledged=3)
        take_up(saver, "t", found)
    assert (found.turns_found, found.steps_found, found.resumed) == (1, 2, True)
