"""Throwaway savers that a replay runs on, and the time that is spent in them."""

from __future__ import annotations

import functools
import sqlite3
import time
from collections.abc import Callable, Iterator
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


def _time(saver: Any, clock: Clock) -> None:
    """Have the calls of a saver timed; LangGraph looks at their signatures, which stay."""
    for name in ("put", "put_writes"):
        setattr(saver, name, _timed(getattr(saver, name), clock))


def _timed(call: Callable[..., Any], clock: Clock) -> Callable[..., Any]:
    @functools.wraps(call)
    def run(*args: Any, **named: Any) -> Any:
        with clock.running():
            return call(*args, **named)

    return run


def backend_of(thread: Recorded) -> str:
    """The saver that writes as that of the thread does: whole documents, or channels apart."""
    return "sqlite" if thread.layout == "whole" else "memory"


@contextmanager
def opened(backend: str, folder: Path) -> Iterator[tuple[Any, Clock]]:
    """An empty saver; its file is in the folder."""
    clock = Clock()
    if backend == "memory":
        memory = InMemorySaver()
        _time(memory, clock)
        yield memory, clock
        return
    path = folder / "replay.sqlite"
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        sqlite = SqliteSaver(connection)
        sqlite.setup()
        _time(sqlite, clock)
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
