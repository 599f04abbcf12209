"""What the cost model works with: usage in, a cost in parts out. All amounts are USD a month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage import overheads

HOURS = 730
"""Hours of a month."""
SECONDS = HOURS * 3600
GB = 1e9
GIB = 2.0**30
CURRENCY = "USD"
PARTS = ("storage", "operations", "memory", "backups", "instance")
"""Parts of a cost, in the order of charts and tables."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a backend is asked for."""

    backend: str
    stored_bytes: float | None
    """Payload, as ``stored_bytes`` counts it there; None: unknown."""
    live_bytes: float | None = None
    """Of the newest checkpoints: what an instance should have in memory."""
    overhead: float | None = None
    """Bytes on disk or in memory for each stored byte; None: as ``storage.overheads`` assumes."""
    calls: Mapping[str, float] | None = field(default_factory=dict)
    """Call of the saver (``put``, ``get_tuple``, …) → how many a month; None: unknown."""
    payload_bytes: Mapping[str, float] = field(default_factory=dict)
    """Call → bytes written or read a month by all of them."""

    @property
    def ratio(self) -> float | None:
        """The overhead that is used; None: unknown."""
        found = overheads.assumed(self.backend)
        return self.overhead if self.overhead is not None else found.ratio if found else None

    @property
    def held_bytes(self) -> float | None:
        """On disk or in memory, with overhead."""
        ratio = self.ratio
        return None if self.stored_bytes is None or ratio is None else self.stored_bytes * ratio


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the user settled."""

    replicas: float = 1
    backup_copies: float = 1
    services: Mapping[str, str] = field(default_factory=dict)
    """Backend → service; those not in it: the first of the book that has all prices."""
    instances: Mapping[str, str] = field(default_factory=dict)
    """Backend → item; those not in it: the smallest instance that fits."""


@dataclass(frozen=True)
class Part:
    """One part of a cost."""

    name: str
    """Of ``PARTS``."""
    usd: float | None
    """A month; None: unknown."""
    how: str
    """The sum with its figures, or why it is unknown."""
    keys: tuple[str, ...] = ()
    """Prices in it, by ``Price.key``."""


@dataclass(frozen=True)
class MonthlyCost:
    """What a service would charge a month."""

    backend: str
    service: str
    """Empty: the book has none for this backend."""
    region: str
    parts: tuple[Part, ...]
    floor_usd: float = 0.0
    """Least that the service charges."""

    @property
    def least_usd(self) -> float | None:
        """What is known of it; None: nothing is."""
        known = [part.usd for part in self.parts if part.usd is not None and part.keys]
        if not known and not self.floor_usd:
            return 0.0 if self.parts and not self.reasons else None
        return max(sum(known), self.floor_usd)

    @property
    def usd(self) -> float | None:
        """The whole; None: a part of it is unknown."""
        return None if self.reasons or not self.parts else self.least_usd

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why parts are unknown."""
        return tuple(f"{part.name}: {part.how}" for part in self.parts if part.usd is None)
