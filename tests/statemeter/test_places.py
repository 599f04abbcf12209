"""Where data is kept is found without a server, and never tells a password."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite
import psycopg
import pymongo
import pytest
import redis
import redis.asyncio
import valkey
import valkey.asyncio
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from statemeter import places
from statemeter.places import NOWHERE, Place

SECRET = "s3cret"
NOBODY = "127.0.0.1:1"
"""Where no server listens."""


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names a database, as libpq reads it."""
    for name, value in {"PGHOST": "db.example", "PGPORT": "6543", "PGDATABASE": "app"}.items():
        monkeypatch.setenv(name, value)


def pool(conninfo: Any = "", **kwargs: Any) -> ConnectionPool:
    """A pool that is not opened."""
    return ConnectionPool(conninfo, kwargs=kwargs, open=False)


def test_a_file(tmp_path: Path) -> None:
    """A database file is known by its absolute path, and called by its name."""
    path = tmp_path / "a.sqlite"
    connection = sqlite3.connect(path)
    assert places.sqlite(connection) == Place(str(path), "a.sqlite", str(path))
    connection.close()


def test_in_memory() -> None:
    """A database in memory is nobody else's."""
    connection = sqlite3.connect(":memory:")
    assert places.sqlite(connection) == NOWHERE
    connection.close()


@pytest.mark.parametrize("prefix", ["", "file:"])
def test_a_file_not_opened_yet(prefix: str, tmp_path: Path) -> None:
    """aiosqlite opens its file later; it is known before."""
    path = tmp_path / "a.sqlite"
    asked = places.sqlite(aiosqlite.connect(f"{prefix}{path}{'?mode=rwc' if prefix else ''}"))
    assert asked == Place(str(path), "a.sqlite", str(path))
    assert not path.exists()
    assert places.sqlite(aiosqlite.connect(":memory:")) == NOWHERE


@pytest.mark.parametrize(
    ("conninfo", "label"),
    [
        (f"postgresql://ann:{SECRET}@db.example:6000/app", "db.example:6000/app"),
        (f"host=db.example password={SECRET} dbname=app user=ann", "db.example:5432/app"),
        (f"postgresql://ann:{SECRET}@db.example", "db.example:5432/ann"),
        ("hostaddr=10.1.2.3 dbname=app", "10.1.2.3:5432/app"),
        ("dbname=app", "socket:5432/app"),
    ],
)
def test_a_pool_that_is_closed(conninfo: str, label: str) -> None:
    """A pool is known by its connection string; user and password stay out."""
    assert places.postgres(pool(conninfo)) == Place(f"postgres://{label}", label)


def test_a_pool_of_keywords() -> None:
    """What a pool adds to its connection string counts."""
    place = places.postgres(pool("host=a", host="b", dbname="c", password=SECRET, port=7))
    assert place.label == "b:7/c"
    hidden = pool("", dbname=f"postgresql://ann:{SECRET}@db.example/app")
    assert places.postgres(hidden) == NOWHERE


def test_a_pool_of_the_environment(elsewhere: None) -> None:
    """So does what the environment says."""
    assert places.postgres(pool()).label == "db.example:6543/app"


def test_a_function_that_gives_the_connection_string() -> None:
    """It may fetch a token from somewhere: it is not called."""

    def never() -> str:
        raise AssertionError("called")

    assert places.postgres(pool(never)) == NOWHERE


def test_connection_and_pools_agree(postgres_database: str) -> None:
    """All ways to one database give one place."""

    async def asynchronous() -> list[Place]:
        connection = await psycopg.AsyncConnection.connect(postgres_database)
        async with connection:
            closed = AsyncConnectionPool(postgres_database, open=False)
            return [places.postgres(connection), places.postgres(closed)]

    with psycopg.connect(postgres_database) as connection:
        found = {places.postgres(connection), places.postgres(pool(postgres_database))}
    found |= set(asyncio.run(asynchronous()))
    (place,) = found
    assert place.label == postgres_database.partition("://")[2].rpartition("@")[2]


def test_mongodb_that_is_not_there() -> None:
    """A client is asked for what it was given, which needs no server."""
    url = f"mongodb://ann:{SECRET}@{NOBODY},127.0.0.1:2/?serverSelectionTimeoutMS=60000"
    with pymongo.MongoClient[dict[str, Any]](url, connect=False) as client:
        label = f"{NOBODY},127.0.0.1:2/app"
        assert places.mongodb(client["app"]) == Place(f"mongodb://{label}", label)


@pytest.mark.parametrize(
    ("url", "label"),
    [
        (f"redis://ann:{SECRET}@{NOBODY}/3", f"{NOBODY}/3"),
        (f"redis://:{SECRET}@db.example", "db.example:6379/0"),
        (f"rediss://db.example:6380?password={SECRET}&db=2", "db.example:6380/2"),
        (f"unix://ann:{SECRET}@/run/redis.sock?db=1", "/run/redis.sock/1"),
    ],
)
@pytest.mark.parametrize("kind", [redis.Redis, redis.asyncio.Redis, valkey.Valkey])
def test_a_client_of_redis(kind: Any, url: str, label: str) -> None:
    """Host, port and number of the database; clients connect when they are first used."""
    backend = kind.__module__.partition(".")[0]
    client = kind.from_url(url)
    assert places.redis(backend, client) == Place(f"{backend}://{label}", label)


def test_a_client_of_redis_by_keywords() -> None:
    """What is not said is as the client has it."""
    for client in (redis.Redis(password=SECRET), valkey.asyncio.Valkey(password=SECRET)):
        assert places.redis("redis", client).label == "localhost:6379/0"


def test_a_service_behind_sentinels() -> None:
    """Which server it is changes; the name of the service stays."""
    sentinel = redis.Sentinel([("127.0.0.1", 1)], sentinel_kwargs={"password": SECRET})
    client = sentinel.master_for("mymaster", password=SECRET, db=4)
    assert places.redis("redis", client).label == "mymaster:sentinel/4"


async def test_a_cluster() -> None:
    """The nodes that it was started with; a cluster has one database."""
    nodes = [redis.asyncio.cluster.ClusterNode(host, 7000) for host in ("b.example", "a.example")]
    client = redis.asyncio.RedisCluster(startup_nodes=nodes, password=SECRET)
    assert places.redis("redis", client).label == "a.example:7000,b.example:7000/0"
    await client.aclose()
