"""What processes told of the types that LangGraph read, see ``statemeter.unregistered``.

Counts are of the processes that an application had last: those before its restart say nothing of
the code that runs now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from collector.findings.look import Look
from collector.findings.rule import CannotLook
from storage.gauges import decode

DAY_US = 86_400_000_000
TOGETHER_US = 60_000_000
"""Processes that were seen within that of the newest one of the application are those of now."""
COUNTED = "msgpack_types"
"""The reading of a process that tells types, if there are none, too."""

_NEWEST = """
SELECT p.application, p.first_seen_us, p.last_seen_us, max(g.at_us) AS at_us, g.readings
FROM gauge_samples g JOIN resources r ON r.id = g.resource_id
JOIN processes p ON p.id = g.process_id
WHERE g.resolution_s = 3600 AND g.bucket_us >= :since AND r.kind = 'process'
GROUP BY g.process_id ORDER BY p.last_seen_us DESC LIMIT 1000"""


@dataclass
class Types:
    """Of one application."""

    since_us: int
    """When the first of its processes was seen."""
    counts: Counter[str]
    """Reading (kind, colon, type) → objects."""

    def of(self, kind: str, least: float = 1) -> dict[str, int]:
        """Type → objects of a kind, most first, from ``least`` objects on."""
        prefix = f"{kind}:"
        return {
            name.removeprefix(prefix): count for name, count in self.counts.most_common()
            if name.startswith(prefix) and count >= least
        }  # fmt: skip


def read(look: Look) -> Mapping[str, Types]:
    """Application → what its processes of now told, of those that were seen in the newest day.

    Raises:
        CannotLook: none told any.
    """
    rows = look.rows(_NEWEST, since=look.at_us - DAY_US)
    told = [(row, values) for row in rows if COUNTED in (values := decode(row.readings))]
    if not told:
        raise CannotLook(
            "No process told types in the newest day. An instrumented saver with LangGraph's own "
            "serializer does, where langgraph-checkpoint has register_serde_event_listener."
        )
    newest: dict[str, int] = {}
    found: dict[str, Types] = {}
    for row, values in told:  # the newest first
        if row.last_seen_us < newest.setdefault(row.application, row.last_seen_us) - TOGETHER_US:
            continue
        types = found.setdefault(row.application, Types(row.first_seen_us, Counter()))
        types.since_us = min(types.since_us, row.first_seen_us)
        types.counts.update({name: n for name, n in values.items() if ":" in name})
    return found
