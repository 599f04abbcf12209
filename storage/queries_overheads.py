"""What backends hold beside stored bytes, where something measured it; and limits servers told.

Sources, the surest first: attached databases (``memory_bytes``, ``file_bytes``), inspections, and
the file of a SqliteSaver on this machine. Else ``storage.overheads`` assumes.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from storage import overheads, queries_inspections
from storage.gauges import decode
from storage.inspections import Inspection
from storage.overheads import Overhead
from storage.queries import ALL, Scope, reading
from storage.queries_resources import has_tables

STORED_LEAST = 1_000_000
"""Stored bytes from which on a ratio is taken: below, it tells of empty pages and the server."""

_INSPECTED = {
    "redis": ("prefix.bytes",),
    "valkey": ("prefix.bytes",),
    "postgres": ("table.size", "table.indexes", "toast.size"),
    "mongodb": ("collection.disk", "collection.indexes"),
    "sqlite": ("file.size",),
}
"""Checks of an inspection whose bytes, summed, a storage takes."""
_GAUGES = ("memory_bytes", "file_bytes")


@dataclass(frozen=True)
class Room:
    """A place that can be full."""

    label: str
    backend: str
    used_bytes: float
    most_bytes: float
    how: str


@dataclass(frozen=True)
class Physical:
    """What was found beside the stored bytes."""

    overheads: dict[str, Overhead]
    """Backend → measured, or assumed."""
    rooms: tuple[Room, ...]


def physical(engine: Engine, scope: Scope = ALL) -> Physical:
    """What is known of disks and memory, of the backends of the scope."""
    inspected = queries_inspections.newest(engine)
    with reading(engine) as connection:
        savers = _savers(connection, scope)
        told = _told(connection)
        rooms = _inspected(inspected, scope) + _servers(connection, scope)
        bytes_of: dict[str, list[tuple[float, int, str]]] = {}
        for number, key, backend, database in savers:
            size, how = _size(key, backend, database, told, inspected)
            alone = sum(other[2] == backend for other in savers) == 1
            stored = _stored(connection, backend, None if alone else number) if size else 0
            if stored >= STORED_LEAST:
                bytes_of.setdefault(backend, []).append((size, stored, how))
    for _, _, backend, database in savers:
        if backend == "sqlite" and database:
            rooms += _disk(Path(database))
    found = dict(overheads.ASSUMED)
    for backend, parts in bytes_of.items():
        ratio = sum(size for size, _, _ in parts) / sum(stored for _, stored, _ in parts)
        found[backend] = Overhead(ratio, True, parts[0][2])
    # What servers tell comes last, and is newer than a check.
    return Physical(found, tuple({room.label: room for room in rooms}.values()))


def _savers(connection: Connection, scope: Scope) -> list[tuple[int, str, str, str]]:
    only = " WHERE backend = :backend" if scope.backend is not None else ""
    rows = connection.execute(
        text(f"SELECT id, key, backend, database FROM savers{only}"),
        {"backend": scope.backend} if only else {},
    )
    return [(number, key, backend, database) for number, key, backend, database in rows]


def _stored(connection: Connection, backend: str, saver: int | None) -> int:
    """Stored bytes of a saver, or of the only one of its backend, which an index alone answers."""
    where = "backend = :backend" if saver is None else "saver_id = :saver"
    found = connection.execute(
        text(f"SELECT coalesce(sum(stored_bytes), 0) FROM threads WHERE {where}"),
        {"backend": backend} if saver is None else {"saver": saver},
    )
    return int(found.scalar_one())


def _told(connection: Connection) -> dict[str, dict[str, int]]:
    """Key of a storage → the newest readings of its attached database."""
    if not has_tables(connection):
        return {}
    rows = connection.execute(
        text(
            "SELECT r.key, g.readings FROM resources AS r JOIN gauge_samples AS g "
            "ON g.resource_id = r.id WHERE r.kind = 'source' AND g.resolution_s = 3600 "
            "ORDER BY g.bucket_us"
        )
    )
    return {key: decode(readings) for key, readings in rows}


def _size(
    key: str, backend: str, database: str, told: dict[str, dict[str, int]],
    inspected: list[Inspection],
) -> tuple[float, str]:  # fmt: skip
    for name in _GAUGES:
        if told.get(key, {}).get(name):
            how = "MEMORY USAGE of a sample" if name == "memory_bytes" else "size on its disk"
            return float(told[key][name]), f"{how}, of the attached database"
    for one in inspected:
        if one.storage == key:
            names = _INSPECTED.get(backend, ())
            sizes = [
                float(check.value) for check in one.checks
                if check.id in names and isinstance(check.value, int | float)
            ]  # fmt: skip
            if sizes:
                return sum(sizes), "the last check of the database"
    if backend == "sqlite" and database:
        try:
            return float(os.stat(database).st_size), "the file on this machine"
        except OSError:
            pass
    return 0.0, ""


def _disk(path: Path) -> list[Room]:
    try:
        disk = shutil.disk_usage(path.parent)
        size = path.stat().st_size
    except OSError:
        return []
    return [Room(f"disk of {path.name}", "sqlite", size, size + disk.free, "free space and file")]


def _inspected(found: list[Inspection], scope: Scope) -> list[Room]:
    """maxmemory as the last check of a Redis or Valkey found it."""
    rooms = []
    for one in found:
        told = {check.id: check.value for check in one.checks}
        used, most = told.get("memory.used"), told.get("memory.maximum")
        if isinstance(used, int) and isinstance(most, int) and scope.backend in {None, one.backend}:
            label = f"maxmemory of {one.label}"
            rooms.append(Room(label, one.backend, used, most, "the last check of the database"))
    return rooms


def _servers(connection: Connection, scope: Scope) -> list[Room]:
    """maxmemory of Redis and Valkey servers that ``STATEMETER_SERVERS`` names."""
    if not has_tables(connection):
        return []
    newest: dict[tuple[str, str], dict[str, int]] = {}
    for label, backend, readings in connection.execute(
        text(
            "SELECT r.label, r.backend, g.readings FROM resources AS r JOIN gauge_samples AS g "
            "ON g.resource_id = r.id WHERE r.kind = 'server' AND g.resolution_s = 3600 "
            "AND r.backend IN ('redis', 'valkey') ORDER BY g.bucket_us"
        )
    ):
        newest[label, backend] = decode(readings)
    return [
        Room(f"maxmemory of {label}", backend, told["used_bytes"], told["maximum_bytes"],
             "used_memory of the server")
        for (label, backend), told in newest.items()
        if told.get("maximum_bytes") and "used_bytes" in told
        and scope.backend in {None, backend}
    ]  # fmt: skip
