"""The three savers of the demo, and which threads an earlier demo left in their databases."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver


def async_database(database: Path) -> Path:
    """The database of AsyncSqliteSaver: beside the other, because SQLite has one writer a file."""
    return database.with_name(f"{database.stem}-async{database.suffix}")


@asynccontextmanager
async def open_savers(database: Path) -> AsyncIterator[dict[str, Any]]:
    """``memory``, ``sqlite`` and ``async``, closed at the end.

    Raises:
        OSError: the folder of the database cannot be made.
        sqlite3.Error: the database cannot be used.
    """
    database.parent.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(str(database)) as sqlite_saver:
        sqlite_saver.setup()
        async with AsyncSqliteSaver.from_conn_string(str(async_database(database))) as async_saver:
            await async_saver.setup()
            yield {"memory": InMemorySaver(), "sqlite": sqlite_saver, "async": async_saver}


def stored_threads(database: Path) -> list[str]:
    """Threads in both databases, oldest first."""
    found: set[str] = set()
    for path in (database, async_database(database)):
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT DISTINCT thread_id FROM checkpoints")
            found.update(thread for (thread,) in rows)
    return sorted(found, key=thread_number)


def thread_number(thread: str) -> int:
    """The number in a thread id such as ``ticket-1042``; 0 where it has none."""
    digits = thread.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0
