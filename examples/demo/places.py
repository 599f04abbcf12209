"""Where the graphs of the demo keep their threads when ``--backends`` names it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from examples.backends import on_mongodb, on_postgres, on_redis, on_sqlite, on_valkey, problems
from examples.demo import savers, stores

ALWAYS = ("sqlite", "memory")
"""These need no server: they are there whatever is named."""

PREFIX = "demo-"
"""Of all thread ids on a server, which may hold threads of others."""

MODULES: dict[str, ModuleType] = {
    "redis": on_redis, "rediss": on_redis,
    "valkey": on_valkey, "valkeys": on_valkey,
    "postgresql": on_postgres, "postgres": on_postgres,
    "mongodb": on_mongodb, "mongodb+srv": on_mongodb,
}  # fmt: skip
"""Scheme of a URL → how it is opened."""

FAILURES = 5
"""Failed turns in a row after which a server is left alone."""

_THREAD = re.compile(rf"{PREFIX}[a-z]+-\d+")


@dataclass
class Place:
    """One backend."""

    url: str
    """As it was named, with its password: never printed."""
    packages: str
    saver: Any
    """Its synchronous saver."""
    async_saver: Any
    """For graphs that are asynchronous; the same one where it can both."""
    prefix: str = ""
    """Of its thread ids."""
    earlier: list[str] = field(default_factory=list)
    """Threads that an earlier demo left, oldest first."""
    failures: int = 0
    """Failed turns in a row."""
    store: Any = None
    """For graphs that remember beyond their threads."""

    @property
    def down(self) -> bool:
        """Whether it failed too often to go on."""
        return self.failures >= FAILURES

    def failed(self, error: BaseException) -> str:
        """Notes a failed turn; what to say where it was the last one."""
        self.failures += 1
        said = problems.explained(error, self.url, self.packages)
        return f"{said} The others go on." if self.failures == FAILURES else ""


async def open_places(
    stack: AsyncExitStack, named: list[str], database: Path, say: Callable[[str], None]
) -> list[Place]:
    """Opens SQLite, memory and each server that is named; one that cannot be used is said.

    Args:
        stack: closes them.
        named: ``sqlite``, ``memory`` and URLs.
        database: file of SqliteSaver; those of AsyncSqliteSaver and SqliteStore lie beside it.
        say: takes a line for the user.

    Raises:
        OSError: the folder of the database cannot be made.
        sqlite3.Error: the database cannot be used.
    """
    opened = await stack.enter_async_context(savers.open_savers(database))
    kept = stack.enter_context(stores.open_stores(database))
    places = [
        Place("sqlite", on_sqlite.PACKAGES, opened["sqlite"], opened["async"],
              earlier=savers.stored_threads(database), store=kept["sqlite"]),
        Place("memory", "", opened["memory"], opened["memory"], store=kept["memory"]),
    ]  # fmt: skip
    for url in dict.fromkeys(named):
        if url in ALWAYS:
            continue
        module = MODULES[url.partition("://")[0]]
        try:
            async with AsyncExitStack() as own:
                places.append(await _open(own, url, module))
                stack.push_async_exit(own.pop_all())
        except Exception as error:  # of whatever library
            say(f"Left out: {problems.explained(error, url, module.PACKAGES)}")
    return places


async def _open(stack: AsyncExitStack, url: str, module: ModuleType) -> Place:
    saver = async_saver = stack.enter_context(module.open_saver(url))
    if hasattr(module, "open_async_saver"):
        async_saver = await stack.enter_async_context(module.open_async_saver(url))
    store = stack.enter_context(stores.open_beside(saver))
    earlier = {found[0] for name in _names(saver) if (found := _THREAD.search(name))}
    in_order = sorted(earlier, key=savers.thread_number)
    return Place(url, module.PACKAGES, saver, async_saver, PREFIX, in_order, store=store)


def _names(saver: Any) -> Iterator[str]:
    """Names of threads, or of keys that hold them, that an earlier demo may have left."""
    if hasattr(saver, "checkpoint_collection"):  # MongoDBSaver
        yield from saver.checkpoint_collection.distinct(
            "thread_id", {"thread_id": {"$regex": f"^{PREFIX}"}}
        )
    elif hasattr(saver, "_redis") or hasattr(saver, "client"):  # RedisSaver, ValkeySaver
        client = getattr(saver, "_redis", None) or saver.client
        for key in client.scan_iter(f"*{PREFIX}*", count=1000):
            yield key.decode() if isinstance(key, bytes) else str(key)
    else:
        with saver.conn.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id LIKE %s",
                (f"{PREFIX}%",),
            ).fetchall()
        yield from (row["thread_id"] for row in rows)
