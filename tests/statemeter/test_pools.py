"""Connection pools of real servers: what is told equals what was done, and nothing else changes."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import psycopg_pool
import pytest
import redis
import redis.asyncio
import sqlalchemy
import valkey
from langgraph.cache.redis import RedisCache
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.store.postgres import PostgresStore
from sqlalchemy.ext.asyncio import create_async_engine

import statemeter
from statemeter import demand, events, gauges, pool_kinds, probe
from tests.statemeter.breaking import broken
from tests.statemeter.graphs import chat, thread
from tests.statemeter.spooled import Spooled

PATIENCE_SECONDS = 60


def newest(spool: Spooled) -> dict[str, int]:
    """The newest values of the only pool."""
    return spool.of(events.Gauges)[-1].values


def until(condition: Callable[[], Any]) -> None:
    """Wait for something that happens soon."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def waiting(take: Callable[[], Any]) -> Iterator[threading.Thread]:
    """A thread that waits for a connection and gives it back at once."""
    asking = threading.Thread(target=take, daemon=True)
    asking.start()
    yield asking
    asking.join(PATIENCE_SECONDS)
    assert not asking.is_alive()


def failure(function: Callable[[], Any]) -> tuple[str, str]:
    """What a call raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        function()
    return type(caught.value).__name__, str(caught.value)


def terminate(url: str, pid: int) -> None:
    """End a connection from the server's side."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 30000)", (pid,))


def pool_of_two(url: str) -> psycopg_pool.ConnectionPool:
    pool = psycopg_pool.ConnectionPool(
        url, min_size=1, max_size=2, timeout=PATIENCE_SECONDS, open=True
    )
    pool.wait(PATIENCE_SECONDS)
    return pool


def test_a_psycopg_pool(postgres_database: str, spool: Spooled) -> None:
    """In use, waiting, timeouts, waited: as the pool itself says; what it raises is the same."""
    with pool_of_two(postgres_database) as bare, pool_of_two(postgres_database) as pool:
        assert statemeter.instrument(pool) is pool
        assert type(pool) is psycopg_pool.ConnectionPool, "it counts all by itself"
        for each in (bare, pool):
            held = [each.getconn() for _ in range(2)]
            assert failure(functools.partial(each.getconn, timeout=0.2)) == (
                "PoolTimeout", "couldn't get a connection after 0.20 sec"
            )  # fmt: skip

            def take(each: Any = each) -> None:
                each.putconn(each.getconn())

            with waiting(take):
                if each is pool:
                    until(lambda: newest(spool)["waiting"] == 1)
                    seen = newest(spool)
                    assert (seen["size"], seen["in_use"], seen["waiting"]) == (2, 2, 1)
                for connection in held:
                    each.putconn(connection)
        until(lambda: pool.get_stats()["pool_available"] == 2)
        stats, told = pool.get_stats(), newest(spool)
        assert told == {
            "size": 2, "in_use": 0, "waiting": 0, "requests": 4, "timeouts": 1, "lost": 0,
            "waited_us": stats["requests_wait_ms"] * 1000,
        }  # fmt: skip
        assert told["waited_us"] >= 150_000
        resource = spool.one(events.Resource)
    assert (resource.kind, resource.backend) == ("pool", "postgres")
    assert resource.label == postgres_database.rpartition("@")[2].removeprefix("postgresql://")
    assert resource.facts == {"minimum": 1, "maximum": 2}


def test_a_psycopg_pool_without_connections(
    postgres_database: str, free_port: int, spool: Spooled
) -> None:
    """Closed, or never connected: nothing is in use, though the pool still counts."""
    with pool_of_two(postgres_database) as pool:
        statemeter.instrument(pool)
        until(lambda: newest(spool)["size"] > 0)
    until(lambda: newest(spool)["size"] == 0)
    assert newest(spool)["in_use"] == 0
    nowhere = postgres_database.rpartition(":")[0] + f":{free_port}/x"
    with psycopg_pool.ConnectionPool(nowhere, min_size=1, max_size=2, open=True) as pool:
        until(lambda: pool.get_stats().get("connections_errors", 0) > 0)
        read = pool_kinds.of(pool)
        assert read is not None
        assert (read.read(pool)["size"], read.read(pool)["in_use"]) == (0, 0)


