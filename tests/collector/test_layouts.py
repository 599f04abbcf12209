"""What another backend would store of the same threads, against what it does store of them.

The same graphs run on every saver. From what one backend was told, the bytes on each other are
predicted, and held against the bytes that were stored there.
"""

from __future__ import annotations

import gc
import os
import random
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import psycopg
import pymongo
import pytest
import redis
from langgraph.checkpoint.memory import InMemorySaver

from storage.layouts import BACKENDS, Work, factors
from storage.overheads import ASSUMED
from tests.collector.made import collect, query
from tests.collector.on_each import KINDS
from tests.conftest import REPOSITORY

NEAR = 0.10
"""How far a prediction may be off; 0.034 was the most seen."""


@dataclass
class Played:
    """What was stored and what it takes."""

    stores: dict[str, Path]
    """Kind of graph → store of its application."""
    physical: dict[str, float]
    """Backend → bytes on disk or in memory that all kinds took."""

    def stored(self, kind: str) -> dict[str, int]:
        rows = query(self.stores[kind], "SELECT backend, stored_bytes FROM threads")
        return {row["backend"]: row["stored_bytes"] for row in rows}

    def work(self, kind: str) -> dict[str, Work]:
        rows = query(self.stores[kind], "SELECT * FROM workload_hours")
        found: dict[str, Work] = {}
        for row in rows:  # of two hours where the clock struck meanwhile
            work = Work(**{one.name: row[one.name] for one in fields(Work)})
            found[row["backend"]] = found.get(row["backend"], Work()) + work
        return found


@pytest.fixture(scope="module")
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    """All kinds of graphs on all savers, side by side."""
    names = ("redis_stack_url", "redis_url", "postgres_url", "mongo_url")
    stack, plain, postgres, mongo = (request.getfixturevalue(name) for name in names)
    folder = tmp_path_factory.mktemp("layouts")
    database = f"layouts_{os.getpid()}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}")
    url = f"{postgres.rpartition('/')[0]}/{database}"
    before = {name: used(at) for name, at in (("redis", stack), ("valkey", plain))}
    running, stores, places = [], {}, {}
    try:
        for kind in KINDS:
            place = places[kind] = folder / f"{database}_{kind}"
            place.mkdir()
            command = [
                sys.executable, "-m", "tests.collector.on_each", kind, str(place),
                f"redis={stack}", f"valkey={plain}", f"postgres={url}", f"mongodb={mongo}",
            ]  # fmt: skip
            env = os.environ | {"STATEMETER_SPOOL": str(place / "spool"), "STATEMETER_APP": kind}
            if not running:  # makes the tables, which two at once would make twice
                subprocess.run([*command[:3], "none", *command[4:]], cwd=REPOSITORY, check=True)
            running.append(subprocess.Popen(command, cwd=REPOSITORY, env=env))
        assert [process.wait(300) for process in running] == [0] * len(KINDS)
        for kind, place in places.items():
            stores[kind] = place / "store.sqlite"
            collect(place / "spool", stores[kind])
        physical = {name: used(at) - before[name] for name, at in (("redis", stack),
                                                                  ("valkey", plain))}  # fmt: skip
        physical["postgres"] = relations(url)
        physical["mongodb"] = sum(documents(mongo, place.name) for place in places.values())
        physical["sqlite"] = sum(file_bytes(place / "each.sqlite") for place in places.values())
        yield Played(stores, physical)
    finally:
        for process in running:
            process.kill()
        for at in (stack, plain):
            with redis.Redis.from_url(at) as client:
                for kind in KINDS:
                    for key in client.scan_iter(f"*{kind}-*", count=1000):
                        client.delete(key)
        with psycopg.connect(postgres, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {database} WITH (FORCE)")
        with pymongo.MongoClient[dict[str, Any]](mongo) as client:
            for place in places.values():
                client.drop_database(place.name)


def used(url: str) -> float:
    with redis.Redis.from_url(url) as client:
        return float(client.info("memory")["used_memory"])


def relations(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(ARRAY["
            "'checkpoints', 'checkpoint_blobs', 'checkpoint_writes']) AS name"
        ).fetchone()
    assert row is not None
    return float(row[0])


def documents(url: str, name: str) -> float:
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        return float(client[name].command("dbStats")["dataSize"])


def file_bytes(path: Path) -> float:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return float(path.stat().st_size)


@pytest.mark.parametrize("kind", KINDS)
def test_each_backend_tells_what_the_others_hold(played: Played, kind: str) -> None:
    """From each of six backends to each: within 10 % of what is really stored."""
    stored, works = played.stored(kind), played.work(kind)
    assert set(stored) == set(works) == set(BACKENDS)
    off = {}
    for source, work in works.items():
        told = factors(work, source)
        assert told is not None
        assert told[source] == pytest.approx(1)
        for target, factor in told.items():
            off[source, target] = stored[source] * factor / stored[target] - 1
    assert {pair: error for pair, error in off.items() if abs(error) > NEAR} == {}


def test_layouts_differ_where_channels_do_not_change(played: Played) -> None:
    """Large channels that stay are what tells the layouts apart: they are not predicted alike."""
    told = factors(played.work("papers")["sqlite"], "sqlite")
    assert told is not None
    assert told["postgres"] < 0.25
    assert told["memory"] < 0.25


@pytest.mark.parametrize("backend", ["sqlite", "postgres", "mongodb", "redis", "valkey"])
def test_assumed_overheads_are_no_less_than_measured(played: Played, backend: str) -> None:
    """What is assumed where nothing measures it: not far below what real servers take, nor beyond
    all measure. So few bytes are a third pages and indexes."""
    stored = sum(played.stored(kind)[backend] for kind in KINDS)
    measured = played.physical[backend] / stored
    assert 0.2 < measured < 1.3 * ASSUMED[backend].ratio


def test_the_assumed_overhead_of_a_process() -> None:
    """What Python allocates for an InMemorySaver's threads, by its own account."""
    saver = InMemorySaver()
    graph, asked = KINDS["papers"](saver, random.Random(1))
    graph.invoke(asked[0], {"configurable": {"thread_id": "first"}})
    saver.delete_thread("first")
    tracemalloc.start()
    try:
        for given in asked:
            graph.invoke(given, {"configurable": {"thread_id": "measured"}})
        gc.collect()
        allocated, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    stored = sum(len(blob) for _, blob in saver.blobs.values())
    stored += sum(len(write[2][1]) for writes in saver.writes.values() for write in writes.values())
    stored += sum(
        len(checkpoint[0][1])
        for namespaces in saver.storage.values()
        for checkpoints in namespaces.values()
        for checkpoint in checkpoints.values()
    )
    assert 1 < allocated / stored < 1.3 * ASSUMED["memory"].ratio


def test_runs_and_messages_are_counted(played: Played) -> None:
    """12 turns, in each of which messages are written 4 times (question, call, tool, answer)."""
    for work in played.work("chat").values():
        assert (work.runs, work.message_writes, work.unknown_puts) == (12, 48, 0)
        assert work.message_elements == sum(range(1, 49))


def test_what_has_no_channels_speaks_for_nothing() -> None:
    """Encrypted or pickled checkpoints, or none at all: unknown."""
    assert factors(Work(), "sqlite") is None
    assert factors(Work(puts=9, unknown_puts=1, held_bytes=9, document_bytes=99), "sqlite") is None
    assert factors(Work(puts=99, held_bytes=9, document_bytes=99), "other") is None
