"""When a limit is met: a disk, Redis's maxmemory, MongoDB's 16 MB for a document.

A date comes from the fitted growth (``storage.growth``): where its expected line meets the limit,
and where the ends of its 95 % range do. What has too little history has no date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from storage.cost_terms import GB
from storage.growth import Fit, fit
from storage.queries import SECOND_US, Scope, fetch, reading
from storage.queries_overheads import Physical, Room

DAY_S = 86_400
HORIZON_DAYS = 365
DOCUMENT_BYTES = 16 * 1024 * 1024
"""Largest document that MongoDB takes (MongoDB Limits and Thresholds, "BSON Document Size")."""
DOCUMENT_BESIDE = 1_000
"""Bytes of a document beside the checkpoint: ids, names, metadata; 300 to 600 measured."""
THREADS_LOOKED = 5
"""Threads with the largest documents whose growth is fitted."""
MINUTE_US = 60 * SECOND_US
SERVERS = {
    "postgres": ("disk", "disk_gb"),
    "mongodb": ("disk", "disk_gb"),
    "redis": ("maxmemory", "maxmemory_gb"),
    "valkey": ("maxmemory", "maxmemory_gb"),
}
"""Backend → what of its server can be full, and the setting that says how large it is."""
FINE_MINUTES = 24 * 60
"""Minutes of a thread's life up to which its growth is fitted by minute, else by hour."""

Status = Literal["date", "met", "later", "unknown"]


@dataclass(frozen=True)
class Limit:
    """A limit and when it is met."""

    label: str
    backend: str
    used_bytes: float | None
    most_bytes: float | None
    status: Status
    """``date``; ``met``: it is already; ``later``: not within 12 months; ``unknown``."""
    why: str
    at_us: int | None = None
    earliest_us: int | None = None
    latest_us: int | None = None
    """None: the range does not end within 12 months."""


def limits(  # noqa: PLR0917 (what limits are made of)
    physical: Physical,
    fits: Mapping[str, Fit | str],
    held: Mapping[str, tuple[float, float]],
    figures: Mapping[str, float],
    documents: list[Limit],
    at_us: int,
) -> list[Limit]:
    """All limits, those met first at the top.

    Args:
        physical: places that can be full, as servers and files tell.
        fits: backend → its growth, or why there is none.
        held: backend → stored bytes and overhead.
        figures: settings, see ``storage.cost_settings``.
        documents: limits of MongoDB's documents.
        at_us: now.
    """
    rooms = {room.label: room for room in physical.rooms}
    found = []
    for backend in held.keys() & SERVERS:
        stored, ratio = held[backend]
        name, setting = SERVERS[backend]
        most = figures[setting] * GB
        if most > 0:
            rooms = {label: room for label, room in rooms.items() if room.backend != backend}
            label = f"{name} of {backend}"
            rooms[label] = Room(label, backend, stored * ratio, most, "as entered")
        elif all(room.backend != backend for room in rooms.values()):
            why = "how large it is is not known: enter it in the settings"
            found.append(Limit(f"{name} of {backend}", backend, None, None, "unknown", why))
    for room in rooms.values():
        growth = fits.get(room.backend, "nothing is stored there")
        found.append(meets(room, growth, held.get(room.backend, (0.0, 1.0))[1], at_us))
    order = ("met", "date", "later", "unknown")
    return sorted([*found, *documents], key=lambda one: (order.index(one.status), one.at_us or 0))


def meets(room: Room, growth: Fit | str, ratio: float, at_us: int) -> Limit:
    """When a place is full."""
    told = (room.label, room.backend, room.used_bytes, room.most_bytes)
    if room.used_bytes >= room.most_bytes:
        return Limit(*told, "met", room.how)
    if isinstance(growth, str):
        return Limit(*told, "unknown", growth)
    seconds = np.arange(0, HORIZON_DAYS * 24 + 1) * 3600.0
    mean, low, high = growth.change(seconds)
    free = (room.most_bytes - room.used_bytes) / ratio

    def first(curve: np.ndarray) -> int | None:
        places = np.flatnonzero(curve >= free)
        return at_us + int(seconds[places[0]] * SECOND_US) if len(places) else None

    at, earliest, latest = first(mean), first(high), first(low)
    why = f"{growth.model} growth, {room.how}"
    if at is None:
        return Limit(*told, "later", why, None, earliest, None)
    return Limit(*told, "date", why, at, earliest, latest)


def documents(engine: Engine, scope: Scope, at_us: int) -> list[Limit]:
    """The documents of MongoDB that come to 16 MB first; empty without MongoDB."""
    if scope.backend not in {None, "mongodb"}:
        return []
    narrowed = Scope("mongodb", scope.application)
    with reading(engine) as connection:
        threads = fetch(
            connection,
            f"SELECT id, thread_id, live_bytes FROM threads WHERE deleted_us = 0{narrowed.where()} "
            "ORDER BY live_bytes DESC LIMIT :most",
            most=THREADS_LOOKED,
            **narrowed.values(),
        )
        if threads.empty:
            return []
        keys = ", ".join(str(int(key)) for key in threads["id"])
        minutes = fetch(
            connection,
            "SELECT thread_key, minute_us, live_bytes FROM thread_minutes "
            f"WHERE thread_key IN ({keys}) ORDER BY thread_key, minute_us",
        )
    found = [_document(row, minutes[minutes["thread_key"] == row.id], at_us)
             for row in threads.itertuples(index=False)]  # fmt: skip
    order = ("met", "date", "later", "unknown")
    return sorted(found, key=lambda one: (order.index(one.status), one.at_us or 0))[:1]


def _document(row: object, minutes: pd.DataFrame, at_us: int) -> Limit:
    used = float(row.live_bytes) + DOCUMENT_BESIDE  # type: ignore[attr-defined]
    room = Room(
        f"16 MB document of {row.thread_id}", "mongodb", used,  # type: ignore[attr-defined]
        DOCUMENT_BYTES, "live bytes of the thread",
    )  # fmt: skip
    growth: Fit | str = "it was used in too few minutes to tell its growth"
    if len(minutes) > 1:
        at = minutes["minute_us"].to_numpy(np.int64)
        long = at[-1] - at[0] > FINE_MINUTES * MINUTE_US
        slot_us = 60 * MINUTE_US if long else MINUTE_US
        ends = np.arange(at[0] + slot_us, max(at_us, at[-1] + slot_us), slot_us)
        last = np.searchsorted(at, ends) - 1
        levels = minutes["live_bytes"].to_numpy(np.float64)[last]
        growth = fit(np.diff(levels), slot_us / SECOND_US) or growth
    return meets(room, growth, 1.0, at_us)
