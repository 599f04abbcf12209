"""Both applications side by side, from what they told of themselves and from the metrics store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

PRICED = "postgres"
"""Where both are priced alike: neither memory nor a file has a price list of its own."""


@dataclass(frozen=True)
class Side:
    """One application."""

    told: dict[str, Any]
    """Of itself: turns, ms_a_turn, rss_bytes, held_bytes."""
    written_bytes: int
    """Ever sent to its saver."""
    stored_bytes: int
    """Held by its saver."""
    usd: float | None
    """A month on ``PRICED``; None: unknown."""
    storage_usd: float | None
    """Of it for storage."""
    why: str
    """Why it is unknown."""
    findings: list[dict[str, Any]]
    """Open ones, as ``python -m storage findings`` has them."""

    @property
    def bytes_a_turn(self) -> float:
        """Written in a turn, on average."""
        return self.written_bytes / self.told["turns"]


def lines(before: Side, after: Side) -> Iterable[str]:
    """The table, line by line."""
    yield f"{'':34}{'before':>14}{'after':>14}"
    for name, one, other in (
        ("written a turn, KB", before.bytes_a_turn / 1e3, after.bytes_a_turn / 1e3),
        ("stored by the saver, KB", before.stored_bytes / 1e3, after.stored_bytes / 1e3),
        ("a turn takes, ms (median)", before.told["ms_a_turn"], after.told["ms_a_turn"]),
        ("RSS grew by, MB", before.told["rss_bytes"] / 1e6, after.told["rss_bytes"] / 1e6),
    ):
        yield f"{name:34}{one:>14,.1f}{other:>14,.1f}"
    yield f"{f'a month on {PRICED}, USD':34}{_usd(before.usd):>14}{_usd(after.usd):>14}"
    yield f"{'  of it for storage':34}{_usd(before.storage_usd):>14}{_usd(after.storage_usd):>14}"
    yield f"{'open findings':34}{len(before.findings):>14}{len(after.findings):>14}"
    for name, side in (("before", before), ("after", after)):
        if side.usd is None:
            yield f"{name}: the cost is unknown: {side.why}"
        for one in side.findings:
            yield f"{name}: {one['rule']} ({one['severity']}): {one['title']}"


def _usd(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.6f}"
