"""Which records come next: those of one incarnation in order, those of several by their time."""

from __future__ import annotations

import heapq
import logging

from collector.health import time_of_record
from collector.reader import Reader, Slice
from collector.segments import Segments
from collector.spool import Listing, SegmentFile
from statemeter.events import FORMAT

logger = logging.getLogger("statemeter.collector")

BATCH_RECORDS = 16_000
BATCH_BYTES = 8 << 20
SHARED_RECORDS = 500
"""Records of one incarnation at a time while others wait too, so that the calls that several
processes make for one thread are stored nearly in the order in which they were made."""

Key = tuple[str, int]


class Gatherer:
    """Makes batches of slices of the segments on disk."""

    def __init__(self) -> None:
        self._reader = Reader()
        self.unreadable: dict[str, str] = {}
        """Name of a segment → why it cannot be read, of the last batch."""

    def gather(
        self, listing: Listing, segments: Segments, dead: set[Key], limit: int = BATCH_RECORDS
    ) -> list[Slice]:
        """The next batch, empty when there is nothing to store.

        Args:
            listing: what is on disk.
            segments: how far it was stored.
            dead: segments that nobody will add to.
            limit: most records in the batch.
        """
        self.unreadable = {}
        slices: list[Slice] = []
        waiting: list[tuple[int, int, _Queue]] = []
        for number, files in enumerate(_by_incarnation(listing)):
            queue = _Queue(files, segments, dead)
            slices.extend(queue.cuts)
            self._wait(waiting, number, queue)
        taken = read_bytes = 0
        while waiting and taken < limit and read_bytes < BATCH_BYTES:
            _, number, queue = heapq.heappop(waiting)
            share = limit - taken if not waiting else min(SHARED_RECORDS, limit - taken)
            part = self._next(queue, share)
            if part is not None:
                slices.append(part)
                taken += part.count
                read_bytes += part.end - part.start
                self._wait(waiting, number, queue)
        return slices

    def _wait(self, waiting: list[tuple[int, int, _Queue]], number: int, queue: _Queue) -> None:
        file = queue.current()
        if file is not None:
            at_us = time_of_record(file.path, queue.position) or 0
            heapq.heappush(waiting, (at_us, number, queue))

    def _next(self, queue: _Queue, limit: int) -> Slice | None:
        file = queue.current()
        assert file is not None
        try:
            part = self._reader.read(file, queue.position, limit, queue.is_dead())
        except FileNotFoundError:  # removed between the listing and now
            return None
        except OSError as error:
            self.unreadable[file.path.rpartition("/")[2]] = error.strerror or str(error)
            return None
        if part is not None:
            queue.position = part.end
        return part


class _Queue:
    """The segments of one incarnation that are not stored whole."""

    def __init__(self, files: list[SegmentFile], segments: Segments, dead: set[Key]) -> None:
        self.cuts: list[Slice] = []
        self._files: list[tuple[SegmentFile, int, bool]] = []
        last = files[-1].number
        for file in files:
            position = segments.get((file.incarnation, file.number)).position
            if file.size < position:
                self.cuts.append(_cut(file, position))
                position = file.size
            if file.size > position:
                is_dead = file.number < last or (file.incarnation, file.number) in dead
                self._files.append((file, position, is_dead))
        self._files.reverse()
        self.position = self._files[-1][1] if self._files else 0

    def current(self) -> SegmentFile | None:
        """The segment to read from now."""
        while self._files and self.position >= self._files[-1][0].size:
            self._files.pop()
            if self._files:
                self.position = self._files[-1][1]
        return self._files[-1][0] if self._files else None

    def is_dead(self) -> bool:
        """Whether a torn tail of the current segment stays torn."""
        return self._files[-1][2]


def _by_incarnation(listing: Listing) -> list[list[SegmentFile]]:
    groups: dict[str, list[SegmentFile]] = {}
    for file in listing.segments:
        groups.setdefault(file.incarnation, []).append(file)
    return list(groups.values())


def _cut(file: SegmentFile, position: int) -> Slice:
    """Move a position back to the end of a segment that somebody cut."""
    logger.warning(
        "segment %s-%06d.v%d.spool was cut to %d bytes, %d of it were stored already; nothing is "
        "read twice, and records lost with it show as gaps",
        file.incarnation, file.number, FORMAT, file.size, position,
    )  # fmt: skip
    return Slice(file.incarnation, file.number, position, file.size, file.size)
