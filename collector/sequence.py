"""Exactly once by sequence numbers: which records of an incarnation were stored already.

Numbers grow by one from 1 in the order of the segments. The highest one stored is the high-water
mark; a jump leaves a gap, which proves a loss. A number at or below the mark is new only when it
lies in a gap (a segment came back), which then shrinks; else it is a duplicate.
"""

from __future__ import annotations

from bisect import bisect_right


class Sequence:
    """The numbers of one incarnation that were stored."""

    __slots__ = ("_changed", "_gaps", "last")

    def __init__(self, last: int = 0, gaps: list[tuple[int, int]] | None = None) -> None:
        self.last = last
        """Highest number stored."""
        self._gaps = sorted(gaps or [])
        self._changed: dict[int, int | None] = {}

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """(first, last) of each run of missing numbers, in order."""
        return list(self._gaps)

    def accept(self, seq: int) -> bool:
        """Take a number; False for one that was taken before."""
        if seq == self.last + 1:
            self.last = seq
            return True
        if seq > self.last:
            self._set(self.last + 1, seq - 1)
            self.last = seq
            return True
        return self._fill(seq)

    def take_changes(self) -> dict[int, int | None]:
        """First number of each gap that changed → its last one, None where it is no gap now."""
        changed, self._changed = self._changed, {}
        return changed

    def _fill(self, seq: int) -> bool:
        place = bisect_right(self._gaps, (seq, self.last)) - 1
        if place < 0 or not self._gaps[place][0] <= seq <= self._gaps[place][1]:
            return False
        first, last = self._gaps.pop(place)
        self._changed[first] = None
        if seq < last:
            self._set(seq + 1, last)
        if first < seq:
            self._set(first, seq - 1)
        return True

    def _set(self, first: int, last: int) -> None:
        self._gaps.insert(bisect_right(self._gaps, (first, last)), (first, last))
        self._changed[first] = last
