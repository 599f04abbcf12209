"""The jobs of one collector: one at a time, each in a child, in the order of their asking.

One at a time, because two that measure at once would measure each other. What a child tells becomes
a row; when it has ended and that is stored, its files go. A child that is killed has its job marked
as failed, with what it had found until then, and another child removes what it had created.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
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
from storage import inserts, jobs
from storage.jobs import Request, Told

logger = logging.getLogger("statemeter.collector")

END_SECONDS = 10.0
"""Time for a child to end by itself, cleaning up included."""

KEPT = 500
"""Jobs that stay in the store; the oldest go first."""

_COLUMNS = inserts.columns_of("jobs")
_UPSERT = inserts.insert_sql("jobs", prefix="OR REPLACE")
_DELETE_OLD = (
    "DELETE FROM jobs WHERE ended_us > 0 AND id NOT IN "
    "(SELECT id FROM jobs ORDER BY created_us DESC LIMIT ?)"
)
_KILLED = (
    "It was killed ({}). Perhaps the machine ran out of memory; what it found until then is kept."
)
_LEFT = " What it had created could not be removed; see the log of the collector."

Transaction = Callable[[], AbstractContextManager[Connection]]


@dataclass
class _Running:
    request: Request
    process: subprocess.Popen[bytes]
    cleaning: bool = False
    """It removes what an earlier process of the job left."""
    code: int = 0
    """How that one ended."""


class Jobs:
    """What the folder asks for, done."""

    def __init__(self, spool: Path, parent: int, module: str = "collector.jobs") -> None:
        self._spool = spool
        self._parent = parent
        self._module = module
        self._running: _Running | None = None
        self._stored: dict[str, tuple[str, int]] = {}

    @property
    def idle(self) -> bool:
        """Whether no job runs or waits."""
        return self._running is None and next(jobs.waiting(self._spool), None) is None

    def tend(self, transaction: Transaction) -> None:
        """Store what is told, begin what waits; ``transaction`` is the ingest's."""
        requests = list(jobs.waiting(self._spool))
        if self._running is not None:
            self._look(self._running)
        found = [(one, told) for one in requests if (told := self._told(one)) is not None]
        changed = [
            (request, told)
            for request, told in found
            if self._stored.get(request.id) != (told.state, told.updated_us)
        ]
        if changed:
            with transaction() as connection:
                inserts.run(connection, _UPSERT, [_row(*one) for one in changed])
                connection.exec_driver_sql(_DELETE_OLD, (KEPT,))
        for request, told in found:
            self._stored[request.id] = (told.state, told.updated_us)
            if told.state in jobs.ENDED and not self._is_of(request):
                jobs.forget(self._spool, request.id)
                requests.remove(request)
                del self._stored[request.id]
        if self._running is None:
            self._begin(requests)

    def stop(self) -> None:
        """End the job that runs, as if it were cancelled."""
        running, self._running = self._running, None
        if running is None:
            return
        children.end(running.process, END_SECONDS)

    def _told(self, request: Request) -> Told | None:
        """How far a job is; one that was never begun and is cancelled has ended."""
        told = jobs.told(self._spool, request.id)
        if told is not None and told.state != "waiting":
            return told
        if self._is_of(request):
            return None
        cancelled = jobs.is_cancelled(self._spool, request.id)
        now = time.time_ns() // 1000
        return Told(state="cancelled", updated_us=now, ended_us=now) if cancelled else Told()

    def _is_of(self, request: Request) -> bool:
        return self._running is not None and self._running.request.id == request.id

    def _begin(self, requests: list[Request]) -> None:
        for request in requests:
            told = jobs.told(self._spool, request.id)
            if told is not None and told.state in jobs.ENDED:
                continue
            if told is not None and told.state == "running":  # of a collector that is gone
                self._running = self._start(request, cleaning=True)
                return
            if not jobs.is_cancelled(self._spool, request.id):
                self._running = self._start(request)
                return

    def _look(self, running: _Running) -> None:
        """See whether a child has ended, and how."""
        code = running.process.poll()
        if code is None:
            return
        self._running = None
        told = jobs.told(self._spool, running.request.id) or Told()
        if running.cleaning:
            self._fail(running.request, told, running.code, cleaned=code == 0)
        elif told.state not in jobs.ENDED:
            self._running = self._start(running.request, cleaning=True, code=code)

    def _fail(self, request: Request, told: Told, code: int, *, cleaned: bool) -> None:
        name = f"exit code {code}"
        if code < 0:
            name = signal.Signals(-code).name
        elif code == 0:
            name = "its collector ended"
        logger.warning("the job %s ended: %s", request.name, name)
        told.state, told.phase = "failed", ""
        told.problem = _KILLED.format(name) + ("" if cleaned else _LEFT)
        told.partial = told.result != b"null"
        told.ended_us = time.time_ns() // 1000
        with contextlib.suppress(jobs.JobUnwritable):
            jobs.tell(self._spool, request.id, told)

    def _start(self, request: Request, *, cleaning: bool = False, code: int = 0) -> _Running:
        process = subprocess.Popen(  # noqa: S603 (a module of ours; the id is one of hex digits)
            [
                sys.executable, "-m", self._module, request.id, "--spool", str(self._spool),
                "--parent", str(self._parent), *(["--clean"] if cleaning else []),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment(),
        )  # fmt: skip
        return _Running(request, process, cleaning, code)


def _row(request: Request, told: Told) -> inserts.Row:
    values = {
        "id": request.id, "kind": request.kind, "name": request.name,
        "asked": json.dumps(request.asked), "state": told.state, "phase": told.phase,
        "share": told.share, "problem": told.problem, "partial": int(told.partial),
        "created_us": request.created_us, "started_us": told.started_us,
        "updated_us": told.updated_us, "ended_us": told.ended_us,
        "result": bytes(told.result).decode(),
    }  # fmt: skip
    return tuple(values[name] for name in _COLUMNS)
