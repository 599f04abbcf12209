"""Operations of savers summed by second, minute and hour, kept at ingest, so that pages never
count operations. See ``storage.buckets``."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from sqlalchemy import Connection

from storage import histogram
from storage.buckets import RESOLUTIONS_S, SECOND_US, Buckets, Sums

__all__ = ["FOUND", "RESOLUTIONS_S", "SECOND_US", "OperationSums", "Rollups"]

Call = tuple[int, int, int, bool, int, int, int]
"""One operation: its duration and serialize time in µs (-1: not known), payload in bytes, whether
it failed, its changes of stored and live bytes and of the number of threads."""

_bucket_of = lru_cache(1 << 14)(histogram.bucket_of)

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
    __slots__ = (*ADDED, "calls")

    count: int
    errors: int
    payload_bytes: int
    duration_us: int
    serde_us: int
    stored_delta_bytes: int
    live_delta_bytes: int
    threads_delta: int

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        """Not yet in the sums: many are added faster at once."""

    def fold(self) -> None:
        """Add the calls noted to the sums, and forget them."""
        if not self.calls:
            return
        durations, serde, payloads, failed, stored, live, threads = zip(*self.calls, strict=True)
        self.calls = []
        self.count += len(durations)
        self.payload_bytes += sum(payloads)
        self.errors += sum(failed)
        self.stored_delta_bytes += sum(stored)
        self.live_delta_bytes += sum(live)
        self.threads_delta += sum(threads)
        if min(durations) < 0:  # what was found in a database took no known time
            serde = tuple(s for s, d in zip(serde, durations, strict=True) if d >= 0)
            durations = tuple(d for d in durations if d >= 0)
            if not durations:
                return
        self.serde_us += sum(serde)
        self.duration_us += sum(durations)
        least, most = min(durations), max(durations)
        self.duration_max_us = max(self.duration_max_us, most)
        if least < self.duration_min_us or self.duration_min_us < 0:
            self.duration_min_us = least
        for bucket, count in Counter(map(_bucket_of, durations)).items():
            self.histogram[bucket] = self.histogram.get(bucket, 0) + count


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

    def save(self, connection: Connection) -> None:
        """Add all buckets to the store and forget them."""
        for sums in self.seconds.values():
            sums.fold()
        super().save(connection)
