"""What the reader of an attached database tells, beside the events of ``statemeter.events``: what
it found, and how far it has come. A probe never writes these."""

from __future__ import annotations

from statemeter import events
from statemeter.events import Event, Number

CURSOR_CHARACTERS = 1_000
PROBLEM_CHARACTERS = 500


class Reached(Event, frozen=True, array_like=True, gc=False, tag="reached"):
    """Everything up to the cursor was told by the events before this one.

    It is stored in the transaction that stores them, so that reading goes on at the right place
    after a kill. ``at_us`` is the time at which it was told.
    """

    source: str
    """Key of the storage."""
    phase: str
    """``first``: what was there is being read; ``following``: it was, new ones are kept up with."""
    cursor: str
    """Of ``collector.attach.source.Batch``."""
    done_checkpoints: Number
    total_checkpoints: Number
    """-1: unknown. Of the first pass; what came later is added to both."""
    done_bytes: Number
    total_bytes: Number
    """-1: unknown."""
    problem: str = ""
    """What keeps it from being read now, one line without secrets; empty: nothing."""


class FoundPut(events.Put, frozen=True, array_like=True, gc=False, tag="found"):
    """A checkpoint was found. ``at_us`` is when it was read; ``duration_us`` and ``serde_us`` of
    the call that wrote it are unknown: -1."""

    made_us: Number = 0
    """Its own time; 0 where nothing tells."""


class FoundWrites(events.Writes, frozen=True, array_like=True, gc=False, tag="found_writes"):
    """Pending writes of a task were found; the same holds of their times."""

    made_us: Number = 0
    """Time of their checkpoint."""
    indexes: list[int] = []  # noqa: RUF012 (msgspec copies it)
    """Of each of ``writes``, as it is stored."""


AnyRecord = events.AnyEvent | Reached | FoundPut | FoundWrites
"""Every record that a segment may hold."""
