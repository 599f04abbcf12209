"""What was found, as the fields of its event."""

from __future__ import annotations

from typing import Any

from collector.attach.source import FoundCheckpoint, FoundWrites
from statemeter import events

MANY_CHANNELS = 300
"""A record of more channels may outgrow ``RECORD_MAX_BYTES``; see ``statemeter.puts``."""
MANY_WRITES = 1_000
_UNKNOWN_US = -1


def of_checkpoint(saver: str, found: FoundCheckpoint) -> tuple[Any, ...]:
    """Fields of a ``FoundPut``, the number and the time of the event apart."""
    channels: Any = found.channels
    changed: Any = 0 if found.changed is None else found.changed
    lists: Any = found.lists
    why = found.channels_unknown
    if len(channels) > MANY_CHANNELS:
        changed, lists = 0, {}
        if len(events.encode(channels)) > events.RECORD_MAX_BYTES // 2:
            channels, why = {}, "too many channels"
    return (
        "found", _UNKNOWN_US, saver, "", 0, found.thread, found.ns, found.checkpoint, "",
        _UNKNOWN_US, found.serializer, found.parent, found.step, found.source,
        found.document_bytes, found.blob_bytes, found.metadata_bytes, found.bookkeeping_bytes,
        int(found.whole), channels, changed, lists, why, found.inline_bytes, found.root,
        found.deltas, found.snapshots, found.at_us,
    )  # fmt: skip


def of_writes(saver: str, found: FoundWrites) -> list[tuple[Any, ...]]:
    """Fields of ``FoundWrites`` events: several where one would be too long."""
    return [
        (
            "found_writes", _UNKNOWN_US, saver, "", 0, found.thread, found.ns, found.checkpoint,
            "", _UNKNOWN_US, found.serializer, found.task, found.node,
            [(channel, size) for _, channel, size in part], found.at_us,
            [index for index, _, _ in part],
        )
        for begin in range(0, len(found.writes), MANY_WRITES)
        if (part := found.writes[begin : begin + MANY_WRITES])
    ]  # fmt: skip
