"""A server is read while its application, which is not instrumented, goes on: in the end the store
has what the server has, whatever happened to the reader's connection meanwhile."""

from __future__ import annotations

import threading
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymongo
import pytest
import redis
from langgraph.checkpoint.postgres import ShallowPostgresSaver
from langgraph.checkpoint.redis import ShallowRedisSaver

from collector.attach import postgres, reader
from collector.attach.reader import Reader
from collector.attach.teller import Teller
from collector.inspection import drivers, url
from examples.backends import on_mongodb, on_postgres, on_redis
from storage.store import open_reader, open_writer
from tests import long_thread
from tests.collector.attach import test_mongodb
from tests.collector.live import collecting, wait_for
from tests.collector.made import one, query
from tests.collector.test_exact_postgres import STORED
from tests.collector.test_exact_redis import held_by_redis
from tests.servers import redis_servers


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks more often than every second."""
    monkeypatch.setattr(reader, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(reader, "RECONCILE_SECONDS", 0.1)
    monkeypatch.setattr(reader, "RETRY_SECONDS", (0.2, 1.0))
    monkeypatch.setattr(postgres, "LAG_SECONDS", 0.2)


@contextmanager
def attached(address: str, spool: Path, store: Path) -> Iterator[str]:
    """A reader that follows a database meanwhile; its key."""
    named = url.parse(address)
    with drivers.module("collector.attach", named).opened(named) as source:
        key = source.saver().key
    engine = open_reader(str(store))
    stop = threading.Event()
    teller = Teller(spool, key, "live", stop.is_set)
    following = Reader(key, named, engine, teller, stopped=stop.is_set)
    thread = threading.Thread(target=following.run)
    thread.start()
    try:
        yield key
    finally:
        stop.set()
        thread.join(60)
        engine.dispose()
    assert not thread.is_alive()


DONE = "SELECT done_checkpoints FROM sources"
TOLD_TWICE = "SELECT count(*) - count(DISTINCT checkpoint) FROM operations WHERE operation = 'put'"

Place = tuple[str, Callable[[str], Any], Callable[[], dict[str, int]], Callable[[], None]]
"""URL, what opens a saver, stored bytes by thread as the server has them, and what cuts the
reader's connection."""


