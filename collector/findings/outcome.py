"""What one look of the rules found: plain data, from the process that looks to the one that stores.

Nothing that looks is imported here, nor by ``keep``.
"""

from __future__ import annotations

import msgspec

from storage.findings import About, Finding


class Ran(msgspec.Struct):
    """What a rule did in one look."""

    rule: str
    """Its name."""
    of_threads: bool
    """It looks at single threads."""
    looks: int = 0
    took_us: int = 0
    why: str = ""
    subjects: int | None = None
    """None: not counted this time."""
    whole: bool = False
    """All that is of no thread was looked at."""
    found: list[tuple[int, Finding]] = msgspec.field(default_factory=list)
    """Row of the thread (0: of none) and finding."""


class Outcome(msgspec.Struct):
    """What one look found."""

    at_us: int
    ran: dict[str, Ran]
    threads: list[int]
    """Rows of the threads that were looked at."""
    moved: tuple[str, int | None] | None
    """A cursor, and the row up to which all was looked at (None: the cursor has done its work);
    None: as before."""
    finished: bool
    """There is nothing new."""
    about: list[About] = []
    """All rules there are, where the store has not been told of them yet."""