def test_connections_that_postgres_ends(postgres_database: str, spool: Spooled) -> None:
    """One that is lost while idle, one while in use."""
    with pool_of_two(postgres_database) as pool:
        statemeter.instrument(pool)
        with pool.connection() as connection:
            pid = connection.info.backend_pid
        terminate(postgres_database, pid)
        pool.check()
        until(lambda: pool.get_stats().get("connections_lost") == 1)
        assert newest(spool)["lost"] == 1

        def use() -> None:
            with pool.connection() as connection:
                terminate(postgres_database, connection.info.backend_pid)
                connection.execute("SELECT 1")

        assert failure(use)[0] == "AdminShutdown"
        until(lambda: pool.get_stats().get("returns_bad") == 1)
        assert newest(spool)["lost"] == 2


async def test_an_async_psycopg_pool(postgres_database: str, spool: Spooled) -> None:
    """The same counters."""
    pool = psycopg_pool.AsyncConnectionPool(
        postgres_database, min_size=1, max_size=1, timeout=PATIENCE_SECONDS, open=False
    )
    statemeter.instrument(pool)
    async with pool:
        await pool.wait(PATIENCE_SECONDS)
        async with pool.connection():
            with pytest.raises(psycopg_pool.PoolTimeout):
                await pool.getconn(timeout=0.2)
            assert newest(spool)["in_use"] == 1
        told = newest(spool)
        assert (told["requests"], told["timeouts"], told["waiting"]) == (2, 1, 0)


def test_statistics_that_the_application_takes(postgres_database: str, spool: Spooled) -> None:
    """``pop_stats`` resets the pool's counters; those that are told go on."""
    with pool_of_two(postgres_database) as pool:
        statemeter.instrument(pool)
        for _ in range(3):
            with pool.connection():
                pass
        assert newest(spool)["requests"] == 3
        assert pool.pop_stats()["requests_num"] == 3
        with pool.connection():
            pass
        assert newest(spool)["requests"] == 4


def engines(url: str, timeout_seconds: float = 0.2) -> list[sqlalchemy.Engine]:
    """Twins with one connection and one more at need."""
    return [
        sqlalchemy.create_engine(url, pool_size=1, max_overflow=1, pool_timeout=timeout_seconds)
        for _ in range(2)
    ]


def test_a_sqlalchemy_engine(tmp_path: Path, spool: Spooled) -> None:
    """Where its pool counts nothing, requests are counted; it raises the same."""
    bare, engine = engines(f"sqlite:///{tmp_path}/a.sqlite")
    cls = type(engine.pool)
    assert statemeter.instrument(engine) is engine
    assert isinstance(engine.pool, cls)
    assert statemeter.instrument(engine.pool) is engine.pool, "the same pool: watched once"
    assert engine.pool.status() == bare.pool.status()
    problems = []
    for each in (bare, engine):
        held = [each.connect(), each.connect()]
        problems.append(failure(each.connect))

        def take(each: Any = each) -> None:
            each.pool._timeout = PATIENCE_SECONDS
            each.connect().close()

        with waiting(take):
            if each is engine:
                until(lambda: newest(spool)["waiting"] == 1)
                assert (newest(spool)["size"], newest(spool)["in_use"]) == (2, 2)
            for connection in held:
                connection.close()
    assert problems[0] == problems[1]
    assert problems[0][0] == "TimeoutError"
    told = newest(spool)
    assert told["waited_us"] >= 150_000
    assert told == told | {
        "size": 1, "in_use": 0, "waiting": 0, "requests": 4, "timeouts": 1, "lost": 0
    }  # fmt: skip
    assert engine.pool.status() == bare.pool.status()
    resource = spool.one(events.Resource)
    assert (resource.backend, resource.label) == ("sqlite", "a.sqlite")
    assert resource.database == str(tmp_path / "a.sqlite")
    assert resource.facts == {"minimum": 1, "maximum": 2}
    for each in (bare, engine):
        each.dispose()


