"""RedisSaver and AsyncRedisSaver: keys and search indexes with a prefix of the job's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.redis import RedisSaver
from langgraph.checkpoint.redis.aio import AsyncRedisSaver

from collector.compare.backends.redis_keys import OnKeys
from collector.compare.place import CONNECT_SECONDS, STATEMENT_SECONDS
from collector.inspection.url import Address


class Redis(OnKeys):
    """See ``place.Place``."""

    savers = "RedisSaver, AsyncRedisSaver"
    how = (
        "MEMORY USAGE of every key of the run, and FT.INFO of its two indexes; beside them what "
        "used_memory_dataset of the whole server grew by"
    )

    def __init__(self, address: Address, token: str) -> None:
        super().__init__(address, token)
        self._options: dict[str, Any] = {
            "connection_args": {
                "socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": STATEMENT_SECONDS,
            },
            "checkpoint_prefix": token, "checkpoint_write_prefix": f"{token}_write",
        }  # fmt: skip

    def create(self) -> None:
        super().create()
        with self.saver(1):
            pass

    @contextmanager
    def saver(self, pool: int, serde: Any = None) -> Iterator[Any]:
        with RedisSaver.from_conn_string(self._url, **self._options) as saver:
            saver.setup()
            yield saver

    @asynccontextmanager
    async def asaver(self, pool: int, serde: Any = None) -> AsyncIterator[Any]:
        async with AsyncRedisSaver.from_conn_string(self._url, **self._options) as saver:
            yield saver

    def remove(self) -> None:
        self._keys.drop_indexes()
        super().remove()


def make(address: Address, token: str, folder: Path) -> Redis:
    """See ``place.opened``."""
    return Redis(address, token)
