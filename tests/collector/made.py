"""Records as a probe would write them, made by hand, and a collector that drains them."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

from collector.loop import Collector, Options
from statemeter import events
from statemeter.spool import record

AT_US = 1_000_000
"""Distance between events, µs."""


def checkpoint_id(number: int) -> str:
    """A UUIDv6: greater numbers sort later."""
    return f"1f1e4e7c-{number >> 12 & 0xFFFF:04x}-6{number & 0xFFF:03x}-8000-000000000001"


class Made:
    """One incarnation of a process and its open segment."""

    def __init__(
        self, folder: Path, *, backend: str = "sqlite", saver: str = "a" * 12, start_us: int = 0
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.incarnation = uuid.uuid4().hex
        self.backend = backend
        self.saver = saver
        self.seq = 0
        self.number = 1
        self.at_us = start_us or 1_900_000_000_000_000
        self.lines: list[bytes] = []
        self._fd: int | None = None
        self.process()
        self.line(
            "saver", saver, backend, "Saver", "channels" if backend == "memory" else "whole", "db"
        )

    @property
    def path(self) -> Path:
        """The segment being written."""
        return self.folder / f"{self.incarnation}-{self.number:06}.v{events.FORMAT}.spool"

    def line(self, tag: str, *fields: Any) -> bytes:
        """Add a record."""
        self.seq += 1
        self.at_us += AT_US
        self.lines.append(record(events.encode((tag, self.seq, self.at_us, *fields))))
        return self.lines[-1]

    def process(self, pid: int = 1, host: str = "elsewhere") -> bytes:
        return self.line("process", "app", host, pid, 5, "3.11", "1.2", "0.1")

    def put(
        self,
        thread: str,
        number: int,
        size: int = 100,
        *,
        parent: int | str = "",
        ns: str = "",
        error: str = "",
        channels: dict[str, int | None] | None = None,
        changed: Any = 0,
        lists: Any = None,
        document: int = 50,
        checkpoint: str = "",
    ) -> bytes:
        """A checkpoint whose row has ``size`` bytes (memory: ``document`` and its channels)."""
        assert size >= 50
        whole = self.backend != "memory"
        told = channels if channels is not None else {"messages": size - 50}
        blobs = 0 if whole else sum(value or 0 for value in told.values())
        return self.line(
            "put", 1000, self.saver, "chat", 1, thread, ns, checkpoint or checkpoint_id(number),
            error, 100, "msgpack", checkpoint_id(parent) if isinstance(parent, int) else parent,
            number, "loop", size if whole else document, blobs, 20, 30, int(whole), told, changed,
            lists or {},
        )  # fmt: skip

    def writes(
        self, thread: str, number: int, task: str, writes: list[tuple[str, int]],
        *, ns: str = "", error: str = "", checkpoint: str = "",
    ) -> bytes:  # fmt: skip
        return self.line(
            "writes", 500, self.saver, "chat", 1, thread, ns, checkpoint or checkpoint_id(number),
            error, 50, "msgpack", task, "node", writes,
        )  # fmt: skip

    def read(self, thread: str, found: int = 1) -> bytes:
        return self.line(
            "read", 200, self.saver, "chat", 1, thread, "", "", "", 20, "msgpack", found, 300
        )

    def removal(self, method: str, thread: str, *rest: Any) -> bytes:
        return self.line(
            "removal", 900, self.saver, "chat", 0, thread, "", "", "", 0, "", method, *rest
        )

    def run(self, thread: str, run_id: str, number: int = 1) -> bytes:
        return self.line("run", number, 5000, self.saver, thread, "chat", run_id, "done")

    def node(
        self, node: str, duration_us: int, *, graph: str = "chat", error: str = "", cached: int = 0
    ) -> bytes:
        return self.line(
            "node", duration_us, 1, "", "", "", graph, 1, node, "task", error, cached
        )  # fmt: skip

    def resource(self, key: str, kind: str, backend: str = "sqlite", **facts: int) -> bytes:
        return self.line("resource", key, kind, backend, "Class", f"the {kind}", "", facts)

    def access(
        self, resource: str, method: str, part: str = "", *, duration_us: int = 100,
        graph: str = "chat", error: str = "", items: int = 1, hits: int = -1, size: int = -1,
        numbers: dict[str, int] | None = None, keys: tuple[str, ...] = (),
    ) -> bytes:  # fmt: skip
        return self.line(
            "access", duration_us, resource, graph, 1, method, part, error, items, hits, size,
            numbers or {}, keys,
        )  # fmt: skip

    def gauges(self, resource: str, **values: int) -> bytes:
        return self.line("gauges", resource, values)

    def seal(self, final: int = 1) -> bytes:
        return self.line("seal", final)

    def write(self) -> None:
        """Append the records made so far to the segment, which stays locked as a probe's does."""
        if self._fd is None:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.write(self._fd, b"".join(self.lines))
        self.lines = []

    def die(self) -> None:
        """The process is gone: its lock is free."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def next_segment(self) -> None:
        """Seal the segment and begin another."""
        self.seal(final=0)
        self.write()
        self.die()
        self.number += 1


def collect(spool: Path, store: Path) -> None:
    """Drain a spool, as ``--once`` does."""
    Collector(Options(url=str(store), folder=spool, once=True)).run()


def query(store: Path, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    """Rows of a store."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, parameters)]


def one(store: Path, sql: str, *parameters: Any) -> Any:
    """One value of a store."""
    rows = query(store, sql, *parameters)
    assert len(rows) == 1, rows
    return next(iter(rows[0].values()))


def thread_row(store: Path, thread: str) -> dict[str, Any]:
    """The row of a thread."""
    (row,) = query(store, "SELECT * FROM threads WHERE thread_id = ?", thread)
    return row


def everything(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that events make, for comparing two stores."""
    tables = (
        "processes", "savers", "threads", "operations", "runs", "node_runs", "samples", "rollups",
        "thread_minutes", "gaps", "resources", "access_rollups", "cache_nodes", "cache_keys",
        "gauge_samples", "node_durations",
    )  # fmt: skip
    with closing(sqlite3.connect(store)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)
            for table in tables
        }
