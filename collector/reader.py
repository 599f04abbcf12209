"""Reading a segment from its position on: whole lines, at most a window of bytes at a time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from collector import records
from collector.spool import SegmentFile
from statemeter import events

WINDOW_BYTES = 1 << 20
"""Bytes read at once: many records, and little memory whatever the backlog."""


@dataclass(slots=True)
class Slice:
    """A stretch of a segment, to be stored as one."""

    incarnation: str
    number: int
    start: int
    """Position it begins at, bytes."""
    end: int
    """Position after it, bytes."""
    size: int
    """Bytes of the segment when it was read."""
    items: list[records.Item] = field(default_factory=list)
    rejected: list[records.Bad] = field(default_factory=list)
    """Their offsets count from ``start``."""
    head: bytes = b""
    """The first bytes of its first record."""

    @property
    def count(self) -> int:
        """Records, good or bad."""
        return len(self.items) + len(self.rejected)


class Reader:
    """Reads segments; remembers how far it looked in vain for the end of a long record."""

    def __init__(self) -> None:
        self._searched: dict[str, int] = {}

    def read(self, file: SegmentFile, position: int, limit: int, dead: bool) -> Slice | None:
        """The next slice of a segment, None where there is no whole record yet.

        Args:
            file: size may have grown since; what is there now is read.
            position: bytes already stored.
            limit: most records in the slice.
            dead: nobody will complete a torn tail, so that it counts as a bad record.

        Raises:
            OSError: the file cannot be read (``FileNotFoundError``: it is gone).
        """
        fd = os.open(file.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            size = os.fstat(fd).st_size
            if size <= position:
                return None
            part = Slice(file.incarnation, file.number, position, position, size)
            if self._lines(part, file.path, fd, limit) or self._long(part, file.path, fd, dead):
                return part
            return None
        finally:
            os.close(fd)

    def _lines(self, part: Slice, path: str, fd: int, limit: int) -> bool:
        """Fill the slice with whole records; False where no LF is in sight."""
        if self._searched.get(path, 0) >= part.start + WINDOW_BYTES:
            return False
        data = os.pread(fd, WINDOW_BYTES, part.start)
        last = data.rfind(b"\n") + 1
        if not last:
            self._searched[path] = part.start + len(data)
            return False
        # Empty lines count for nothing, so that a slice may have fewer records than lines.
        part.items, part.rejected, used = records.take(data[:last], limit)
        part.end = part.start + used
        part.head = data[: min(used, records.KEPT_BYTES)]
        return True

    def _long(self, part: Slice, path: str, fd: int, dead: bool) -> bool:
        """Fill the slice with one record longer than a window, or torn; False: it may go on."""
        end = _find_line_feed(fd, self._searched[path])
        if end is None and not dead:
            self._searched[path] = part.size
            return False
        length = (part.size if end is None else end) - part.start
        too_long = length >= events.RECORD_MAX_BYTES
        if end is not None and not too_long:
            return False  # completed since the window was read: a record like any other
        del self._searched[path]
        reason = "too_long" if too_long else "torn"
        head = os.pread(fd, min(length, records.KEPT_BYTES), part.start)
        part.rejected = [records.bad(0, reason, head, length)]
        part.end = part.size if end is None else end + 1
        return True


def _find_line_feed(fd: int, position: int) -> int | None:
    """Where the next LF is, without keeping what lies before it."""
    while data := os.pread(fd, WINDOW_BYTES, position):
        found = data.find(b"\n")
        if found >= 0:
            return position + found
        position += len(data)
    return None
