"""One server at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from statemeter import events


@dataclass(frozen=True)
class Reading:
    """Levels and counters; which is which says ``storage.gauges.COUNTERS``."""

    identity: str
    """As the probe names storages: ``backend://host:port/database``."""
    label: str
    values: dict[str, int]


def chosen(told: Mapping[str, Any], **names: str) -> dict[str, int]:
    """Of what a server told, the figures wanted: our name → its name; absent ones are left out."""
    return {ours: whole(told[theirs]) for ours, theirs in names.items() if theirs in told}


def whole(value: Any) -> int:
    """A figure as an event takes it: whole, and in its range."""
    return max(0, min(int(float(value or 0)), events.NUMBER_MAX))
