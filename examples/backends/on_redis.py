"""RedisSaver and AsyncRedisSaver: ``python -m examples.backends.on_redis [URL]``.

The server needs search and JSON: Redis 8, or Redis Stack.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from examples.backends import chat

DEFAULT = "redis://localhost:6379"
PACKAGES = "langgraph-checkpoint-redis 'redisvl<0.28'"


@contextmanager
def open_saver(url: str) -> Iterator[Any]:
    """A saver with its search indexes."""
    from langgraph.checkpoint.redis import RedisSaver  # noqa: PLC0415 - said where it is missing

    with RedisSaver.from_conn_string(url) as saver:
        saver.setup()
        yield saver


@asynccontextmanager
async def open_async_saver(url: str) -> AsyncIterator[Any]:
    """The same, asynchronous; it sets up its indexes by itself."""
    from langgraph.checkpoint.redis.aio import AsyncRedisSaver  # noqa: PLC0415

    async with AsyncRedisSaver.from_conn_string(url) as saver:
        yield saver


if __name__ == "__main__":
    sys.exit(chat.main(DEFAULT, PACKAGES, open_saver))
