"""What the metadata of a checkpoint tells, as a probe would have told it.

Step and source; of a subgraph the root's checkpoint; of a ``DeltaChannel`` the super-steps since
its snapshot; the run.
"""

from __future__ import annotations

from typing import Any

import msgspec

LATEST_STEP = 1 << 53


class Metadata(msgspec.Struct):
    """The parts of it that are told; whatever else an application adds is passed over."""

    step: Any = None
    source: Any = None
    parents: Any = None
    counters_since_delta_snapshot: Any = None
    run_id: Any = None

    def step_number(self) -> int:
        """-2 where unknown."""
        step = self.step
        return step if type(step) is int and -1 <= step <= LATEST_STEP else -2

    def source_name(self) -> str:
        """Empty where unknown."""
        return self.source if isinstance(self.source, str) else ""

    def root(self) -> str:
        """Checkpoint of the root graph from which this subgraph's call started."""
        root = self.parents.get("") if isinstance(self.parents, dict) else None
        return root if isinstance(root, str) else ""

    def deltas(self) -> dict[str, int]:
        """Channel → super-steps since its last snapshot, of [updates, super-steps]."""
        counters = self.counters_since_delta_snapshot
        if not isinstance(counters, dict):
            return {}
        return {
            str(channel): counts[1]
            for channel, counts in counters.items()
            if isinstance(counts, list) and len(counts) == 2 and type(counts[1]) is int
        }

    def run(self) -> str:
        """LangGraph's id of the run."""
        return self.run_id if isinstance(self.run_id, str) else ""


_decode = msgspec.json.Decoder(Metadata).decode


def of_json(text: bytes | str | None) -> Metadata:
    """From JSON; unknown where it is none."""
    try:
        return _decode(text or b"{}")
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Metadata()


def of_mapping(known: Any) -> Metadata:
    """From what a driver made of it."""
    if not isinstance(known, dict):
        return Metadata()
    return Metadata(**{name: known.get(name) for name in Metadata.__struct_fields__})
