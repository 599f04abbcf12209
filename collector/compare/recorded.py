"""A recorded thread as steps to be done again: its sizes, with content made up.

Each channel has, step by step, as many bytes as it had; a list grows by elements as it did. What a
checkpoint's document had beside its channels, and its metadata, are filled up to what they were.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from collector.compare import made_up
from collector.compare.replay import Step, Writes
from storage.queries_recorded import Recorded

_LIST_HEADER = 3
_FILL = "made up"


class Content:
    """Values of one channel, version after version."""

    def __init__(self, name: str, compressed: float) -> None:
        self._seed = sum(name.encode()) * 1_009
        self._compressed = compressed
        self._elements: list[str] = []
        self._sizes: list[int] = []

    def text(self, size_bytes: int) -> Any:
        """A text that msgpack packs into so many bytes; None: of none or one."""
        if size_bytes <= 1:
            return None
        return made_up.packed_text(size_bytes, self._compressed, self._seed)

    def grown(self, size_bytes: int, elements: int) -> list[str]:
        """A list of so many elements and bytes; what was there before stays, as far as it fits."""
        left = size_bytes - (_LIST_HEADER if elements > 15 else 1)
        keep = min(len(self._elements), elements)
        while keep and (sum(self._sizes[:keep]) + (elements - keep) > left or (
            keep == elements and sum(self._sizes[:keep]) != left
        )):  # fmt: skip
            keep -= 1
        del self._elements[keep:], self._sizes[keep:]
        left -= sum(self._sizes)
        for number in range(elements - keep, 0, -1):
            size = max(1, left // number)
            self._seed += 1
            self._elements.append(made_up.packed_text(size, self._compressed, self._seed))
            self._sizes.append(size)
            left -= size
        return list(self._elements)


def steps(calls: list[Recorded], compressed: float) -> list[Step]:
    """Puts with the writes before them.

    Args:
        calls: as they were recorded, oldest first.
        compressed: what zlib leaves of the content, 0 to 1.
    """
    made: list[Step] = []
    pending: list[Writes] = []
    threads: dict[str, _Namespace] = {}
    seeds = iter(range(10**9))
    for call in calls:
        if call.operation == "put_writes":
            values = [(name, _packed(size, compressed, next(seeds))) for name, size in call.writes]
            pending.append(Writes(call.ns, call.checkpoint, call.task, values))
            continue
        found = threads.setdefault(call.ns, _Namespace(compressed))
        made.append(found.step(call, pending))
        pending = []
    return made


def _packed(size_bytes: int, compressed: float, seed: int) -> Any:
    return None if size_bytes <= 1 else made_up.packed_text(size_bytes, compressed, seed)


class _Namespace:
    """Channels of one checkpoint namespace, as they stand."""

    def __init__(self, compressed: float) -> None:
        self._compressed = compressed
        self._content: dict[str, Content] = {}
        self._values: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}
        self._versions: dict[str, str] = {}
        self._number = 0

    def step(self, call: Recorded, writes: list[Writes]) -> Step:
        self._number += 1
        changed = set(call.channels if call.changed is None else call.changed)
        for name in [name for name in self._values if name not in call.channels]:
            del self._values[name]
        for name, size in call.channels.items():
            if name in changed or self._sizes.get(name) != size:
                self._values[name] = self._value(name, size, call.elements.get(name))
            self._sizes[name] = size
        new = dict.fromkeys(sorted(changed), f"{self._number:032}.{0.5:016}")
        self._versions |= new
        checkpoint = {
            "v": 4, "ts": datetime.now(UTC).isoformat(), "id": call.checkpoint,
            "channel_values": dict(self._values), "channel_versions": dict(self._versions),
            "versions_seen": {}, "updated_channels": sorted(changed),
        }  # fmt: skip
        _fill_document(checkpoint, call.live_bytes - sum(call.channels.values()))
        return Step(
            call.ns, call.parent, checkpoint, _metadata(call), dict(new), writes
        )  # fmt: skip

    def _value(self, name: str, size: int, elements: int | None) -> Any:
        content = self._content.setdefault(name, Content(name, self._compressed))
        return content.text(size) if elements is None else content.grown(size, elements)


def _fill_document(checkpoint: dict[str, Any], wanted: int) -> None:
    """Give the document as many bytes beside its channels as it had, where it had more."""
    bare = {**checkpoint, "channel_values": dict.fromkeys(checkpoint["channel_values"])}
    have = len(JsonPlusSerializer().dumps_typed(bare)[1]) - len(checkpoint["channel_values"])
    missing = wanted - have - len(_FILL) - 5
    if missing > 0:
        checkpoint["versions_seen"] = {_FILL: {"": made_up.packed_text(missing, 0.3, missing)}}


def _metadata(call: Recorded) -> dict[str, Any]:
    metadata = {"source": call.source or "loop", "step": call.step or 0, "parents": {}}
    missing = call.metadata_bytes - len(str(metadata)) - len(_FILL) - 8
    if missing > 0:
        metadata[_FILL] = "x" * missing
    return metadata
