"""ValkeySaver, on Valkey or a plain Redis: ``python -m examples.backends.on_valkey [URL]``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from examples.backends import chat

DEFAULT = "valkey://localhost:6379"
PACKAGES = "'langgraph-checkpoint-aws[valkey]'"


@contextmanager
def open_saver(url: str) -> Iterator[Any]:
    """A saver over a pool of connections."""
    from langgraph_checkpoint_aws import ValkeySaver  # noqa: PLC0415 - said where it is missing

    with ValkeySaver.from_conn_string(url) as saver:
        yield saver


@asynccontextmanager
async def open_async_saver(url: str) -> AsyncIterator[Any]:
    """The same, asynchronous."""
    from langgraph_checkpoint_aws import AsyncValkeySaver  # noqa: PLC0415

    async with AsyncValkeySaver.from_conn_string(url) as saver:
        yield saver


if __name__ == "__main__":
    sys.exit(chat.main(DEFAULT, PACKAGES, open_saver))
