"""Sums by second, minute and hour in a table: the part that all such tables share.

Seconds are summed in memory while a batch is stored; minutes and hours are folded from them; all
three are then added to the rows that are there.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Connection

from storage import histogram, inserts

SECOND_US = 1_000_000
RESOLUTIONS_S = (1, 60, 3600)

Key = tuple[Any, ...]
"""(start of the bucket in µs, then what else tells buckets of a table apart)."""

_PLACES = 500


class Sums:
    """One bucket of calls. A subclass names its table and has a slot for each of its sums."""

    __slots__ = ("duration_max_us", "duration_min_us", "histogram")

    TABLE: ClassVar[str]
    ADDED: ClassVar[tuple[str, ...]]
    """Columns that add up when buckets are joined."""

    duration_min_us: int
    """-1 while there is none."""
    duration_max_us: int
    histogram: histogram.Counts

    def __init__(self) -> None:
        for name in self.ADDED:
            setattr(self, name, 0)
        self.duration_min_us = -1
        self.duration_max_us = 0
        self.histogram = {}

    def merge(self, other: Sums) -> None:
        """Add another bucket."""
        least = (self.duration_min_us, other.duration_min_us)
        self.duration_min_us = max(least) if min(least) < 0 else min(least)
        self.duration_max_us = max(self.duration_max_us, other.duration_max_us)
        for name in self.ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        counts = self.histogram
        for bucket, count in other.histogram.items():
            counts[bucket] = counts.get(bucket, 0) + count


AnySums = TypeVar("AnySums", bound=Sums)


class Buckets(Generic[AnySums]):
    """The buckets that a batch touches."""

    def __init__(self, sums: type[AnySums]) -> None:
        self._sums = sums
        self.seconds: dict[Key, AnySums] = {}
        columns = inserts.columns_of(sums.TABLE)
        own = {*sums.ADDED, "duration_min_us", "duration_max_us", "histogram"}
        self._keys = sum(column not in own for column in columns)
        self._values = columns[self._keys :]
        self._insert = inserts.insert_sql(sums.TABLE, prefix="OR REPLACE")
        names = columns[1 : self._keys]
        # A join, as SQLite finds no rows by index for `(a, b) IN (VALUES …)`.
        self._select = (
            f"WITH wanted ({', '.join(names)}) AS (VALUES {{places}}) "
            f"SELECT {', '.join(f't.{name}' for name in columns)} FROM wanted AS w "
            f"JOIN {sums.TABLE} AS t ON t.resolution_s = ?"
            + "".join(f" AND t.{name} = w.{name}" for name in names)
        )
        self._place = f"({', '.join('?' * len(names))})"

    def save(self, connection: Connection) -> None:
        """Add all buckets to the store and forget them."""
        seconds, self.seconds = self.seconds, {}
        buckets = seconds
        for resolution in RESOLUTIONS_S:
            buckets = self._fold(buckets, resolution) if resolution > 1 else seconds
            stored = self._load(connection, resolution, sorted(buckets))
            rows = []
            for key, sums in buckets.items():
                if key in stored:
                    before = stored[key]
                    before.merge(sums)
                    rows.append(self._row(resolution, key, before))
                else:
                    rows.append(self._row(resolution, key, sums))
            inserts.run(connection, self._insert, rows)

    def _fold(self, buckets: dict[Key, AnySums], resolution_s: int) -> dict[Key, AnySums]:
        width = resolution_s * SECOND_US
        folded: dict[Key, AnySums] = {}
        for (at_us, *names), sums in buckets.items():
            key = (at_us - at_us % width, *names)
            if key not in folded:
                folded[key] = self._sums()
            folded[key].merge(sums)
        return folded

    def _load(
        self, connection: Connection, resolution_s: int, keys: list[Key]
    ) -> dict[Key, AnySums]:
        found: dict[Key, AnySums] = {}
        for begin in range(0, len(keys), _PLACES):
            part = keys[begin : begin + _PLACES]
            sql = self._select.format(places=", ".join([self._place] * len(part)))
            for row in connection.exec_driver_sql(sql, (*chain(*part), resolution_s)):
                found[tuple(row[1 : self._keys])] = self._of(row)
        return found

    def _row(self, resolution_s: int, key: Key, sums: AnySums) -> inserts.Row:
        values = [getattr(sums, name) for name in self._values[:-1]]
        values[self._values.index("duration_min_us")] = max(sums.duration_min_us, 0)
        return (resolution_s, *key, *values, histogram.pack(sums.histogram))

    def _of(self, row: inserts.Row) -> AnySums:
        sums = self._sums()
        for name, value in zip(self._values[:-1], row[self._keys : -1], strict=True):
            setattr(sums, name, value)
        sums.histogram = histogram.unpack(row[-1])
        return sums
