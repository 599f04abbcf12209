"""The long-term stores of the demo, and the embeddings of the one that has an index."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langgraph.store import memory
from langgraph.store.base import IndexConfig, Result, TTLConfig
from langgraph.store.sqlite import SqliteStore

DIMENSIONS = 64

SWEEP_MINUTES = 1
"""How often SQLite and PostgreSQL drop what has expired."""

COLLECTION = "demo_store"
"""In MongoDB."""


class InMemoryStore(memory.InMemoryStore):
    """LangGraph's, for several threads: it walks through dicts that the others would change."""

    def __init__(self, *, index: IndexConfig | None = None) -> None:
        """As LangGraph's."""
        super().__init__(index=index)
        self._turn = threading.Lock()

    def batch(self, ops: Iterable[Any]) -> list[Result]:
        """All synchronous methods come by here."""
        with self._turn:
            return super().batch(ops)


def trigrams(texts: list[str]) -> list[list[float]]:
    """Vectors without a model: how often each trigram occurs, by its checksum, of length 1."""
    vectors = []
    for text in texts:
        vector = [0.0] * DIMENSIONS
        for start in range(max(1, len(text) - 2)):
            vector[zlib.crc32(text[start : start + 3].lower().encode()) % DIMENSIONS] += 1.0
        length = sum(value * value for value in vector) ** 0.5
        vectors.append([value / length for value in vector])
    return vectors


def in_memory() -> InMemoryStore:
    """An empty store with an index."""
    return InMemoryStore(index=IndexConfig(dims=DIMENSIONS, embed=trigrams, fields=["text"]))


def store_database(database: Path) -> Path:
    """The database of SqliteStore: beside that of SqliteSaver, as SQLite has one writer a file."""
    return database.with_name(f"{database.stem}-store{database.suffix}")


@contextmanager
def open_stores(database: Path) -> Iterator[dict[str, Any]]:
    """``memory`` and ``sqlite``, closed at the end.

    Args:
        database: that of SqliteSaver, in a folder that is there.

    Raises:
        sqlite3.Error: the database cannot be used.
    """
    path = str(store_database(database))
    with SqliteStore.from_conn_string(path, ttl=_sweeping()) as store:
        store.setup()
        with _swept(store):
            yield {"memory": in_memory(), "sqlite": store}


@contextmanager
def open_beside(saver: Any) -> Iterator[Any]:
    """The store of the backend that a saver is of, on the saver's connections.

    Where there is none, or its package is missing, one in memory.
    """
    # Imported here: of each only where its saver is in use.
    if hasattr(saver, "checkpoint_collection"):  # MongoDBSaver
        try:
            from langgraph.store.mongodb import MongoDBStore  # noqa: PLC0415
        except ImportError:  # a package of its own, unlike the others
            yield in_memory()
        else:
            yield MongoDBStore(saver.checkpoint_collection.database[COLLECTION])
    elif hasattr(saver, "_redis"):  # RedisSaver
        from langgraph.store.redis import RedisStore  # noqa: PLC0415

        store = RedisStore(saver._redis)
        store.setup()
        yield store
    elif hasattr(saver, "conn"):  # PostgresSaver
        from langgraph.store.postgres import PostgresStore  # noqa: PLC0415

        store = PostgresStore(saver.conn, ttl=_sweeping())
        store.setup()
        with _swept(store):
            yield store
    else:  # ValkeySaver
        yield in_memory()


def expires(store: Any) -> bool:
    """Whether an item can have a time to live of its own; MongoDBStore takes one and ignores it."""
    return bool(store.supports_ttl) and not hasattr(store, "collection")


def has_index(store: Any) -> bool:
    """Whether it finds items by what they mean; MongoDBStore fails at a query if it does not."""
    return bool(getattr(store, "index_config", None))


def _sweeping() -> TTLConfig:
    return TTLConfig(sweep_interval_minutes=SWEEP_MINUTES)


@contextmanager
def _swept(store: Any) -> Iterator[None]:
    store.start_ttl_sweeper()
    try:
        yield
    finally:
        store.stop_ttl_sweeper()
