"""What the documents of RedisSaver, ShallowRedisSaver and ValkeySaver tell, by docs/measures.md."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from collector.attach import documents, metadata, nodes, redis_keys, times
from collector.attach.documents import Document, Versions
from collector.attach.nodes import SENDS
from collector.attach.source import FoundCheckpoint, FoundWrites

Key = tuple[str, str, str]
"""Thread, namespace, checkpoint id."""
Parent = Callable[[Key], Versions | None]
"""Versions of a parent, whose id may be empty: None where they are unknown."""
Write = tuple[Key, str, str, int, str, str, int]
"""(checkpoint, task, task path, index, channel, serializer tag, bytes)."""

_SNAPSHOT = b'{"__delta_snapshot__":true'


class _Stored(msgspec.Struct):
    """A checkpoint of RedisSaver."""

    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str
    checkpoint: msgspec.Raw
    parent_checkpoint_id: str = ""
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


class _Inside(msgspec.Struct):
    """The checkpoint inside it."""

    type: str = "json"
    channel_values: dict[str, msgspec.Raw] = {}


class _Send(msgspec.Struct):
    node: str = ""


class _ValkeyStored(msgspec.Struct):
    thread_id: str
    checkpoint_id: str
    type: str
    checkpoint: str
    metadata: str = ""
    parent_checkpoint_id: str | None = None


class _ValkeyWrite(msgspec.Struct):
    task_id: str
    idx: int
    channel: str
    type: str
    value: str = ""


_as_stored = msgspec.json.Decoder(_Stored).decode
_as_inside = msgspec.json.Decoder(_Inside).decode
_as_sends = msgspec.json.Decoder(list[_Send]).decode
_as_text = msgspec.json.Decoder(str).decode
_as_columns = msgspec.json.Decoder(dict[str, list[Any]]).decode
_as_valkey = msgspec.json.Decoder(_ValkeyStored).decode
_as_valkey_writes = msgspec.json.Decoder(list[_ValkeyWrite]).decode
UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeError, binascii.Error)

WRITE_PATHS = (
    "$.thread_id", "$.checkpoint_ns", "$.checkpoint_id", "$.task_id", "$.task_path", "$.idx",
    "$.channel", "$.type",
)  # fmt: skip
"""Of a pending write of RedisSaver all but its value, whose length is asked for."""


def checkpoint(text: bytes, parent: Parent) -> tuple[FoundCheckpoint, Document]:
    """What a checkpoint of RedisSaver or ShallowRedisSaver tells, and its document.

    Raises one of ``UNREADABLE`` where it is none.
    """
    stored = _as_stored(text)
    key = _key(stored.thread_id, stored.checkpoint_ns, stored.checkpoint_id)
    before = _id(stored.parent_checkpoint_id)
    blob, known = bytes(stored.checkpoint), bytes(stored.metadata)
    if known.startswith(b'"'):  # JSON inside a text; a shallow saver writes it as it is
        known = _as_text(known).encode()
    told = metadata.of_json(known)
    deltas = told.deltas()
    document = documents.measure("json", blob, _versions(parent, key, before), deltas)
    inside = _as_inside(blob)
    for channel in document.changed:
        if memoryview(inside.channel_values[channel])[: len(_SNAPSHOT)] == _SNAPSHOT:
            document.snapshots.append(channel)
    if SENDS in inside.channel_values:
        document.sends = _nodes(inside.channel_values[SENDS])
    return _found(key, before, inside.type, document, told, (len(blob), len(known))), document


def of_valkey(key: bytes, text: bytes, parent: Parent) -> tuple[FoundCheckpoint, Document]:
    """The same of a checkpoint of ValkeySaver, whose namespace its key alone has."""
    stored = _as_valkey(text)
    ns = _valkey_ns(key, stored.thread_id)
    place = (stored.thread_id, ns, stored.checkpoint_id)
    before = stored.parent_checkpoint_id or ""
    blob, known = base64.b64decode(stored.checkpoint), base64.b64decode(stored.metadata)
    told = metadata.of_json(known)
    deltas = told.deltas()
    document = documents.measure(stored.type, blob, _versions(parent, place, before), deltas)
    sizes = len(stored.checkpoint), len(stored.metadata)
    return _found(place, before, stored.type, document, told, sizes), document


def write(columns: bytes, size: int | None) -> Write:
    """A pending write of RedisSaver, of ``WRITE_PATHS`` and the length of its value."""
    found = _as_columns(columns)
    thread, ns, checkpoint_id, task, path, index, channel, tag = (
        (found.get(name) or [""])[0] for name in WRITE_PATHS
    )
    key = _key(str(thread), str(ns), str(checkpoint_id))
    return key, str(task), str(path), int(index), str(channel), str(tag), int(size or 0)


def writes_of_valkey(key: bytes, text: bytes) -> list[Write]:
    """All pending writes of a checkpoint of ValkeySaver."""
    middle, _, tail = key.removeprefix(redis_keys.VALKEY_WRITES).rpartition(b"}:")
    ns, _, checkpoint_id = tail.rpartition(b":")
    place = (middle.decode(), ns.decode(), checkpoint_id.decode())
    return [
        (place, one.task_id, "", one.idx, one.channel, one.type, len(one.value))
        for one in _as_valkey_writes(text)
    ]


def by_task(writes: Iterable[Write], sends: Callable[[Key], list[str] | None]) -> list[FoundWrites]:
    """Pending writes, those of a task together; ``sends`` gives the nodes that a checkpoint sends
    to, as far as they are known."""
    tasks: dict[tuple[Key, str], FoundWrites] = {}
    for key, task, path, index, channel, tag, size in sorted(writes):
        found = tasks.get((key, task))
        if found is None:
            node = nodes.node_of(path, sends(key) or ())
            at_us = times.of_checkpoint(key[2])
            found = tasks[key, task] = FoundWrites(*key, at_us, tag, task, node, [])
        found.writes.append((index, channel, size))
    return list(tasks.values())


def _found(  # noqa: PLR0917 (the parts of a checkpoint)
    key: Key, parent: str, tag: str, document: Document, told: metadata.Metadata,
    sizes: tuple[int, int],
) -> FoundCheckpoint:  # fmt: skip
    return FoundCheckpoint(
        *key, parent=parent, at_us=times.of_checkpoint(key[2], document.ts), serializer=tag,
        step=told.step_number(), source=told.source_name(), document_bytes=sizes[0],
        metadata_bytes=sizes[1], bookkeeping_bytes=document.bookkeeping_bytes, whole=True,
        channels=dict(document.channels), changed=document.changed + document.emptied,
        lists=document.lists, channels_unknown=document.unknown, root=told.root(),
        deltas=told.deltas(), snapshots=document.snapshots, run_id=told.run(),
    )  # fmt: skip


def _versions(parent: Parent, key: Key, before: str) -> Callable[[], Versions | None]:
    return lambda: parent((key[0], key[1], before))


def _nodes(sends: msgspec.Raw) -> list[str]:
    try:
        return [one.node for one in _as_sends(sends)]
    except UNREADABLE:
        return []


def _key(thread: str, ns: str, checkpoint_id: str) -> Key:
    return _id(thread), "" if ns == redis_keys.EMPTY else ns, _id(checkpoint_id)


def _id(stored: str) -> str:
    return "" if stored == redis_keys.EMPTY_ID else stored


def _valkey_ns(key: bytes, thread: str) -> str:
    rest = key.removeprefix(redis_keys.VALKEY + thread.encode() + b"}:")
    return rest.rpartition(b":")[0].decode("utf-8", "replace")
