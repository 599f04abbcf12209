"""Who may write: one collector at a time, by the lease in the row of ``collector``.

A holder renews its lease every second for ``LEASE_SECONDS``. It passes on when it runs out, when
it is given back, or at once when its process on this host is gone.
"""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from collector.alive import created_us, is_alive
from storage import store

LEASE_SECONDS = 5

_LOOK = "SELECT holder, host, pid, started_us, expires_us FROM collector WHERE id = 1"
_CLAIM = (
    "UPDATE collector SET holder = ?, host = ?, pid = ?, started_us = ?, heartbeat_us = ?, "
    "expires_us = ? WHERE id = 1"
)


@dataclass(frozen=True)
class Holder:
    """Whoever has the lease now."""

    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Lease:
    """The claim of this collector."""

    def __init__(self) -> None:
        self.holder = uuid.uuid4().hex
        self._host = socket.gethostname()
        self._pid = os.getpid()
        self._started_us = created_us(self._pid) or 0

    def take(self, engine: Engine, now_us: int) -> Holder | None:
        """Take the lease if it is free; else tell who has it."""
        with store.plain(engine) as cursor:  # a look, without the write lock
            other = self._other(cursor.execute(_LOOK).fetchone(), now_us)
        if other is not None:
            return other
        with engine.begin() as connection:
            other = self._other(connection.exec_driver_sql(_LOOK).one_or_none(), now_us)
            if other is None:
                connection.exec_driver_sql("INSERT OR IGNORE INTO collector " + _BLANK)
                connection.exec_driver_sql(
                    _CLAIM,
                    (
                        self.holder, self._host, self._pid, self._started_us, now_us,
                        now_us + LEASE_SECONDS * 1_000_000,
                    ),
                )  # fmt: skip
            return other

    def give_back(self, engine: Engine) -> None:
        """End the lease, so that the next collector need not wait."""
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE collector SET holder = '', expires_us = 0 WHERE id = 1 AND holder = ?",
                (self.holder,),
            )

    def _other(self, row: Any, now_us: int) -> Holder | None:
        if row is None:
            return None
        holder, host, pid, started_us, expires_us = row
        if holder in ("", self.holder) or expires_us < now_us:
            return None
        if host == self._host and not is_alive(pid, started_us):
            return None
        return Holder(host, pid)


_BLANK = (
    "(id, holder, host, pid, expires_us, started_us, heartbeat_us, spool, ingested, "
    "events_per_second, lag_bytes, lag_events, lag_seconds, backlog_bytes, dead_letters, "
    "store_bytes, problem, problem_since_us) "
    "VALUES (1, '', '', 0, 0, 0, 0, '', 0, 0, 0, 0, 0, 0, '{}', 0, '', 0)"
)
