"""Where the reader of a server goes on: a place in the first pass, and how far ids were seen.

Ids that LangGraph makes are UUIDv6: as text they sort by the time they were made. What is newer
than the largest one seen, less a margin, may be new; other ids always may.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import msgspec

from collector.held import is_time_ordered

MARGIN_SECONDS = 60
"""A checkpoint may arrive that much later than newer ones: clocks of hosts differ, and a put waits
for its transaction."""
FIRST_MARGIN_SECONDS = 600
CHARACTERS = 1_000
_UNIX_TO_GREGORIAN = 0x01B21DD213814000


@dataclass
class Cursor:
    """How far it is read."""

    key: list[Any] | None
    """Place in the first pass, by the rules of the backend; empty: its beginning; None: it is done,
    and what is new is followed."""
    mark: str
    """Largest time-ordered id seen; of the first pass the time of its beginning, less a margin."""
    _text: str = ""

    @classmethod
    def of(cls, text: str) -> Cursor:
        """The cursor of a text; of an empty or damaged one the beginning."""
        try:
            key, mark = msgspec.json.decode(text.encode(), type=tuple[list[Any] | None, str])
            return cls(key, mark, text)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return cls([], id_at(time.time() - FIRST_MARGIN_SECONDS))

    def text(self) -> str:
        """It as a text; one that would be too long is the last that was not: what lies between is
        read again after a kill."""
        made = msgspec.json.encode((self.key, self.mark)).decode()
        if len(made) <= CHARACTERS:
            self._text = made
        return self._text

    @property
    def since(self) -> str:
        """What has a larger id may be new."""
        return earlier(self.mark, MARGIN_SECONDS)


def id_at(seconds: float) -> str:
    """The smallest id of a time, in seconds since 1970."""
    return _text_of(int(seconds * 10_000_000) + _UNIX_TO_GREGORIAN)


def earlier(checkpoint: str, seconds: float) -> str:
    """The smallest id that was made at most so long before a time-ordered one."""
    ticks = int(checkpoint[:8] + checkpoint[9:13] + checkpoint[15:18], 16)
    return _text_of(ticks - int(seconds * 10_000_000))


def newest(mark: str, checkpoint: str) -> str:
    """The larger of the two, if it can be ordered by time and is not of the future."""
    if checkpoint > mark and is_time_ordered(checkpoint):
        try:
            earlier(checkpoint, 0)
        except ValueError:
            return mark
        return min(checkpoint, max(mark, id_at(time.time())))
    return mark


def _text_of(ticks: int) -> str:
    digits = f"{max(0, ticks):015x}"
    return f"{digits[:8]}-{digits[8:12]}-6{digits[12:15]}-0000-000000000000"
