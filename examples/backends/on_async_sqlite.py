"""AsyncSqliteSaver: ``python -m examples.backends.on_async_sqlite [FILE]``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from examples.backends import chat

DEFAULT = "chat-async.sqlite"
PACKAGES = "langgraph-checkpoint-sqlite aiosqlite"


@asynccontextmanager
async def open_async_saver(path: str) -> AsyncIterator[Any]:
    """A saver over a file."""
    # Imported here, so that its absence can be said.
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver  # noqa: PLC0415

    async with AsyncSqliteSaver.from_conn_string(path) as saver:
        await saver.setup()
        yield saver


if __name__ == "__main__":
    sys.exit(chat.main(DEFAULT, PACKAGES, open_async_saver=open_async_saver))
