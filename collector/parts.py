"""Parts of resources, bounded: namespace prefixes may hold user ids, of which there is no end."""

from __future__ import annotations

from sqlalchemy import Connection

from storage.models_resources import FOLDED

PARTS_KEPT = 100
"""Most parts of a resource in an hour; calls of further ones are summed under "…"."""
CHARACTERS_KEPT = 200
"""Of the name of a part."""

HOUR_US = 3_600_000_000
_HOURS_KEPT = 500
"""Of resources, in memory; others are looked up."""

_SELECT = (
    "SELECT DISTINCT part FROM access_rollups "
    "WHERE resolution_s = 3600 AND bucket_us = ? AND resource_id = ?"
)


class Parts:
    """The parts that have rows of their own, by resource and hour."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], set[str]] = {}

    def of(self, connection: Connection, resource_id: int, at_us: int, part: str) -> str:
        """The name under which a call is summed."""
        hour = (resource_id, at_us // HOUR_US)
        known = self._known.get(hour)
        if known is None:
            start_us = at_us - at_us % HOUR_US
            rows = connection.exec_driver_sql(_SELECT, (start_us, resource_id))
            known = self._known[hour] = set(rows.scalars()) - {FOLDED}
        part = part[:CHARACTERS_KEPT]
        if part not in known:
            if len(known) >= PARTS_KEPT:
                return FOLDED
            known.add(part)
        return part

    def saved(self) -> None:
        """What was named is committed: bound the memory."""
        for hour in list(self._known)[: max(0, len(self._known) - _HOURS_KEPT)]:
            del self._known[hour]
