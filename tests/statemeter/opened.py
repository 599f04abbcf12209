"""Every saver there is, opened on its real server, by name."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pymongo
import pytest
import redis
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.mongodb import MongoDBSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.redis import RedisSaver
from langgraph.checkpoint.redis.aio import AsyncRedisSaver
from langgraph.checkpoint.redis.ashallow import AsyncShallowRedisSaver
from langgraph.checkpoint.redis.shallow import ShallowRedisSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph_checkpoint_aws import AsyncValkeySaver, ValkeySaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

Options = dict[str, Any]
Opener = Callable[["Servers", AsyncExitStack, Options], Any]
OPTIONS = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


class Servers:
    """URLs of the servers, started when first asked for."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self.get: Callable[[str], str] = request.getfixturevalue
        self.folder = folder


async def _memory(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    return InMemorySaver(**options)


async def _sqlite(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    path = str(servers.folder / f"{uuid.uuid4().hex}.sqlite")
    saver = stack.enter_context(SqliteSaver.from_conn_string(path))
    return SqliteSaver(saver.conn, **options)


async def _async_sqlite(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    path = str(servers.folder / f"{uuid.uuid4().hex}.sqlite")
    saver = await stack.enter_async_context(AsyncSqliteSaver.from_conn_string(path))
    return AsyncSqliteSaver(saver.conn, **options)


async def _postgres(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    url = servers.get("postgres_database")
    saver = stack.enter_context(PostgresSaver.from_conn_string(url))
    saver.setup()
    return PostgresSaver(saver.conn, **options)


async def _async_postgres(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    url = servers.get("postgres_database")
    pool = AsyncConnectionPool(url, kwargs=OPTIONS, min_size=1, max_size=3, open=False)
    await stack.enter_async_context(pool)
    saver = AsyncPostgresSaver(pool, **options)
    await saver.setup()
    return saver


async def _mongodb(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    client: Any = stack.enter_context(pymongo.MongoClient(servers.get("mongo_url")))
    database = f"test_{uuid.uuid4().hex}"
    stack.callback(client.drop_database, database)
    return MongoDBSaver(client, database, **options)


def _emptied_redis(servers: Servers) -> str:
    """URL of Redis Stack, without the checkpoints that earlier tests left: its savers' ``list``
    looks at the first of all. The indexes stay."""
    url = servers.get("redis_stack_url")
    with redis.Redis.from_url(url) as client:
        for pattern in ("checkpoint*", "write_keys*"):
            for key in list(client.scan_iter(pattern, count=1000)):
                client.delete(key)
    return url


async def _redis(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    url = _emptied_redis(servers)
    saver = stack.enter_context(RedisSaver.from_conn_string(url))
    saver.setup()
    return saver


async def _async_redis(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    url = _emptied_redis(servers)
    return await stack.enter_async_context(AsyncRedisSaver.from_conn_string(url))


async def _shallow_redis(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    url = _emptied_redis(servers)
    saver = stack.enter_context(ShallowRedisSaver.from_conn_string(url))
    saver.setup()
    return saver


async def _async_shallow_redis(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    url = _emptied_redis(servers)
    return await stack.enter_async_context(AsyncShallowRedisSaver.from_conn_string(url))


async def _valkey(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    url = servers.get("redis_url")
    saver = stack.enter_context(ValkeySaver.from_conn_string(url))
    return ValkeySaver(saver.client, **options)


async def _async_valkey(servers: Servers, stack: AsyncExitStack, options: Options) -> Any:
    url = servers.get("redis_url")
    saver = await stack.enter_async_context(AsyncValkeySaver.from_conn_string(url))
    return AsyncValkeySaver(saver.client, **options)


OPENERS: dict[str, Opener] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "async sqlite": _async_sqlite,
    "postgres": _postgres,
    "async postgres": _async_postgres,
    "mongodb": _mongodb,
    "redis": _redis,
    "async redis": _async_redis,
    "shallow redis": _shallow_redis,
    "async shallow redis": _async_shallow_redis,
    "valkey": _valkey,
    "async valkey": _async_valkey,
}
"""Name → what opens the saver; its options are those of the class (``serde``)."""

OWN_SERIALIZER = {"redis", "async redis", "shallow redis", "async shallow redis"}
"""Savers that take no serializer from the application."""


def opened(name: str, servers: Servers, **options: Any) -> AbstractAsyncContextManager[Any]:
    """A saver on its server, bare."""

    @asynccontextmanager
    async def open_it() -> AsyncIterator[Any]:
        async with AsyncExitStack() as stack:
            yield await OPENERS[name](servers, stack, options)

    return open_it()
