"""Checkpoints of an InMemorySaver, for somebody who looks: its serialized bytes as they are.

Nothing is decoded beyond the versions of a checkpoint's channels, nothing is copied but references,
and nothing of the saver is changed: a ``defaultdict`` makes an entry for each key that is asked of
it by ``[]``. Bytes that cannot be read (encrypted, pickled) are handed out as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from statemeter import codecs
from statemeter.errors import SerializerError

Storages = tuple[Any, Any, Any]
"""``storage``, ``writes`` and ``blobs`` of an InMemorySaver, which its copies share."""

Part = tuple[dict[str, Any], tuple[str, bytes]]
"""What a blob is, and its tag and bytes."""

MOST_ANCESTORS = 6_000
"""LangGraph writes a snapshot after 5000 super-steps at the latest."""

DOCUMENT_BYTES = 64_000_000
"""Most bytes of a compressed document that are looked into, for the versions of its channels."""

_parts = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode
_versions = msgspec.msgpack.Decoder(dict[str, int | float | str]).decode


class Ask(msgspec.Struct):
    """One checkpoint is asked for."""

    saver: str
    thread: str
    ns: str
    checkpoint: str
    """Empty: the newest."""
    channels: list[str] | None = None


def storages_of(saver: Any) -> Storages | None:
    """Where a saver in memory keeps its checkpoints; None of any other."""
    found = saver.storage, saver.writes, saver.blobs
    return found if all(isinstance(one, dict) for one in found) else None


def parts(storages: Storages, asked: Ask) -> Iterator[Part]:
    """The checkpoint with its channels, pending writes, and what delta channels are made from.

    Nothing where there is none.
    """
    storage, writes, blobs = storages
    saved = (storage.get(asked.thread) or {}).get(asked.ns) or {}
    name = asked.checkpoint or max(list(saved), default="")
    entry = saved.get(name)
    if entry is None:
        return
    document, metadata, parent = entry
    yield {"kind": "checkpoint", "name": name, "parent": parent or ""}, document
    yield {"kind": "metadata"}, metadata
    there = set()
    for channel, blob in _blobs(blobs, asked, document, asked.channels):
        there.add(channel)
        yield {"kind": "channel", "channel": channel}, blob
    for row, blob in _writes(writes, asked, name, asked.channels):
        yield {"kind": "write", **row}, blob
    missing = {one for one in _deltas(metadata) if one not in there}
    if asked.channels is not None:
        missing &= set(asked.channels)
    yield from _replay(storages, asked, saved, parent, missing)


def _blobs(
    blobs: Any, asked: Ask, document: tuple[str, bytes], channels: Collection[str] | None
) -> Iterator[tuple[str, tuple[str, bytes]]]:
    for channel, version in _channel_versions(document).items():
        if channels is None or channel in channels:
            blob = blobs.get((asked.thread, asked.ns, channel, version))
            if blob is not None and blob[0] != "empty":
                yield channel, blob


def _writes(
    writes: Any, asked: Ask, checkpoint: str, channels: Collection[str] | None
) -> Iterator[tuple[dict[str, Any], tuple[str, bytes]]]:
    rows = list((writes.get((asked.thread, asked.ns, checkpoint)) or {}).items())
    for (_, index), (task, channel, blob, *path) in sorted(
        rows, key=lambda row: (row[1][3] if len(row[1]) > 3 else "", *row[0])
    ):
        if channels is None or channel in channels:
            told = {"task": task, "index": index, "channel": channel}
            yield {**told, "path": path[0] if path else ""}, blob


def _replay(
    storages: Storages, asked: Ask, saved: Any, parent: str | None, missing: set[str]
) -> Iterator[Part]:
    """Newest first: pending writes of ancestors, up to the one that holds the channel."""
    _, writes, blobs = storages
    for _ in range(MOST_ANCESTORS):
        entry = saved.get(parent) if parent and missing else None
        if entry is None:
            return
        yield {"kind": "ancestor", "channels": sorted(missing)}, ("", b"")
        for row, blob in reversed(list(_writes(writes, asked, str(parent), missing))):
            yield {"kind": "replay", **row}, blob
        for channel, blob in list(_blobs(blobs, asked, entry[0], missing)):
            missing.discard(channel)
            yield {"kind": "seed", "channel": channel}, blob
        parent = entry[2]


def _channel_versions(document: tuple[str, bytes]) -> dict[str, int | float | str]:
    try:
        return _versions(_parts(_packed(document))["channel_versions"])
    except (msgspec.MsgspecError, KeyError):
        return {}


def _deltas(metadata: tuple[str, bytes]) -> list[str]:
    """Delta channels of a checkpoint, but for those of which it holds a snapshot."""
    try:
        return list(_parts(_parts(_packed(metadata))["counters_since_delta_snapshot"]))
    except (msgspec.MsgspecError, KeyError):
        return []


def _packed(blob: tuple[str, bytes]) -> bytes:
    """The msgpack of a blob, compressed or not; nothing where it holds something else."""
    codec, tag = codecs.split(blob[0])
    if tag != "msgpack":
        return b""
    try:
        return codecs.expand(codec, blob[1], DOCUMENT_BYTES) if codec else blob[1]
    except SerializerError:
        return b""