@pytest.fixture(params=["postgres", "mongodb", "redis"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A database of the test's own."""
    name = f"live_{uuid.uuid4().hex}"
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_database")

        def sums() -> dict[str, int]:
            with psycopg.connect(server) as connection:
                return dict(connection.execute(STORED).fetchall())

        def cut() -> None:
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'statemeter' AND datname = current_database()"
                )

        yield server, on_postgres.open_saver, sums, cut
    elif request.param == "mongodb":
        server = f"{request.getfixturevalue('mongo_url')}/{name}"
        yield server, on_mongodb.open_saver, lambda: test_mongodb.stored(server), lambda: None
        with pymongo.MongoClient[Any](server) as client:
            client.drop_database(name)
    else:
        request.getfixturevalue("redis_stack_url")  # what is missing is said there
        with redis_servers.stack() as server, redis.Redis.from_url(server) as client:

            def kill() -> None:
                for known in client.client_list():
                    if known["name"] == "statemeter":
                        client.client_kill_filter(_id=known["id"])

            yield server, on_redis.open_saver, lambda: held_by_redis(server).stored, kill


def test_the_store_keeps_up(place: Place, tmp_path: Path) -> None:
    """New checkpoints, a new thread, a connection that is cut, a reader that ends and another that
    goes on, and a thread that is deleted: bytes and checkpoints are those of the server, nothing
    is missing and nothing is there twice."""
    address, open_saver, sums, cut = place
    spool, store = tmp_path / "spool", tmp_path / "store.sqlite"
    spool.mkdir()
    open_writer(str(store)).dispose()

    def told() -> dict[str, int]:
        return stored_in(store)

    def problems() -> str:
        return str(one(store, "SELECT max(problem) FROM sources") or "")

    with open_saver(address) as saver, collecting(spool, store):
        graph = long_thread.build(saver)
        long_thread.play(graph, "one", 3)
        with attached(address, spool, store):
            wait_for(lambda: told() == sums(), "the first pass")
            cut()
            long_thread.play(graph, "one", 2)
            long_thread.play(graph, "two", 2)
            wait_for(lambda: told() == sums() and not problems(), "keeping up")
        read, before = one(store, DONE), sum(1 for _ in saver.list(None))
        long_thread.play(graph, "two", 2)
        new = sum(1 for _ in saver.list(None)) - before
        saver.delete_thread("one")
        with attached(address, spool, store):
            wait_for(lambda: told() == sums(), "going on")
            wait_for(lambda: one(store, DONE) >= read + new, "telling how much was read")
        assert one(store, DONE) == read + new, "what was read before counts once"
        held = sum(1 for _ in saver.list(None))
    steps = "SELECT sum(steps) FROM threads WHERE deleted_us = 0"
    assert one(store, steps) == held
    assert one(store, TOLD_TWICE) == 0
    assert one(store, "SELECT max(deleted_us) FROM threads WHERE thread_id = 'one'") > 0
    assert one(store, "SELECT count(*) FROM dead_letters") == 0
    assert one(store, "SELECT max(partial) FROM threads") == 0


def stored_in(store: Path) -> dict[str, int]:
    """Stored bytes by thread, of those that exist."""
    rows = query(store, "SELECT thread_id, stored_bytes FROM threads WHERE deleted_us = 0")
    return {row["thread_id"]: row["stored_bytes"] for row in rows}


def test_a_pruned_thread_keeps_what_is_left(postgres_database: str, tmp_path: Path) -> None:
    """Its newest checkpoints have the blobs that older ones wrote; then it goes on, and away."""
    spool, store = tmp_path / "spool", tmp_path / "store.sqlite"
    spool.mkdir()
    open_writer(str(store)).dispose()

    def sums() -> dict[str, int]:
        with psycopg.connect(postgres_database) as connection:
            return dict(connection.execute(STORED).fetchall())

    with (
        on_postgres.open_saver(postgres_database) as saver,
        collecting(spool, store),
        attached(postgres_database, spool, store),
    ):
        graph = long_thread.build(saver)
        for change in (
            lambda: long_thread.play(graph, "one", 3),
            lambda: saver.prune(["one"]),
            lambda: long_thread.play(graph, "one", 1),
            lambda: saver.prune(["one"], strategy="delete"),
        ):
            change()
            wait_for(lambda: stored_in(store) == sums(), "keeping up")
            assert one(store, TOLD_TWICE) == 0


@pytest.mark.parametrize("backend", ["postgres", "redis"])
def test_shallow_savers_are_followed(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The newest checkpoint of each namespace replaces the one before it, also where another
    reader goes on."""
    spool, store = tmp_path / "spool", tmp_path / "store.sqlite"
    spool.mkdir()
    open_writer(str(store)).dispose()
    with shallow(backend, request) as (address, saver, sums):
        graph = long_thread.build(saver)
        config = {"configurable": {"thread_id": "one"}}
        with collecting(spool, store):
            for turn in range(1, 4):
                graph.invoke(long_thread.question(turn), config)
                with attached(address, spool, store):
                    wait_for(lambda: stored_in(store) == sums(), "reading")
                    graph.invoke(long_thread.question(turn + 10), config)
                    wait_for(lambda: stored_in(store) == sums(), "keeping up")


@contextmanager
def shallow(
    backend: str, request: pytest.FixtureRequest
) -> Iterator[tuple[str, Any, Callable[[], dict[str, int]]]]:
    """A shallow saver on a server: its URL, the saver, and stored bytes by thread."""
    if backend == "postgres":
        address = request.getfixturevalue("postgres_database")

        def sums() -> dict[str, int]:
            with psycopg.connect(address) as connection:
                return dict(connection.execute(STORED).fetchall())

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            with ShallowPostgresSaver.from_conn_string(address) as saver:
                saver.setup()
                yield address, saver, sums
    else:
        request.getfixturevalue("redis_stack_url")  # what is missing is said there
        with redis_servers.stack() as address, ShallowRedisSaver.from_conn_string(address) as saver:
            saver.setup()
            # Another thread first: which saver an empty database will have, nothing tells.
            graph = long_thread.build(saver)
            graph.invoke(long_thread.question(1), {"configurable": {"thread_id": "zero"}})
            yield address, saver, lambda: held_by_redis(address).stored
