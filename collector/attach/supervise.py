"""A reader for each attached database, kept alive by the collector.

A file in the folder ``sources`` of the spool means: it is attached. Its reader is a child process,
so that a driver that hangs or a damaged database harms nothing but itself.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from collector import children
from collector.inspection.child import environment
from storage import sources
from storage.sources import Source

logger = logging.getLogger("statemeter.collector")

RETRY_SECONDS = (1.0, 60.0)
"""After a reader ended by itself, first and longest."""
STEADY_SECONDS = 60.0
"""One that lived so long is no failure at the start."""
END_SECONDS = 5.0

_ADD = (
    "INSERT INTO sources (key, backend, shown, application, mode, phase, cursor, done_checkpoints, "
    "total_checkpoints, done_bytes, total_bytes, problem, problem_since_us, updated_us, added_us, "
    "removed_us) VALUES (?, ?, ?, ?, ?, 'waiting', '', 0, -1, 0, -1, '', 0, 0, ?, 0) "
    "ON CONFLICT (key) DO UPDATE SET backend = excluded.backend, shown = excluded.shown, "
    "application = excluded.application, mode = excluded.mode, added_us = excluded.added_us, "
    "removed_us = 0"
)
_REMOVE = "UPDATE sources SET removed_us = ?, problem = '', problem_since_us = 0 WHERE key = ?"
_PRESENT = "SELECT key, added_us, mode FROM sources WHERE removed_us = 0"
_PROBLEM = (
    "UPDATE sources SET problem = ?, problem_since_us = CASE WHEN problem = '' THEN ? "
    "ELSE problem_since_us END WHERE key = ?"
)

Transaction = Callable[[], AbstractContextManager[Connection]]


@dataclass
class Child:
    """A reader."""

    source: Source
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    again: float = 0.0
    """When it may be started, monotonic seconds."""
    wait: float = RETRY_SECONDS[0]


class Supervisor:
    """The readers of one collector."""

    def __init__(self, spool: Path, store: str, parent: int) -> None:
        self._spool = spool
        self._store = store
        self._parent = parent
        self._children: dict[str, Child] = {}
        self._known: set[tuple[str, int, str]] | None = None

    def tend(self, transaction: Transaction) -> None:
        """Start and stop readers, as the files say now; ``transaction`` is the ingest's."""
        attached = {source.key: source for source in sources.list_(self._spool)}
        self._note(attached, transaction)
        for key, child in list(self._children.items()):
            source = attached.get(key)
            if source is None or source != child.source or source.mode != "attach":
                self._end(child)
                del self._children[key]
        for key, source in attached.items():
            if source.backend and source.mode == "attach":
                self._keep(self._children.setdefault(key, Child(source)), transaction)

    def stop(self) -> None:
        """End all readers; what they told is in the spool."""
        for child in self._children.values():
            if child.process is not None:
                child.process.terminate()
        for child in self._children.values():
            self._end(child)
        self._children = {}
        self._known = None

    def _keep(self, child: Child, transaction: Transaction) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            child.process = None
            if now - child.began > STEADY_SECONDS:
                child.wait = RETRY_SECONDS[0]
            child.again = now + child.wait
            text = f"Its reader ended (exit code {code}), and is started again."
            logger.warning("%s: %s", child.source.shown, text)
            now_us = time.time_ns() // 1000
            with transaction() as connection:
                connection.exec_driver_sql(_PROBLEM, (text, now_us, child.source.key))
            child.wait = min(2 * child.wait, RETRY_SECONDS[1])
        if now >= child.again:
            child.began = now
            child.process = self._start(child.source)

    def _start(self, source: Source) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 (a module of ours; the key is one of hex digits)
            [
                sys.executable, "-m", "collector.attach", "--key", source.key,
                "--spool", str(self._spool), "--store", self._store, "--parent", str(self._parent),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment(),
        )  # fmt: skip

    def _end(self, child: Child) -> None:
        process, child.process = child.process, None
        if process is None:
            return
        children.end(process, END_SECONDS)

    def _note(self, attached: dict[str, Source], transaction: Transaction) -> None:
        """Keep the table like the folder; a look at the folder alone while nothing changes."""
        now: set[tuple[str, int, str]] = {
            (one.key, one.created_us, one.mode) for one in attached.values()
        }
        if now == self._known:
            return
        with transaction() as connection:
            rows = {tuple(row) for row in connection.exec_driver_sql(_PRESENT)}
            for key, created_us, mode in now - rows:
                one = attached[key]
                connection.exec_driver_sql(
                    _ADD, (key, one.backend, one.shown, one.application, mode, created_us)
                )
            for key, _, _ in rows:
                if key not in attached:
                    connection.exec_driver_sql(_REMOVE, (time.time_ns() // 1000, key))
        self._known = now
