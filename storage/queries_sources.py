"""Databases that were attached: how far their reading has come, and what they hold.

Read from ``sources`` and from the readings that readers tell, see ``GaugeSample``; nothing here
counts threads or operations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, Engine, text

from storage.gauges import Values, decode
from storage.queries import SECOND_US, now_us, reading
from storage.queries_resources import has_tables

SCHEMA = 5
"""The first that has them."""

RATE_US = 30 * SECOND_US
"""What a speed is the mean of."""

SILENT_US = 15 * SECOND_US
"""A reader that told nothing for longer has no speed now; one that works tells once a second."""

RECENT = 20
"""Rows of readings that are looked through: one for each hour and reader."""

SUMMED = 100_000
"""Most threads of a database whose bytes are summed: some 0.1 s."""

MOST = 500
"""Most sources told, those attached last."""


@dataclass(frozen=True)
class Attached:
    """One database, as its reader told it last."""

    key: str
    """Key of its storage, as of a saver."""
    backend: str
    shown: str
    """Its URL without password and query."""
    application: str
    mode: str
    """``attach`` or ``values``, see ``storage.sources.Mode``."""
    phase: str = "waiting"
    """``waiting``: not begun; ``first``: its history is being read; ``following``: it is kept up
    with."""
    done_checkpoints: int = 0
    total_checkpoints: int | None = None
    """None: unknown."""
    done_bytes: int = 0
    total_bytes: int | None = None
    """None: unknown."""
    problem: str = ""
    """Why nothing can be read now, with the fix; empty: nothing is wrong."""
    problem_since_us: int = 0
    updated_us: int = 0
    """When its reader told something last, 0: never."""
    added_us: int = 0
    removed_us: int = 0
    """When it was detached, 0: it is not."""
    at_us: int = 0
    """When this was read from the store."""
    read_at_us: int = 0
    """When the readings were told, 0: never."""
    readings: Values = field(default_factory=dict)
    """Name → number, of what its backend can tell: checkpoints, threads, namespaces, writes,
    orphan_writes and orphan_blobs (counts), orphan_write_bytes, orphan_blob_bytes, dead_bytes,
    file_bytes, newest_us (time of its newest checkpoint). What is missing is unknown."""
    bytes_per_second: float | None = None
    """Read from the database lately; None: unknown."""
    checkpoints_per_second: float | None = None

    @property
    def share(self) -> float | None:
        """How much of its history was read, 0 to 1; None where its size is unknown."""
        for done, total in (
            (self.done_bytes, self.total_bytes),
            (self.done_checkpoints, self.total_checkpoints),
        ):
            if total:
                return min(1.0, done / total)
        return None

    @property
    def left_us(self) -> float | None:
        """Time that the rest of its history will take at the speed of now, µs; None: unknown."""
        for done, total, speed in (
            (self.done_bytes, self.total_bytes, self.bytes_per_second),
            (self.done_checkpoints, self.total_checkpoints, self.checkpoints_per_second),
        ):
            if total and speed:
                return max(0, total - done) / speed * SECOND_US
        return None


_COLUMNS = tuple(
    one.name
    for one in fields(Attached)
    if one.name
    not in {"at_us", "read_at_us", "readings", "bytes_per_second", "checkpoints_per_second"}
)


def attached(engine: Engine, at_us: int | None = None) -> list[Attached]:
    """All databases that were ever attached, in the order of their attaching; the detached last."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        if not has_tables(connection, SCHEMA):
            return []
        rows = (
            connection.execute(
                text(
                    f"SELECT {', '.join(_COLUMNS)} FROM sources "
                    "ORDER BY removed_us > 0, added_us DESC, key LIMIT :most"
                ),
                {"most": MOST},
            )
            .mappings()
            .all()
        )
        found = [_attached(connection, dict(row), at_us) for row in rows]
    return sorted(found, key=lambda one: (one.removed_us > 0, one.added_us, one.key))


def stored(engine: Engine, key: str) -> tuple[int, int] | None:
    """Threads of a database and the bytes that they hold, as far as it was read; None: there are
    more than ``SUMMED``, or none was read yet.

    Args:
        engine: a reader's.
        key: of the database.
    """
    with reading(engine) as connection:
        number, total = connection.execute(
            text(
                "SELECT count(*), sum(stored_bytes) FROM (SELECT stored_bytes FROM threads "
                "WHERE saver_id = (SELECT id FROM savers WHERE key = :key) AND deleted_us = 0 "
                "LIMIT :most)"
            ),
            {"key": key, "most": SUMMED + 1},
        ).one()
    return None if not number or number > SUMMED else (int(number), int(total))


def _attached(connection: Connection, row: dict[str, Any], at_us: int) -> Attached:
    for name in ("total_checkpoints", "total_bytes"):
        row[name] = None if row[name] < 0 else row[name]
    return Attached(**row, at_us=at_us, **_told(connection, row["key"], at_us))


def _told(connection: Connection, key: str, at_us: int) -> dict[str, Any]:
    """Readings and speeds of a source: fields of ``Attached``."""
    resource = connection.execute(
        text("SELECT id FROM resources WHERE key = :key AND kind = 'source'"), {"key": key}
    ).scalar()
    if resource is None:
        return {}
    rows = connection.execute(
        text(
            "SELECT at_us, readings FROM gauge_samples WHERE resolution_s = 3600 "
            "AND resource_id = :resource ORDER BY bucket_us DESC, at_us DESC LIMIT :most"
        ),
        {"resource": resource, "most": RECENT},
    ).all()
    if not rows:
        return {}
    read_at_us, readings = rows[0][0], decode(rows[0][1])
    # A reader that was started anew has not seen those that the one before it has read.
    newest = max(decode(row[1]).get("newest_us", 0) for row in rows)
    told = {
        "read_at_us": read_at_us,
        "readings": readings | ({"newest_us": newest} if newest else {}),
    }
    if at_us - read_at_us > SILENT_US:
        return told
    rows = connection.execute(
        text(
            "SELECT at_us, added FROM gauge_samples WHERE resolution_s = 1 "
            "AND resource_id = :resource AND bucket_us >= :start ORDER BY at_us"
        ),
        {"resource": resource, "start": at_us - RATE_US},
    ).all()
    return told | _speeds([(row[0], decode(row[1])) for row in rows])


def _speeds(rows: list[tuple[int, Values]]) -> dict[str, float]:
    """Growth by second between the first and the last of some samples, which are in order."""
    seconds = (rows[-1][0] - rows[0][0]) / SECOND_US if rows else 0
    if seconds <= 0:
        return {}
    # What the first sample tells grew before it.
    return {
        f"{name}_per_second": sum(added.get(f"read_{name}", 0) for _, added in rows[1:]) / seconds
        for name in ("bytes", "checkpoints")
    }
