"""Sums by second, minute and hour, kept at ingest, so that pages never count operations.

Seconds are summed in memory while a batch is stored; minutes and hours are folded from them; all
three are then added to the rows that are there.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from storage import histogram, inserts

SECOND_US = 1_000_000
RESOLUTIONS_S = (1, 60, 3600)

Key = tuple[int, str, str, str]
"""(start of the bucket in µs, application, backend, operation)."""

_INSERT = inserts.insert_sql("rollups", prefix="OR REPLACE")
_SELECT = (
    "SELECT " + ", ".join(inserts.columns_of("rollups")) + " FROM rollups "
    "WHERE resolution_s = ? AND bucket_us IN ({places})"
)
_PLACES = 500


class Sums:
    """One bucket of operations."""

    __slots__ = (
        "count", "duration_max_us", "duration_min_us", "duration_us", "errors", "histogram",
        "live_delta_bytes", "payload_bytes", "serde_us", "stored_delta_bytes", "threads_delta",
    )  # fmt: skip

    def __init__(self) -> None:
        self.count = self.errors = self.payload_bytes = self.duration_us = self.serde_us = 0
        self.stored_delta_bytes = self.live_delta_bytes = self.threads_delta = 0
        self.duration_min_us = -1
        self.duration_max_us = 0
        self.histogram: histogram.Counts = {}

    def add(  # noqa: PLR0917 (called for every operation: keywords cost)
        self, duration_us: int, serde_us: int, payload_bytes: int, failed: bool,
        stored_delta_bytes: int, live_delta_bytes: int, threads_delta: int,
    ) -> None:  # fmt: skip
        """Add one operation."""
        self.count += 1
        self.payload_bytes += payload_bytes
        self.serde_us += serde_us
        self.stored_delta_bytes += stored_delta_bytes
        self.live_delta_bytes += live_delta_bytes
        self.threads_delta += threads_delta
        self.errors += failed
        self.duration_us += duration_us
        if duration_us > self.duration_max_us:  # noqa: PLR1730 (a call costs more)
            self.duration_max_us = duration_us
        if duration_us < self.duration_min_us or self.duration_min_us < 0:
            self.duration_min_us = duration_us
        bucket = histogram.bucket_of(duration_us)
        self.histogram[bucket] = self.histogram.get(bucket, 0) + 1

    def merge(self, other: Sums) -> None:
        """Add another bucket."""
        least = (self.duration_min_us, other.duration_min_us)
        self.duration_min_us = max(least) if min(least) < 0 else min(least)
        self.duration_max_us = max(self.duration_max_us, other.duration_max_us)
        self.count += other.count
        self.errors += other.errors
        self.payload_bytes += other.payload_bytes
        self.duration_us += other.duration_us
        self.serde_us += other.serde_us
        self.stored_delta_bytes += other.stored_delta_bytes
        self.live_delta_bytes += other.live_delta_bytes
        self.threads_delta += other.threads_delta
        counts = self.histogram
        for bucket, count in other.histogram.items():
            counts[bucket] = counts.get(bucket, 0) + count


class Rollups:
    """The buckets that a batch touches."""

    def __init__(self) -> None:
        self._seconds: dict[Key, Sums] = {}

    def of(self, at_us: int, application: str, backend: str, operation: str) -> Sums:
        """The bucket of a second, to be added to in place."""
        key = (at_us - at_us % SECOND_US, application, backend, operation)
        sums = self._seconds.get(key)
        if sums is None:
            sums = self._seconds[key] = Sums()
        return sums

    def save(self, connection: Connection) -> None:
        """Add all buckets to the store and forget them."""
        seconds, self._seconds = self._seconds, {}
        buckets = seconds
        for resolution in RESOLUTIONS_S:
            buckets = _fold(buckets, resolution) if resolution > 1 else seconds
            stored = _load(connection, resolution, {key[0] for key in buckets})
            rows = []
            for key, sums in buckets.items():
                if key in stored:
                    before = stored[key]
                    before.merge(sums)
                    rows.append(_row(resolution, key, before))
                else:
                    rows.append(_row(resolution, key, sums))
            inserts.run(connection, _INSERT, rows)


def _fold(buckets: dict[Key, Sums], resolution_s: int) -> dict[Key, Sums]:
    width = resolution_s * SECOND_US
    folded: dict[Key, Sums] = {}
    for (at_us, *names), sums in buckets.items():
        key: Key = (at_us - at_us % width, *names)  # type: ignore[assignment]
        if key not in folded:
            folded[key] = Sums()
        folded[key].merge(sums)
    return folded


def _load(connection: Connection, resolution_s: int, starts: Iterable[int]) -> dict[Key, Sums]:
    wanted = sorted(starts)
    found: dict[Key, Sums] = {}
    for begin in range(0, len(wanted), _PLACES):
        part = wanted[begin : begin + _PLACES]
        sql = _SELECT.format(places=", ".join("?" * len(part)))
        for row in connection.exec_driver_sql(sql, (resolution_s, *part)):
            found[tuple(row[1:5])] = _sums(row)
    return found


def _row(resolution_s: int, key: Key, sums: Sums) -> inserts.Row:
    return (
        resolution_s, *key, sums.count, sums.errors, sums.payload_bytes, sums.duration_us,
        max(sums.duration_min_us, 0), sums.duration_max_us, sums.serde_us,
        sums.stored_delta_bytes, sums.live_delta_bytes, sums.threads_delta,
        histogram.pack(sums.histogram),
    )  # fmt: skip


def _sums(row: inserts.Row) -> Sums:
    sums = Sums()
    (
        sums.count, sums.errors, sums.payload_bytes, sums.duration_us, sums.duration_min_us,
        sums.duration_max_us, sums.serde_us, sums.stored_delta_bytes, sums.live_delta_bytes,
        sums.threads_delta,
    ) = row[5:15]  # fmt: skip
    sums.histogram = histogram.unpack(row[15])
    return sums