def test_a_disposed_engine_goes_on(tmp_path: Path, spool: Spooled) -> None:
    """``dispose`` gives the engine another pool, which is the same to who watches."""
    _, engine = engines(f"sqlite:///{tmp_path}/a.sqlite")
    statemeter.instrument(engine)
    first = engine.pool
    engine.connect().close()
    engine.dispose()
    assert engine.pool is not first
    del first
    engine.connect().close()
    with engine.connect():
        assert newest(spool)["requests"] == 3
        assert newest(spool)["in_use"] == 1
    assert len(spool.of(events.Resource)) == 1
    statemeter.uninstrument(engine)
    assert type(engine.pool) is sqlalchemy.QueuePool
    engine.connect().close()
    assert newest(spool)["requests"] == 3
    engine.dispose()


def test_an_engine_loses_a_connection(postgres_database: str, spool: Spooled) -> None:
    """SQLAlchemy notices at the next statement; the label has neither user nor password."""
    url = postgres_database.replace("postgresql://", "postgresql+psycopg://")
    _, engine = engines(url)
    statemeter.instrument(engine)

    def use() -> None:
        with engine.connect() as connection:
            pid = connection.scalar(sqlalchemy.text("SELECT pg_backend_pid()"))
            terminate(postgres_database, pid)
            connection.execute(sqlalchemy.text("SELECT 1"))

    assert failure(use)[0] == "OperationalError"
    with engine.connect() as connection:
        connection.invalidate()
    assert newest(spool)["lost"] == 1, "what the application gave up was not lost"
    resource = spool.one(events.Resource)
    assert resource.backend == "postgres"
    assert resource.label == postgres_database.rpartition("@")[2].removeprefix("postgresql://")
    engine.dispose()


async def test_an_async_engine(postgres_database: str, spool: Spooled) -> None:
    """Its pool waits in asyncio's queue."""
    url = postgres_database.replace("postgresql://", "postgresql+psycopg://")
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.2)
    statemeter.instrument(engine)
    assert newest(spool) == newest(spool) | {"size": 0, "in_use": 0, "requests": 0}
    async with engine.connect():
        with pytest.raises(sqlalchemy.exc.TimeoutError):
            await engine.connect()
        assert newest(spool)["in_use"] == 1
    told = newest(spool)
    assert (told["size"], told["in_use"]) == (1, 0)
    assert (told["requests"], told["timeouts"], told["waiting"]) == (2, 1, 0)
    await engine.dispose()


def test_an_engine_without_a_queue(spool: Spooled) -> None:
    """SQLite in memory has one connection a thread: its requests are counted, no more."""
    engine = sqlalchemy.create_engine("sqlite://")
    statemeter.instrument(engine)
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT 1")) == 1
    assert newest(spool)["requests"] == 1
    assert "in_use" not in newest(spool)
    engine.dispose()


