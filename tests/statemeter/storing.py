"""Stores of each backend, what is done to them, and what their servers say of it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pymongo
import redis
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.mongodb import MongoDBStore
from langgraph.store.postgres import PostgresStore
from langgraph.store.postgres.aio import AsyncPostgresStore
from langgraph.store.redis import RedisStore
from langgraph.store.redis.aio import AsyncRedisStore
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

VALUES: dict[str, dict[str, Any]] = {
    "plain": {"text": "hello", "n": 7},
    "letters": {"text": 'Grüße, 世界 \U0001f600 "quoted" \\ / \x01\n'},
    "numbers": {"small": 1e-07, "large": 1.5e22, "whole": 3.0, "third": 1 / 3, "int": 2**40},
    "nested": {"list": [1, [2, {"three": None}], True, ""], "empty": {}, "none": None},
    "long": {"text": "x" * 5000},
}
USER = ("users", "ada", "notes")


def vectors(texts: Any) -> list[list[float]]:
    """Embeds without a model: the same text gives the same vector."""
    return [[float(len(text)), float(text.count("e")), 1.0] for text in texts]


async def avectors(texts: Any) -> list[list[float]]:
    """The same, as an async function."""
    return vectors(texts)


Step = tuple[str, tuple[Any, ...], dict[str, Any]]
"""Method, arguments, named arguments."""


def steps(at_once: bool = False) -> list[Step]:
    """Calls of each kind, wrong ones as well. Of a store that does all kinds of a batch ``at_once``
    its reads ask for what it does not write: only that has one answer."""
    searched = ("teams", "blue") if at_once else ("users", "bob")
    listed = (MatchCondition("prefix", ("teams",)),) if at_once else None
    puts: list[Step] = [("put", (USER, key, value), {}) for key, value in VALUES.items()]
    return [
        *puts,
        ("put", (("users", "bob"), "plain", {"text": "bob"}), {"index": False}),
        ("put", (("teams", "blue"), "plain", {"text": "blue"}), {}),
        ("get", (USER, "letters"), {}),
        ("get", (), {"namespace": USER, "key": "numbers"}),
        ("get", (USER, "missing"), {}),
        ("get", (USER, "nested"), {"refresh_ttl": False}),
        ("search", (("users", "ada"),), {}),
        ("search", (("users", "bob"),), {"limit": 1}),
        ("search", (("users", "ada"),), {"filter": {"n": 7}}),
        ("search", (("nobody",),), {}),
        ("list_namespaces", (), {}),
        ("list_namespaces", (), {"prefix": ("users",), "max_depth": 2}),
        ("batch", ([GetOp(USER, "plain"), GetOp(USER, "missing"), GetOp(USER, "long")],), {}),
        (
            "batch",
            (
                [
                    GetOp(USER, "plain"),
                    PutOp(USER, "batched", {"b": 1}),
                    PutOp(("users", "bob"), "batched", {"b": 22}),
                    PutOp(("users", "bob"), "batched", {"b": 333}),
                    SearchOp(searched, None, 5),
                    ListNamespacesOp(listed, None, 3),
                    PutOp(("users", "bob"), "plain", None),
                ],
            ),
            {},
        ),
        ("get", (("users", "bob"), "batched"), {}),
        ("delete", (USER, "plain"), {}),
        ("delete", (USER, "missing"), {}),
        ("get", (USER, "plain"), {}),
        ("put", ((), "k", {}), {}),
        ("put", (("a", 1), "k", {}), {}),
        ("get", (("a", ""), "k"), {}),
        ("put", (USER, "k"), {}),
        ("search", ((),), {"nonsense": 1}),
        ("put", (USER, "bad", {"value": object()}), {}),
        ("get", (USER, "letters"), {}),
    ]


def comparable(result: Any) -> Any:
    """A result without its times, rows without their order."""
    if isinstance(result, list):
        rows = [comparable(part) for part in result]
        return rows if None in rows else sorted(rows, key=str)
    if hasattr(result, "namespace"):
        return tuple(result.namespace), result.key, result.value, type(result).__name__
    return result


def failed(error: Exception) -> tuple[str, str]:
    """An exception without what differs between two of its kind: addresses of objects."""
    return type(error).__name__, str(error).split(" at 0x")[0]


def drive(store: Any) -> list[Any]:
    """All results and exceptions of the calls."""
    out = []
    for method, given, named in steps():
        try:
            out.append(comparable(getattr(store, method)(*given, **named)))
        except Exception as error:
            out.append(failed(error))
    return out


async def adrive(store: Any, at_once: bool = False) -> list[Any]:
    """The same by the async methods."""
    out = []
    for method, given, named in steps(at_once):
        try:
            out.append(comparable(await getattr(store, f"a{method}")(*given, **named)))
        except Exception as error:
            out.append(failed(error))
    return out


class Backend:
    """Where stores of one backend keep their data, each by a name of its own."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url

    @contextlib.contextmanager
    def open(self, place: str, **options: Any) -> Iterator[Any]:
        """A store that is set up."""
        if self.name == "memory":
            yield InMemoryStore(**options)
            return
        opener: Any = {
            "sqlite": lambda: SqliteStore.from_conn_string(self._file(place), **options),
            "postgres": lambda: PostgresStore.from_conn_string(self.url, **options),
            "redis": lambda: RedisStore.from_conn_string(
                self.url, store_prefix=place, vector_prefix=f"{place}v", **options
            ),
            "mongodb": lambda: MongoDBStore.from_conn_string(
                self.url, self._database, place, **options
            ),
        }[self.name]
        with opener() as store:
            if self.name != "mongodb":
                store.setup()
            yield store
            if self.name == "postgres":
                self._empty()

    @contextlib.asynccontextmanager
    async def aopen(self, place: str, **options: Any) -> AsyncIterator[Any]:
        """An async store that is set up; the sync one where there is no other."""
        opener: Any = {
            "sqlite": lambda: AsyncSqliteStore.from_conn_string(self._file(place), **options),
            "postgres": lambda: AsyncPostgresStore.from_conn_string(self.url, **options),
            "redis": lambda: AsyncRedisStore.from_conn_string(
                self.url, store_prefix=place, vector_prefix=f"{place}v", **options
            ),
        }.get(self.name)
        if opener is None:
            with self.open(place, **options) as store:
                yield store
            return
        async with opener() as store:
            await store.setup()
            yield store
        if self.name == "postgres":
            self._empty()

    def bytes_of(self, place: str, namespace: tuple[str, ...], key: str) -> int:
        """Bytes of a value as its server says."""
        if self.name == "sqlite":
            with contextlib.closing(sqlite3.connect(self._file(place))) as connection:
                (size,) = connection.execute(
                    "SELECT length(CAST(value AS BLOB)) FROM store WHERE prefix = ? AND key = ?",
                    (".".join(namespace), key),
                ).fetchone()
            return int(size)
        if self.name == "postgres":
            with psycopg.connect(self.url) as server:
                row = server.execute(
                    "SELECT octet_length(value::text) FROM store WHERE prefix = %s AND key = %s",
                    (".".join(namespace), key),
                ).fetchone()
            assert row is not None
            return int(row[0])
        if self.name == "mongodb":
            with pymongo.MongoClient[dict[str, Any]](self.url) as client:
                (row_,) = client[self._database][place].aggregate(
                    [
                        {"$match": {"namespace": list(namespace), "key": key}},
                        {"$project": {"size": {"$bsonSize": "$value"}}},
                    ]
                )
            return int(row_["size"])
        return self._json_length(place, namespace, key)

    def _json_length(self, place: str, namespace: tuple[str, ...], key: str) -> int:
        with redis.Redis.from_url(self.url) as client:
            for name in client.scan_iter(f"{place}:*"):
                document = json.loads(client.execute_command("JSON.GET", name))
                prefix = document["prefix"].replace("\\", "")
                if prefix == ".".join(namespace) and document["key"] == key:
                    return len(client.execute_command("JSON.GET", name, ".value"))
        raise AssertionError(f"{namespace} {key} is not there")

    @property
    def _database(self) -> str:
        return "stores"

    def _file(self, place: str) -> str:
        return self.url if self.url == ":memory:" else f"{self.url}/{place}.sqlite"

    def _empty(self) -> None:
        with psycopg.connect(self.url) as server:
            server.execute("TRUNCATE store CASCADE")


def place() -> str:
    """A name that no other test has."""
    return f"s{uuid.uuid4().hex[:12]}"
