"""From what a backend keeps of a checkpoint to an answer: plain data, bounded and redacted."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collector.attach.nodes import SENDS, node_of
from collector.viewer import compressed, decoding, delta, walk
from collector.viewer.limits import Limits
from collector.viewer.raw import BLOB_BYTES, Blob, Found, Pending, Reader, Replay
from collector.viewer.redaction import Redaction
from collector.viewer.shapes import Damaged
from storage import values
from storage.values import HEAD_BYTES, Answer, Ask, Value, Write

ANSWER_BYTES = 24_000_000
"""Most JSON of the values of one answer; the largest that do not fit are left out."""

SECONDS = 1.5
"""For decoding all values of an answer; what is not done by then is cut."""

_CHANNELS = "channel_values"
_LEFT_OUT = "Left out: with it, the answer would be too large. Ask for this channel alone."


@dataclass
class Maker:
    """Makes the values of one answer."""

    patterns: Sequence[re.Pattern[str]]
    until: float = field(default_factory=lambda: time.process_time() + SECONDS)
    left: int = ANSWER_BYTES
    left_out: int = 0

    def __post_init__(self) -> None:
        self._redaction = Redaction(self.patterns)

    @property
    def limits(self) -> Limits:
        return Limits(until=self.until)

    @property
    def redacted(self) -> int:
        """At how many places something was taken out."""
        return self._redaction.count

    def raw(self, blob: Blob) -> Value:
        """A blob's value, as it is."""
        if not blob.whole:
            return _not_fetched(blob)
        return decoding.plain(blob.type, blob.content, self.limits)

    def shown(self, value: Value, name: str = "") -> Value:
        """The value as it may be shown: redacted, and without data where there is no room.

        Args:
            value: as it was decoded.
            name: the key that it stands under, which may itself be one to redact.
        """
        value = self._redaction.value(value, name)
        size = len(values.encode(value))
        if size > self.left:
            self.left_out += 1
            return msgspec.structs.replace(value, data=None, problem=_LEFT_OUT, elements=[])
        self.left -= size
        return value


def complete(asked: Ask, reader: Reader, found: Found) -> None:
    """Fetch what delta channels are rebuilt from, which their checkpoint does not hold.

    Raises:
        CouldNotLook: the database refused.
    """
    if found.replays is None:
        metadata = Maker(()).raw(found.metadata)
        present = inside(found).keys()
        missing = [
            name
            for name in delta.missing(_versions(found), present, metadata.data)
            if asked.channels is None or name in asked.channels
        ]
        found.replays = walk.replays(reader, asked, found, missing, inside)


def answer(asked: Ask, found: Found, maker: Maker) -> Answer:
    """What was found, as plain data."""
    document = _document(found, maker)
    wanted = None if asked.channels is None else set(asked.channels)
    channels = {
        name: delta.unwrapped(maker.raw(blob))
        for name, blob in inside(found).items()
        if wanted is None or name in wanted
    }
    for name, replay in (found.replays or {}).items():
        channels[name] = _rebuilt(replay, maker)
    sends = _sends(channels.get(SENDS))
    # The smallest first: one that does not fit takes no room from others.
    order = sorted(channels, key=lambda name: channels[name].bytes)
    shown = {name: maker.shown(channels[name], name) for name in order}
    if wanted is not None or maker.redacted:
        # Its first bytes are those of channels, too: of ones that hide something, or may.
        document = msgspec.structs.replace(document, head="")
    return Answer(
        thread=asked.thread, ns=asked.ns, checkpoint=found.checkpoint, parent=found.parent,
        document=maker.shown(document), metadata=maker.shown(maker.raw(found.metadata)),
        channels={name: shown[name] for name in sorted(shown)},
        writes=[_write(one, sends, maker) for one in found.writes],
        left_out=maker.left_out + found.more_writes, redacted=maker.redacted,
    )  # fmt: skip


def inside(found: Found) -> dict[str, Blob]:
    """All channels of a checkpoint: those inside the document, and those beside it.

    Of a delta channel's snapshot, PostgreSQL's document holds a mark: what is beside it counts.
    """
    parts, tag = _parts(found.document), compressed.inner_tag(found.document.type)
    try:
        inner = decoding.parts(tag, parts[_CHANNELS], Limits())
    except (KeyError, Damaged):
        inner = {}
    return {name: Blob(tag, len(part), bytes(part)) for name, part in inner.items()} | {
        name: blob for name, blob in found.channels.items() if blob.type != "empty"
    }


def _rebuilt(replay: Replay, maker: Maker) -> Value:
    seed = None if replay.seed is None else maker.raw(replay.seed)
    value = delta.rebuild(seed, [maker.raw(blob) for blob in replay.writes], replay.ancestors)
    return value if replay.complete else msgspec.structs.replace(value, cut=True)


def _parts(blob: Blob) -> dict[str, memoryview]:
    if not blob.whole:
        return {}
    try:
        return decoding.parts(blob.type, blob.content, Limits())
    except Damaged:
        return {}


def _document(found: Found, maker: Maker) -> Value:
    """The document without the channels; length and head are of the whole."""
    blob = found.document
    parts = _parts(blob)
    if not parts:
        return maker.raw(blob)
    rest = {
        name: decoding.plain(compressed.inner_tag(blob.type), part, maker.limits).data
        for name, part in parts.items()
        if name != _CHANNELS
    }
    head = blob.content[:HEAD_BYTES].hex()
    return Value(type=blob.type, bytes=blob.size, data=rest, head=head)


def _not_fetched(blob: Blob) -> Value:
    size = "of unknown length" if blob.size < 0 else f"{blob.size:,} bytes"
    return Value(
        type=blob.type, bytes=blob.size, head=blob.content[:HEAD_BYTES].hex(),
        problem=f"Not fetched ({size}): the viewer fetches {BLOB_BYTES // 1_000_000} MB a value "
        "at most.",
    )  # fmt: skip


def _versions(found: Found) -> Collection[str]:
    """The channels that the checkpoint has a version of."""
    parts = _parts(found.document)
    try:
        tag = compressed.inner_tag(found.document.type)
        return decoding.parts(tag, parts["channel_versions"], Limits()).keys()
    except (KeyError, Damaged):
        return ()


def _sends(value: Value | None) -> list[str]:
    """The node of each ``Send`` of the checkpoint."""
    rows = value.data if value is not None and isinstance(value.data, list) else []
    return [_node(row) for row in rows]


def _node(row: Any) -> str:
    inner = row.get("value") if isinstance(row, dict) else None
    name = inner.get("node") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else ""


def _write(pending: Pending, sends: list[str], maker: Maker) -> Write:
    return Write(
        task=pending.task, node=node_of(pending.path, sends), path=pending.path,
        index=pending.index, channel=pending.channel,
        value=maker.shown(maker.raw(pending.blob), pending.channel),
    )  # fmt: skip
