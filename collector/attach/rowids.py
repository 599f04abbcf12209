"""How far a table was read, by rowid, where rowids of deleted rows are given out again.

SQLite gives a new row the highest rowid plus one (https://sqlite.org/autoinc.html), so that rowids
come back only when the newest rows were deleted, and nothing below the highest row that was never
deleted is new. The mark therefore remembers, beside the rowid it reached, which rows lie at some
rowids before it, the farther the fewer. Where the row at a mark is another one, or none, reading
goes on after the highest mark whose row is the same; what comes again by that is known already.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

MARKS = 18
"""Most rowids that are remembered; each lies at most four times as far back as the one after."""


class Position:
    """Rows up to ``rowid`` were read."""

    def __init__(self, text: str = "") -> None:
        """From ``text()``; the beginning of the table where it is empty or none."""
        self._marks: list[tuple[int, int]] = []
        try:
            for part in text.split(",") if text else []:
                rowid, _, name = part.partition(":")
                self._marks.append((int(rowid), int(name, 36)))
        except ValueError:
            self._marks = []

    @property
    def rowid(self) -> int:
        """The last rowid that was read, 0 for none."""
        return self._marks[-1][0] if self._marks else 0

    def text(self) -> str:
        """As it is kept."""
        self.thin()
        return ",".join(f"{rowid}:{_in_36(name)}" for rowid, name in self._marks)

    def move(self, rowid: int, *names: object) -> None:
        """The row ``rowid``, named by its primary key, was read."""
        self._marks.append((rowid, _name(names)))
        if len(self._marks) > 2 * MARKS:
            self.thin()

    def thin(self) -> None:
        """Keep of the marks one in each doubling of the way back, the oldest."""
        oldest: dict[int, tuple[int, int]] = {}
        for mark in self._marks:
            oldest.setdefault((self.rowid - mark[0]).bit_length(), mark)
        self._marks = sorted(oldest.values())[-MARKS:]

    def return_to(self, row_at: Callable[[int], tuple[object, ...] | None]) -> bool:
        """Go back to the highest mark whose row is still the same; whether that was any way.

        Args:
            row_at: primary key of the row with a rowid, None where there is none.
        """
        moved = False
        while self._marks:
            rowid, name = self._marks[-1]
            row = row_at(rowid)
            if row is not None and _name(row) == name:
                break
            self._marks.pop()
            moved = True
        return moved


def _name(names: tuple[object, ...]) -> int:
    return crc32("\n".join(map(str, names)).encode("utf-8", "replace")) & 0xFFFFFF


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _in_36(number: int) -> str:
    text = ""
    while number or not text:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text
