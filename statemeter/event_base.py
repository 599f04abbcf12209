"""What every event starts with, and the numbers that one may hold: see ``events``."""

from __future__ import annotations

from typing import Annotated

import msgspec

NUMBER_MAX = 1 << 53
"""Largest number of an event: a time in µs until the year 2255, or 9 PB. Sums of many still fit
the 64 bits of a store, and a damaged or hostile record cannot break them."""

Number = Annotated[int, msgspec.Meta(ge=-2, le=NUMBER_MAX)]
"""A count, bytes or µs; -1 and -2 where a field says so."""


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What every record starts with."""

    seq: Number
    """Number of the record in its incarnation, from 1."""
    at_us: Number
    """Wall clock at the start, µs since 1970."""
