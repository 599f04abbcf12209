"""SqliteSaver and AsyncSqliteSaver: a file of the job's own, on the disk of the spool."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import psutil
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from collector.compare.place import Account
from collector.inspection.url import Address
from storage.comparisons import Outcome


class Sqlite:
    """See ``place.Place``."""

    pools = False
    how = "length of the file and of its WAL; pages by PRAGMA page_count and freelist_count"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "compare.sqlite"

    def create(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.empty()

    @contextmanager
    def saver(self, pool: int, serde: Any = None) -> Iterator[Any]:
        # As SqliteSaver.from_conn_string opens it, which takes no serializer.
        with contextlib.closing(sqlite3.connect(self._path, check_same_thread=False)) as connection:
            saver = SqliteSaver(connection, serde=serde)
            saver.setup()
            yield saver

    @asynccontextmanager
    async def asaver(self, pool: int, serde: Any = None) -> AsyncIterator[Any]:
        async with aiosqlite.connect(self._path) as connection:
            saver = AsyncSqliteSaver(connection, serde=serde)
            await saver.setup()
            yield saver

    def empty(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def account(self) -> Account:
        sizes = {
            name: path.stat().st_size
            for name in ("file", "wal")
            if (path := self._with("" if name == "file" else "-wal")).exists()
        }
        parts = dict(sizes)
        with contextlib.closing(sqlite3.connect(self._path)) as connection:
            page = connection.execute("PRAGMA page_size").fetchone()[0]
            for name in ("page_count", "freelist_count"):
                pages = connection.execute(f"PRAGMA {name}").fetchone()[0]
                parts[name.replace("_count", "_pages")] = pages * page
        return Account(sum(sizes.values()), None, parts)

    def describe(self, outcome: Outcome) -> None:
        outcome.saver = "SqliteSaver, AsyncSqliteSaver"
        outcome.server = f"SQLite {sqlite3.sqlite_version}"
        outcome.reach = "processes"
        kind = self._file_system()
        outcome.keeps = kind not in ("tmpfs", "ramfs")
        outcome.kept_how = (
            f"It is a file ({kind or 'file system unknown'})."
            if outcome.keeps
            else f"Its file is on {kind}, which is memory: a restart of the machine empties it."
        )

    def _file_system(self) -> str:
        """Type of the file system of the file, empty: unknown."""
        path = str(self._folder.resolve())
        parts = [
            part for part in psutil.disk_partitions(all=True)
            if path == part.mountpoint or path.startswith(part.mountpoint.rstrip("/") + "/")
        ]  # fmt: skip
        return max(parts, key=lambda part: len(part.mountpoint)).fstype if parts else ""

    def _with(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Its connections close with its savers."""


def make(address: Address | None, token: str, folder: Path) -> Sqlite:
    """See ``place.opened``."""
    return Sqlite(folder)
