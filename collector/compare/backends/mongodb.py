"""MongoDBSaver in a database of the job's own; its asynchronous methods work in threads."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pymongo
from langgraph.checkpoint.mongodb import MongoDBSaver
from pymongo import errors

from collector.compare.place import CONNECT_SECONDS, STATEMENT_SECONDS, Account
from collector.inspection.url import Address
from storage.comparisons import Outcome

COLLECTIONS = ("checkpoints", "checkpoint_writes")


class Mongodb:
    """See ``place.Place``."""

    pools = True
    how = (
        "collStats of both collections: storageSize and totalIndexSize on disk after a checkpoint "
        "of the server (fsync), bytes in WiredTiger's cache in memory, size before compression"
    )

    def __init__(self, address: Address, token: str) -> None:
        self._url = address.url
        self._name = token
        self._options: dict[str, Any] = {
            "serverSelectionTimeoutMS": CONNECT_SECONDS * 1000,
            "connectTimeoutMS": CONNECT_SECONDS * 1000,
            "socketTimeoutMS": STATEMENT_SECONDS * 1000,
            "appname": "statemeter",
        }
        self._client: pymongo.MongoClient[Any] = pymongo.MongoClient(address.url, **self._options)

    def create(self) -> None:
        self._client.admin.command("ping")
        with self.saver(1):
            pass

    @contextmanager
    def saver(self, pool: int, serde: Any = None) -> Iterator[Any]:
        client: pymongo.MongoClient[Any]
        with pymongo.MongoClient(self._url, maxPoolSize=max(pool, 1), **self._options) as client:
            yield MongoDBSaver(client, db_name=self._name, serde=serde)

    @asynccontextmanager
    async def asaver(self, pool: int, serde: Any = None) -> AsyncIterator[Any]:
        with self.saver(pool, serde) as saver:
            yield saver

    def empty(self) -> None:
        self._client.drop_database(self._name)

    def account(self) -> Account:
        with contextlib.suppress(errors.OperationFailure):
            # Without it, storageSize is as of the server's last checkpoint, up to a minute ago.
            self._client.admin.command("fsync")
        database = self._client[self._name]
        parts = dict.fromkeys(("data", "documents", "indexes", "uncompressed", "cache"), 0)
        for name in COLLECTIONS:
            told = database.command("collStats", name, indexDetails=True)
            parts["data"] += int(told.get("storageSize", 0))
            parts["indexes"] += int(told.get("totalIndexSize", 0))
            parts["uncompressed"] += int(told.get("size", 0))
            parts["documents"] += int(told.get("count", 0))
            parts["cache"] += _cached(told)
            parts["cache"] += sum(
                _cached({"wiredTiger": one}) for one in told.get("indexDetails", {}).values()
            )
        parts["document_count"] = parts.pop("documents")
        return Account(parts["data"] + parts["indexes"], parts["cache"] or None, parts)

    def describe(self, outcome: Outcome) -> None:
        outcome.saver = "MongoDBSaver"
        outcome.server = f"MongoDB {self._client.server_info()['version']}"
        outcome.reach = "machines"
        outcome.keeps = True
        outcome.kept_how = "It writes to disk, with a journal."

    def remove(self) -> None:
        self._client.drop_database(self._name)

    def close(self) -> None:
        self._client.close()


def _cached(told: dict[str, Any]) -> int:
    cache = (told.get("wiredTiger") or {}).get("cache") or {}
    return int(cache.get("bytes currently in the cache", 0))


def make(address: Address, token: str, folder: Path) -> Mongodb:
    """See ``place.opened``."""
    return Mongodb(address, token)