def test_blocking_pools_of_redis(redis_url: str, spool: Spooled) -> None:
    """Exhausted: the wait and the refusal are told; what is raised stays the same."""
    for library, given in ((redis, ()), (valkey, ("PING",))):
        bare, pool = (
            library.BlockingConnectionPool.from_url(redis_url, max_connections=1, timeout=0.2)
            for _ in range(2)
        )
        statemeter.instrument(pool)
        problems = []
        for each in (bare, pool):
            held = each.get_connection(*given)
            problems.append(failure(functools.partial(each.get_connection, *given)))

            def take(each: Any = each, given: Any = given) -> None:
                each.timeout = PATIENCE_SECONDS
                each.release(each.get_connection(*given))

            with waiting(take):
                if each is pool:
                    until(lambda: newest(spool)["waiting"] == 1)
                    assert (newest(spool)["size"], newest(spool)["in_use"]) == (1, 1)
                each.release(held)
        assert problems == [("ConnectionError", "No connection available.")] * 2
        told = newest(spool)
        assert told["waited_us"] >= 150_000
        assert told == told | {
            "size": 1, "in_use": 0, "waiting": 0, "requests": 3, "timeouts": 1
        }  # fmt: skip
        resource = spool.of(events.Resource)[-1]
        assert resource.backend == library.__name__
        assert resource.label == f"{redis_url.removeprefix('redis://')}/0"
        assert resource.facts == {"maximum": 1}
        for each in (bare, pool):
            each.disconnect()
        statemeter.uninstrument(pool)
        assert type(pool) is library.BlockingConnectionPool


async def test_async_pools_of_redis(redis_url: str, spool: Spooled) -> None:
    """A client's pool, one that waits and one that refuses at once."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(redis_url, max_connections=1, timeout=0.2)
    client = redis.asyncio.Redis(connection_pool=pool)
    assert statemeter.instrument(client) is client
    assert await client.ping()
    held = await pool.get_connection()
    with pytest.raises(redis.ConnectionError, match="No connection available"):
        await client.ping()
    waits = asyncio.create_task(client.ping())
    pool.timeout = PATIENCE_SECONDS
    await pool.release(held)
    assert await waits
    told = newest(spool)
    assert (told["requests"], told["timeouts"], told["in_use"], told["size"]) == (4, 1, 0, 1)
    statemeter.uninstrument(client)

    hasty = redis.asyncio.ConnectionPool.from_url(redis_url, max_connections=1)
    statemeter.instrument(hasty)
    held = await hasty.get_connection()
    with pytest.raises(redis.ConnectionError, match="Too many connections"):
        await hasty.get_connection()
    assert newest(spool)["timeouts"] == 1
    assert newest(spool)["waited_us"] == 0
    await hasty.release(held)
    for each in (pool, hasty):
        await each.disconnect()


def test_a_server_that_is_down(free_port: int, spool: Spooled) -> None:
    """Is no refusal of the pool, and its password is nowhere."""
    url = f"redis://user:very-secret@127.0.0.1:{free_port}/3"
    client = statemeter.instrument(redis.Redis.from_url(url))
    with pytest.raises(redis.ConnectionError):
        client.ping()
    assert newest(spool)["timeouts"] == 0
    assert spool.one(events.Resource).label == f"127.0.0.1:{free_port}/3"
    assert b"very-secret" not in spool.content()
    client.close()


def test_pools_under_savers_and_caches(
    postgres_database: str, redis_url: str, spool: Spooled
) -> None:
    """Found by themselves when a graph is instrumented, and freed with it."""
    client = redis.Redis.from_url(redis_url)
    with psycopg_pool.ConnectionPool(
        postgres_database, kwargs={"autocommit": True}, min_size=1, open=True
    ) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        with psycopg_pool.ConnectionPool(postgres_database, min_size=1, open=True) as other:
            store = statemeter.instrument(PostgresStore(other))
            assert [gauge.target() for gauge in probe.get().gauges.of("pool")] == [other]
            statemeter.uninstrument(store)
            assert probe.get().gauges.of("pool") == []
        graph = statemeter.instrument(chat(saver, cache=RedisCache(client)))
        graph.invoke({"messages": [("user", "hello")]}, thread())
        kinds = {event.kind for event in spool.of(events.Resource)}
        assert kinds == {"cache", "pool", "store"}
        found = {e.backend for e in spool.of(events.Resource) if e.kind == "pool"}
        assert found == {"postgres", "redis"}
        statemeter.uninstrument(graph)
        assert probe.get().gauges.of("pool") == []
        assert type(client.connection_pool) is redis.ConnectionPool
    client.close()


def test_pools_of_one_place(redis_url: str, spool: Spooled) -> None:
    """A second pool has a name of its own; a number that is free again is taken again."""
    pools = [redis.ConnectionPool.from_url(redis_url) for _ in range(2)]
    for pool in pools:
        statemeter.instrument(pool)
    place = f"{redis_url.removeprefix('redis://')}/0"
    assert [e.label for e in spool.of(events.Resource)] == [place, f"{place} #2"]
    assert len({e.key for e in spool.of(events.Resource)}) == 2
    del pools[0], pool
    gc.collect()
    third = redis.ConnectionPool.from_url(redis_url)
    statemeter.instrument(third)
    keys = [e.key for e in spool.of(events.Resource)]
    assert keys[2] == keys[0]


def test_a_pool_is_held_weakly(redis_url: str, tmp_path: Path, spool: Spooled) -> None:
    """What the application lets go of is gone."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/a.sqlite")
    client = redis.Redis.from_url(redis_url)
    for each in (engine, client):
        statemeter.instrument(each)
    assert len(probe.get().gauges.of("pool")) == 2
    gone = [weakref.ref(engine.pool), weakref.ref(client.connection_pool)]
    del engine, client, each
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
    assert probe.get().gauges.of("pool") == []


