"""Throwaway savers that a replay runs on, and the time that is spent in them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from storage.design_thread import Recorded

THREAD = "replayed"

_STORED = (
    "SELECT coalesce((SELECT sum(length(checkpoint)) FROM checkpoints), 0) + "
    "coalesce((SELECT sum(length(value)) FROM writes), 0)"
)


class Clock:
    """Time in ``put`` and ``put_writes``, µs."""

    def __init__(self) -> None:
        self.us = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the time inside."""
        begun = time.perf_counter_ns()
        try:
            yield
        finally:
            self.us += (time.perf_counter_ns() - begun) / 1000


class _TimedMemory(InMemorySaver):
    clock: Clock

    def put(self, *args: Any, **named: Any) -> Any:
        with self.clock.running():
            return super().put(*args, **named)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        with self.clock.running():
            super().put_writes(config, writes, task_id, task_path)


class _TimedSqlite(SqliteSaver):
    clock: Clock

    def put(self, *args: Any, **named: Any) -> Any:
        with self.clock.running():
            return super().put(*args, **named)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        with self.clock.running():
            super().put_writes(config, writes, task_id, task_path)


def backend_of(thread: Recorded) -> str:
    """The saver that writes as that of the thread does: whole documents, or channels apart."""
    return "sqlite" if thread.layout == "whole" else "memory"


@contextmanager
def opened(backend: str, folder: Path) -> Iterator[tuple[Any, Clock]]:
    """An empty saver; its file is in the folder."""
    clock = Clock()
    if backend == "memory":
        memory = _TimedMemory()
        memory.clock = clock
        yield memory, clock
        return
    path = folder / "replay.sqlite"
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        sqlite = _TimedSqlite(connection)
        sqlite.clock = clock
        sqlite.setup()
        yield sqlite, clock
    finally:
        connection.close()
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            (folder / name).unlink(missing_ok=True)


def stored_bytes(saver: Any) -> int:
    """What a saver holds, by its own account."""
    if isinstance(saver, SqliteSaver):
        with saver.cursor(transaction=False) as cursor:
            return int(cursor.execute(_STORED).fetchone()[0])
    held = sum(
        len(row[0][1])
        for spaces in saver.storage.values()
        for rows in spaces.values()
        for row in rows.values()
    )
    held += sum(len(blob[1]) for blob in saver.blobs.values())
    return held + sum(len(one[2][1]) for rows in saver.writes.values() for one in rows.values())
