"""Calls of stores, caches and embeddings summed by time, see ``storage.buckets``."""

from __future__ import annotations

from statemeter import events
from storage import histogram
from storage.buckets import SECOND_US, Buckets, Sums

FINDS = frozenset({"search", "list_namespaces"})
"""Methods that give what there is: of nothing that was asked for can it be said that it was not."""


class AccessSums(Sums):
    """One bucket of calls."""

    TABLE = "access_rollups"
    ADDED = (
        "count", "errors", "items", "asked", "hits", "payload_bytes", "unsized", "duration_us",
        "waited_us", "characters", "saved_us", "unknown_hits",
    )  # fmt: skip
    __slots__ = ADDED

    count: int
    errors: int
    items: int
    asked: int
    hits: int
    payload_bytes: int
    unsized: int
    duration_us: int
    waited_us: int
    characters: int
    saved_us: int
    unknown_hits: int

    def add(self, event: events.Access) -> None:
        """Add one call; what it saved is added by who knows."""
        duration_us = max(event.duration_us, 0)
        self.count += 1
        self.items += max(event.items, 0)
        if event.error:
            self.errors += 1
        elif event.hits >= 0 and event.method not in FINDS:
            self.asked += max(event.items, 0)
            self.hits += event.hits
        if event.bytes >= 0:
            self.payload_bytes += event.bytes
        else:
            self.unsized += 1
        if event.numbers:
            self.waited_us += max(event.numbers.get("waited_us", 0), 0)
            self.characters += max(event.numbers.get("characters", 0), 0)
        self.duration_us += duration_us
        self.duration_max_us = max(self.duration_max_us, duration_us)
        if duration_us < self.duration_min_us or self.duration_min_us < 0:
            self.duration_min_us = duration_us
        bucket = histogram.bucket_of(duration_us)
        self.histogram[bucket] = self.histogram.get(bucket, 0) + 1


class AccessRollups(Buckets[AccessSums]):
    """The buckets of calls that a batch touches."""

    def __init__(self) -> None:
        super().__init__(AccessSums)

    def of(
        self, at_us: int, application: str, resource_id: int, method: str, part: str
    ) -> AccessSums:
        """The bucket of a second, to be added to in place."""
        key = (at_us - at_us % SECOND_US, application, resource_id, method, part)
        sums = self.seconds.get(key)
        if sums is None:
            sums = self.seconds[key] = AccessSums()
        return sums
