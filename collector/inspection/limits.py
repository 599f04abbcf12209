"""From where on a value counts as wrong, and how long a look may take."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from collector.inspection.errors import CouldNotLook
from statemeter import settings

MB = settings.MB

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 5
"""Longest single statement: a longer one holds back vacuum, or the WAL of a SQLite file."""
LOOK_SECONDS = 60
"""Longest inspection; what did not fit is told as unknown."""


@dataclass(frozen=True)
class Limits:
    """Thresholds, from the settings of the same names."""

    wal_bytes: float
    document_warn_bytes: float
    document_critical_bytes: float
    scan_rows: int
    """Rows from which on a look-up without an index is wrong."""
    dead_percent: float
    """Of the rows of a table."""
    idle_seconds: float
    """In an open transaction without a statement."""
    keys_without_ttl: int
    """Keys or documents that never expire."""
    filters: tuple[str, ...] = ()
    """Metadata keys that the application filters by, beside ``run_id``."""
    ends: float = field(default_factory=lambda: time.monotonic() + LOOK_SECONDS)
    """End of the look, seconds of the monotonic clock."""

    def is_over(self) -> bool:
        """Whether the time for the look is used up."""
        return time.monotonic() >= self.ends

    def seconds_left(self, most: float) -> float:
        """Seconds for the next step: ``most``, or what is left."""
        return max(0.05, min(most, self.ends - time.monotonic()))


KEY = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""Metadata keys: what SqliteSaver takes as a filter. No other text gets into a statement."""


def from_settings(filters: tuple[str, ...] = (), seconds: float = LOOK_SECONDS) -> Limits:
    """The thresholds that the environment sets.

    Raises:
        SettingError: one of them cannot be used.
        CouldNotLook: so is a metadata key.
    """
    for key in filters:
        if not KEY.fullmatch(key):
            raise CouldNotLook(
                f"The metadata key {key[:100]!r} cannot be looked up by: use letters, digits, _ . -"
            )
    return Limits(
        wal_bytes=settings.get("STATEMETER_WAL_WARN_MB") * MB,
        document_warn_bytes=settings.get("STATEMETER_DOCUMENT_WARN_MB") * MB,
        document_critical_bytes=settings.get("STATEMETER_DOCUMENT_CRITICAL_MB") * MB,
        scan_rows=settings.get("STATEMETER_SCAN_WARN_ROWS"),
        dead_percent=settings.get("STATEMETER_DEAD_WARN_PERCENT"),
        idle_seconds=settings.get("STATEMETER_IDLE_WARN_SECONDS"),
        keys_without_ttl=settings.get("STATEMETER_TTL_WARN_KEYS"),
        filters=filters,
        ends=time.monotonic() + seconds,
    )
