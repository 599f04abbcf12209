"""ValkeySaver and AsyncValkeySaver, on Valkey or a Redis: its keys have thread ids of the job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from langgraph_checkpoint_aws import AsyncValkeySaver, ValkeySaver
from valkey import Valkey as Client
from valkey.asyncio import Valkey as AsyncClient

from collector.compare.backends.redis_keys import OnKeys
from collector.compare.place import CONNECT_SECONDS, STATEMENT_SECONDS
from collector.inspection.url import Address

_TIMEOUTS: dict[str, Any] = {
    "socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": STATEMENT_SECONDS,
}  # fmt: skip


class Valkey(OnKeys):
    """See ``place.Place``."""

    savers = "ValkeySaver, AsyncValkeySaver"
    how = (
        "MEMORY USAGE of every key of the run; beside it what used_memory_dataset of the whole "
        "server grew by"
    )

    @contextmanager
    def saver(self, pool: int, serde: Any = None) -> Iterator[Any]:
        with Client.from_url(self._url, **_TIMEOUTS) as client:
            yield ValkeySaver(client, serde=serde)

    @asynccontextmanager
    async def asaver(self, pool: int, serde: Any = None) -> AsyncIterator[Any]:
        async with AsyncClient.from_url(self._url, **_TIMEOUTS) as client:
            yield AsyncValkeySaver(client, serde=serde)


def make(address: Address, token: str, folder: Path) -> Valkey:
    """See ``place.opened``."""
    return Valkey(address, token)
