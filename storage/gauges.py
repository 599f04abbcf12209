"""Readings of pools and lru caches by second, minute and hour, see ``GaugeSample``."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from sqlalchemy import Connection

from storage import inserts
from storage.buckets import RESOLUTIONS_S, SECOND_US

COUNTERS = frozenset({
    "requests", "waited_us", "timeouts", "lost", "hits", "misses",
    # of servers
    "evicted", "expired", "commands", "commits", "rollbacks", "deadlocks", "blocks_read",
    "blocks_hit", "rows_read", "rows_written", "temporary_bytes",
    # of processes
    "cpu_us", "runs", "gc_collections_0", "gc_collections_1", "gc_collections_2", "gc_collected",
    "gc_uncollectable", "gc_pause_us",
    # of attached databases
    "read_checkpoints", "read_bytes",
})  # fmt: skip
"""Readings that only grow while their resource lives; all others are levels."""

Series = tuple[int, int]
"""(row of the resource, row of the process)."""
Values = dict[str, int]

_ALL = inserts.columns_of("gauge_samples")
_SELECT = (
    f"SELECT {', '.join(_ALL[4:])} FROM gauge_samples "
    "WHERE resolution_s = ? AND resource_id = ? AND process_id = ? AND bucket_us = ?"
)
_SAVE = inserts.insert_sql("gauge_samples", prefix="OR REPLACE")
_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Values).decode
"""JSON of a column → readings."""


@dataclass(slots=True)
class Readings:
    """What one process told of a resource in a bucket of time."""

    at_us: int = 0
    newest: Values = field(default_factory=dict)
    peaks: Values = field(default_factory=dict)
    added: Values = field(default_factory=dict)

    def merge(self, later: Readings) -> None:
        """Add what was told later."""
        self.at_us = later.at_us
        self.newest = later.newest
        for name, level in later.peaks.items():
            self.peaks[name] = max(self.peaks.get(name, level), level)
        for name, growth in later.added.items():
            self.added[name] = self.added.get(name, 0) + growth


def grown(before: Values, now: Values) -> Values:
    """By how much the counters grew; one that fell had begun again from 0."""
    return {
        name: value - before.get(name, 0) if value >= before.get(name, 0) else value
        for name, value in now.items()
        if name in COUNTERS
    }


class GaugeRollups:
    """The readings of a batch."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, Series], Readings] = {}

    def add(self, series: Series, at_us: int, before: Values, now: Values) -> None:
        """Add a reading that came after ``before``."""
        levels = {name: value for name, value in now.items() if name not in COUNTERS}
        reading = Readings(at_us, now, levels, grown(before, now))
        key = (at_us - at_us % SECOND_US, series)
        self._seconds.setdefault(key, Readings()).merge(reading)

    def save(self, connection: Connection) -> None:
        """Add all readings to the store and forget them."""
        seconds, self._seconds = self._seconds, {}
        for resolution in RESOLUTIONS_S:
            width = resolution * SECOND_US
            folded: dict[tuple[int, Series], Readings] = {}
            for (bucket_us, series), readings in seconds.items():
                start = bucket_us - bucket_us % width
                if (start, series) not in folded:
                    folded[start, series] = _load(connection, resolution, start, series)
                folded[start, series].merge(readings)
            rows = [
                (resolution, *series, bucket_us, r.at_us, *map(_text, (r.newest, r.peaks, r.added)))
                for (bucket_us, series), r in folded.items()
            ]
            inserts.run(connection, _SAVE, rows)


def newest(connection: Connection, series: Series) -> Values:
    """The readings that were told last, empty where there are none."""
    text = connection.exec_driver_sql(
        "SELECT readings FROM gauge_samples WHERE resolution_s = 3600 AND resource_id = ? "
        "AND process_id = ? ORDER BY bucket_us DESC LIMIT 1",
        series,
    ).scalar()
    return decode(text) if text else {}


def _load(connection: Connection, resolution_s: int, bucket_us: int, series: Series) -> Readings:
    row = connection.exec_driver_sql(_SELECT, (resolution_s, *series, bucket_us)).one_or_none()
    return Readings(row[0], *map(decode, row[1:])) if row else Readings()


def _text(values: Values) -> str:
    return _encode(values).decode()