def test_reading_waits_for_no_lock(
    postgres_database: str, redis_url: str, tmp_path: Path, spool: Spooled
) -> None:
    """Pools whose locks are held by another thread are read all the same."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/a.sqlite")
    plain = redis.ConnectionPool.from_url(redis_url)
    blocking = redis.BlockingConnectionPool.from_url(redis_url)
    with psycopg_pool.ConnectionPool(postgres_database, min_size=1, open=True) as pool:
        pool.wait(PATIENCE_SECONDS)
        for each in (engine, plain, blocking, pool):
            statemeter.instrument(each)
        queue: Any = engine.pool._pool  # type: ignore[attr-defined]
        locks = [queue.mutex, plain._lock, blocking._lock, blocking.pool.mutex, pool._lock]
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            for lock in locks:
                lock.acquire()
            held.set()
            done.wait(PATIENCE_SECONDS)
            for lock in locks:
                lock.release()

        holder = threading.Thread(target=hold)
        holder.start()
        assert held.wait(PATIENCE_SECONDS)
        try:
            assert len(spool.of(events.Gauges)) >= 4
        finally:
            done.set()
            holder.join()
    engine.dispose()


def breakable() -> list[str]:
    """Functions of the probe that run when a pool is asked or read."""
    names = []
    for module in (demand, gauges, pool_kinds):
        place = module.__name__.removeprefix("statemeter.")
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", "") != module.__name__ or thing is pool_kinds.of:
                continue  # the last decides whether a call is an error of the user
            if inspect.isfunction(thing):
                names.append(f"{place}.{name}")
            elif inspect.isclass(thing) and thing is not demand.Asked:  # a wrapper's body
                methods = [m for m, each in vars(thing).items() if inspect.isfunction(each)]
                names += [f"{place}.{name}.{method}" for method in methods]
    return names


@pytest.mark.parametrize("name", breakable())
@pytest.mark.parametrize("no_faults", [False])
def test_a_broken_function_harms_no_pool(
    name: str, tmp_path: Path, spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application gets its connections whatever breaks inside, before or after instrument()."""
    before, after = engines(f"sqlite:///{tmp_path}/a.sqlite", timeout_seconds=0.05)
    statemeter.instrument(before)
    broken(monkeypatch, name, RuntimeError)
    statemeter.instrument(after)
    for engine in (before, after):
        held = [engine.connect(), engine.connect()]
        assert failure(engine.connect)[0] == "TimeoutError"
        for connection in held:
            assert connection.scalar(sqlalchemy.text("SELECT 1")) == 1
            connection.close()
        engine.dispose()
        engine.connect().close()
        engine.dispose()
    statemeter.flush()
