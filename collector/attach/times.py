"""When a checkpoint was made, from what it carries."""

from __future__ import annotations

from datetime import datetime

from collector.held import is_time_ordered
from statemeter.events import NUMBER_MAX

_GREGORIAN_TO_UNIX = 0x01B21DD213814000
"""Ticks of 100 ns from 1582-10-15 to 1970 (RFC 9562, section 5.6: UUIDv6)."""


def of_checkpoint(checkpoint: str, ts: str = "") -> int:
    """µs since 1970 at which a checkpoint was made: of its id, a UUIDv6, else of its ``ts`` (ISO
    8601); 0 where neither tells."""
    if is_time_ordered(checkpoint):
        try:
            ticks = int(checkpoint[:8] + checkpoint[9:13] + checkpoint[15:18], 16)
        except ValueError:
            ticks = 0
        at_us = (ticks - _GREGORIAN_TO_UNIX) // 10
        if 0 < at_us <= NUMBER_MAX:
            return at_us
    try:
        at_us = int(datetime.fromisoformat(ts).timestamp() * 1_000_000)
    except (ValueError, OverflowError, OSError):
        return 0
    return at_us if 0 < at_us <= NUMBER_MAX else 0
