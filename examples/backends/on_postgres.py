"""PostgresSaver over a pool: ``python -m examples.backends.on_postgres [URL]``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from examples.backends import chat

DEFAULT = "postgresql://postgres@localhost:5432/postgres"
PACKAGES = "langgraph-checkpoint-postgres 'psycopg[binary,pool]'"

CONNECT_SECONDS = 5
CONNECTIONS = 4


@contextmanager
def open_saver(url: str) -> Iterator[Any]:
    """A saver with its tables, over a pool."""
    # Imported here, so that its absence can be said.
    from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415
    from psycopg_pool import ConnectionPool  # noqa: PLC0415

    _ask(url)
    with ConnectionPool(url, max_size=CONNECTIONS, kwargs=_options(), open=False) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        yield saver


@asynccontextmanager
async def open_async_saver(url: str) -> AsyncIterator[Any]:
    """The same, asynchronous."""
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415
    from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415

    _ask(url)
    options = _options()
    async with AsyncConnectionPool(url, max_size=CONNECTIONS, kwargs=options, open=False) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        yield saver


def _ask(url: str) -> None:
    """Raise at once where the server cannot be reached: a pool would try for half a minute."""
    import psycopg  # noqa: PLC0415

    psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()


def _options() -> dict[str, Any]:
    """What the saver needs of each connection."""
    from psycopg.rows import dict_row  # noqa: PLC0415

    return {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


if __name__ == "__main__":
    sys.exit(chat.main(DEFAULT, PACKAGES, open_saver))
