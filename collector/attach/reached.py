"""How far the reader of an attached database has come: an event of its own, beside those of
``statemeter.events``, which a probe never writes."""

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


AnyRecord = events.AnyEvent | Reached
"""Every record that a segment may hold."""
