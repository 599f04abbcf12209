"""Calls of stores, caches and embeddings, and readings of pools: what is kept of them.

Like threads and processes, what is in memory mirrors what is committed; a failed transaction
throws it away.
"""

from __future__ import annotations

from sqlite3 import Cursor

from sqlalchemy import Connection

from collector.cache_keys import CacheKeys
from collector.durations import Durations
from collector.parts import Parts
from collector.processes import ProcessState
from collector.resources import Resources
from statemeter import events
from storage import gauges
from storage.access_rollups import AccessRollups

SERIES_KEPT = 5_000
"""Newest readings in memory, of resources in processes; others are looked up."""
READINGS_KEPT = 64
"""Most names in one reading."""


class Accesses:
    """Takes the events of resources in the order in which they were read."""

    def __init__(self, cursor: Cursor) -> None:
        self.durations = Durations(cursor)
        self._resources = Resources(cursor)
        self._parts = Parts()
        self._rollups = AccessRollups()
        self._keys = CacheKeys()
        self._gauges = gauges.GaugeRollups()
        self._newest: dict[gauges.Series, gauges.Values] = {}

    def introduce(self, event: events.Resource) -> None:
        """A resource was introduced."""
        self._resources.introduce(event)

    def access(self, connection: Connection, process: ProcessState, event: events.Access) -> None:
        """A call of a store, of a cache or of embeddings."""
        resource = self._resources.get(event.resource, event.at_us)
        part = self._parts.of(connection, resource.id, event.at_us, event.part)
        sums = self._rollups.of(
            event.at_us, process.application, resource.id, event.method, part
        )  # fmt: skip
        sums.add(event)
        if event.keys or resource.kind == "cache":
            self._keys.note(connection, resource.id, part, event)
            if event.hits > 0 and not event.error and event.method == "get":
                usual_us = self.durations.usual_us((process.application, event.graph, event.part))
                if usual_us is None:
                    sums.unknown_hits += event.hits
                else:
                    sums.saved_us += event.hits * usual_us

    def gauges(self, connection: Connection, process: ProcessState, event: events.Gauges) -> None:
        """Readings of a pool or an ``lru_cache``."""
        series = (self._resources.get(event.resource, event.at_us).id, process.id)
        before = self._newest.pop(series, None)
        if before is None:
            before = gauges.newest(connection, series)
        now = dict(list(event.values.items())[:READINGS_KEPT])
        self._newest[series] = now
        self._gauges.add(series, event.at_us, before, now)

    def save(self, connection: Connection, at_us: int) -> None:
        """Write back all that changed; ``at_us`` is the time of the newest event."""
        self._resources.save(connection)
        self._rollups.save(connection)
        self._keys.save(connection)
        self._gauges.save(connection)
        self.durations.save(connection, at_us)

    def saved(self) -> None:
        """What ``save`` wrote is committed: bound the memory."""
        self._parts.saved()
        for series in list(self._newest)[: max(0, len(self._newest) - SERIES_KEPT)]:
            del self._newest[series]
