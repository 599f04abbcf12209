"""A serialized checkpoint, measured by a walk over its bytes; nothing of it is deserialized.

Which channels a step wrote is not in the document: it is told by their versions, compared with the
parent's, as LangGraph compares them before a ``put`` (``get_new_channel_versions``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from collector.attach.nodes import SENDS, nodes_of_sends
from statemeter import codecs, json_sizes, sizes
from statemeter.errors import SerializerError
from statemeter.sizes import ListSize

Versions = dict[str, str | int | float]
"""Channel → version."""

COMPRESSED = "compressed"
"""Why channels of a document are unknown that a CompressedSerializer wrote: see ``puts``."""

EXPANDED_BYTES = 64_000_000
"""Most bytes of it that are looked into."""

VERSIONS_KEPT = 100_000
"""Versions of channels in memory, of the checkpoints read last."""


class _Head(msgspec.Struct):
    """What is read of a document itself: names and numbers of LangGraph, no values."""

    ts: str = ""
    channel_versions: Versions = {}
    channel_values: msgspec.Raw = msgspec.Raw(b"")


_READERS: dict[str, tuple[Callable[..., Any], Any]] = {
    "msgpack": (msgspec.msgpack.Decoder(_Head).decode, sizes),
    "json": (msgspec.json.Decoder(_Head).decode, json_sizes),
}
_SNAPSHOT = "delta snapshot"
_HEAD_BYTES = 16
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeError)


@dataclass(slots=True)
class Document:
    """What the bytes of a checkpoint tell."""

    ts: str = ""
    versions: Versions = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    """Every channel with a value → bytes."""
    changed: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    lists: dict[str, ListSize] = field(default_factory=dict)
    snapshots: list[str] = field(default_factory=list)
    sends: list[str] = field(default_factory=list)
    """Node of each ``Send`` that waits in it."""
    bookkeeping_bytes: int = -1
    unknown: str = ""
    """Why it could not be measured: ``encrypted``, ``compressed``, ``unreadable``, …"""


def measure(
    tag: str, blob: bytes, parent: Callable[[], Versions | None], deltas: dict[str, int]
) -> Document:
    """Measure a checkpoint that holds all its channels.

    Args:
        tag: of the serializer.
        blob: the document.
        parent: channel versions of the parent: empty for none, None where they are unknown.
        deltas: delta channels without a value here.
    """
    codec, tag = codecs.split(tag)
    if "+" in tag or tag not in _READERS:
        return Document(unknown="encrypted" if "+" in tag else tag or "?")
    decode, reader = _READERS[tag]
    if codec:
        try:
            blob = codecs.expand(codec, blob, EXPANDED_BYTES)
        except SerializerError:  # its package is missing here, or it is damaged
            return Document(unknown=COMPRESSED)
    try:
        head = decode(blob)
    except _UNREADABLE:
        return Document(unknown="unreadable")
    written = changed(head.channel_versions, parent())
    found = reader.measure_document(blob, written)
    if found is None:
        return Document(unknown="unreadable")
    channels = found.channels
    document = Document(
        ts=head.ts, versions=head.channel_versions, channels=channels,
        changed=[name for name in written if name in channels],
        emptied=[name for name in written if name not in channels and name not in deltas],
        lists=found.lists, bookkeeping_bytes=found.bookkeeping_bytes,
    )  # fmt: skip
    if tag == "msgpack":
        _look_into(document, head.channel_values)
    if codec:  # its names hold; sizes do not add up to what is stored
        document.unknown, document.bookkeeping_bytes = COMPRESSED, -1
        document.channels, document.lists = {}, {}
    return document


def changed(versions: Versions, parent: Versions | None) -> list[str]:
    """Channels that a step wrote.

    Where the parent is gone, those of the highest version: a step gives one version to all that it
    writes (langgraph 1.1, ``pregel._algo.apply_writes``).
    """
    if parent is None:
        try:
            newest = max(versions.values())
        except (TypeError, ValueError):
            return []
        return [name for name, version in versions.items() if version == newest]
    return [name for name, version in versions.items() if parent.get(name) != version]


_values = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode


def _look_into(document: Document, values: msgspec.Raw) -> None:
    """Snapshots of delta channels and nodes of sends, by the first bytes of their values."""
    for name, value in _values(values).items() if len(values) else ():
        if name == SENDS:
            document.sends = nodes_of_sends(value)
        elif (
            name in document.changed
            and sizes.type_name(memoryview(value)[:_HEAD_BYTES]) == _SNAPSHOT
        ):
            document.snapshots.append(name)


class Parents:
    """Versions of the checkpoints read last; of others they are looked up."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], Versions] = OrderedDict()
        self._kept = 0

    def get(self, thread: str, ns: str, checkpoint: str) -> Versions | None:
        """The versions, None where they are not in memory."""
        return self._known.get((thread, ns, checkpoint))

    def add(self, thread: str, ns: str, checkpoint: str, versions: Versions) -> None:
        """Remember a checkpoint; the oldest make room."""
        key = (thread, ns, checkpoint)
        old = self._known.pop(key, None)
        self._kept += len(versions) + 1 - (0 if old is None else len(old) + 1)
        self._known[key] = versions
        while self._kept > VERSIONS_KEPT and len(self._known) > 1:
            _, gone = self._known.popitem(last=False)
            self._kept -= len(gone) + 1
