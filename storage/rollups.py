"""Operations of savers summed by second, minute and hour, kept at ingest, so that pages never
count operations. See ``storage.buckets``."""

from __future__ import annotations

from storage import histogram
from storage.buckets import RESOLUTIONS_S, SECOND_US, Buckets, Sums

__all__ = ["FOUND", "RESOLUTIONS_S", "SECOND_US", "OperationSums", "Rollups"]

FOUND = "found"
"""Operation of what was found in an attached database and seen by no probe: changes of bytes and
threads, no calls that were seen, no durations. Counts and rates of calls leave it out."""


class OperationSums(Sums):
    """One bucket of operations."""

    TABLE = "rollups"
    ADDED = (
        "count", "errors", "payload_bytes", "duration_us", "serde_us", "stored_delta_bytes",
        "live_delta_bytes", "threads_delta",
    )  # fmt: skip
    __slots__ = ADDED

    count: int
    errors: int
    payload_bytes: int
    duration_us: int
    serde_us: int
    stored_delta_bytes: int
    live_delta_bytes: int
    threads_delta: int

    def add(  # noqa: PLR0917 (called for every operation: keywords cost)
        self, duration_us: int, serde_us: int, payload_bytes: int, failed: bool,
        stored_delta_bytes: int, live_delta_bytes: int, threads_delta: int,
    ) -> None:  # fmt: skip
        """Add one operation."""
        self.count += 1
        self.payload_bytes += payload_bytes
        self.stored_delta_bytes += stored_delta_bytes
        self.live_delta_bytes += live_delta_bytes
        self.threads_delta += threads_delta
        self.errors += failed
        if duration_us < 0:
            return  # what was found in a database took no known time
        self.serde_us += serde_us
        self.duration_us += duration_us
        if duration_us > self.duration_max_us:  # noqa: PLR1730 (a call costs more)
            self.duration_max_us = duration_us
        if duration_us < self.duration_min_us or self.duration_min_us < 0:
            self.duration_min_us = duration_us
        bucket = histogram.bucket_of(duration_us)
        self.histogram[bucket] = self.histogram.get(bucket, 0) + 1


class Rollups(Buckets[OperationSums]):
    """The buckets of operations that a batch touches."""

    def __init__(self) -> None:
        super().__init__(OperationSums)

    def of(self, at_us: int, application: str, backend: str, operation: str) -> OperationSums:
        """The bucket of a second, to be added to in place."""
        key = (at_us - at_us % SECOND_US, application, backend, operation)
        sums = self.seconds.get(key)
        if sums is None:
            sums = self.seconds[key] = OperationSums()
        return sums
