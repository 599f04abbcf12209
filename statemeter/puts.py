"""What a ``put`` tells: whose bytes are whose. On the probe's thread, like all of ``records``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from statemeter import events, sizes
from statemeter.records import common, size_of

if TYPE_CHECKING:
    from statemeter.calls import Call

Dump = tuple[Any, ...]
"""(serializer tag, bytes), or (tag, None, size) where a backlog let the bytes go."""

_MANY_CHANNELS = 300  # a record of more channels may outgrow RECORD_MAX_BYTES


def put(seq: int, call: Call) -> tuple[Any, ...]:
    """A ``Put`` event."""
    checkpoint_key, checkpoint, step, source, channels, ids, metadata_of = call.names
    owners: dict[int, list[str]] = {}
    emptied = []
    for channel, owner in zip(channels, ids, strict=True):
        if owner:
            owners.setdefault(owner, []).append(channel)
        else:
            emptied.append(channel)
    written = [channel for channel in channels if channel not in emptied]
    document: Dump | None = None
    blobs: dict[str, Dump] = {}
    rest: list[Dump] = []
    for at in range(0, len(call.dumps), 2):
        owner, dump = call.dumps[at], call.dumps[at + 1]
        if owner == checkpoint_key:
            document = dump
        elif owner in owners:
            # One object in two channels is serialized once for each, in their order.
            named = owners[owner]
            blobs[named.pop(0) if len(named) > 1 else named[0]] = dump
        else:
            rest.append(dump)
    whole = document is not None
    if rest and not whole:
        document = rest.pop(0)
    metadata_bytes = size_of(rest[0]) if rest else _metadata_bytes(metadata_of)
    call.serializer = document[0] if document else ""
    parent, call.checkpoint = call.checkpoint, checkpoint
    measured = _document(document, written, emptied) if whole else _blobs(document, blobs, emptied)
    return (
        *common("put", seq, call), parent, step if isinstance(step, int) else -2, source or "",
        size_of(document) if document else -1, sum(map(size_of, blobs.values())), metadata_bytes,
        measured[0], int(whole), *_bounded(*measured[1:]),
    )  # fmt: skip


def _document(document: Dump | None, written: list[str], emptied: list[str]) -> tuple[Any, ...]:
    """Bookkeeping bytes, channels, changed, lists, why unknown: of one document with all values."""
    why = _why_unmeasured(document)
    found = None
    if document is not None and not why:
        found = sizes.measure_document(document[1], written)
        why = "" if found else "unreadable"
    changed = written + emptied
    if found is None:
        return -1, {}, changed, {}, why
    return found.bookkeeping_bytes, found.channels, changed, found.lists, ""


def _blobs(document: Dump | None, blobs: dict[str, Dump], emptied: list[str]) -> tuple[Any, ...]:
    """The same of a document without values and a blob for each channel that changed."""
    bookkeeping, why = -1, _why_unmeasured(document)
    if document is not None and not why:
        found = sizes.measure_document(document[1])
        bookkeeping = found.bookkeeping_bytes if found else -1
    channels: dict[str, int | None] = dict.fromkeys(emptied)
    lists = {}
    for channel, blob in blobs.items():
        channels[channel] = size_of(blob)
        if not _why_unmeasured(blob):
            elements = sizes.measure_list(blob[1])
            if elements is not None:
                lists[channel] = elements
    return bookkeeping, channels, 0, lists, why


def _bounded(channels: Any, changed: Any, lists: Any, why: str) -> tuple[Any, ...]:
    """The ends of the record, cut where so many channels would not fit into one."""
    if len(channels) > _MANY_CHANNELS:
        changed, lists = 0, {}
        if len(events.encode(channels)) > events.RECORD_MAX_BYTES // 2:
            return {}, 0, {}, "too many channels"
    if why:
        return channels, changed, lists, why
    if lists:
        return channels, changed, lists
    return (channels, changed) if changed else (channels,)


def _why_unmeasured(part: Dump | None) -> str:
    if part is None:
        return "serializer not seen"
    tag, blob = part[:2]
    if blob is None:
        return "backlog"
    if "+" in tag:
        return "encrypted"
    return "" if tag == "msgpack" else tag


def _metadata_bytes(metadata_of: tuple[Any, Any] | None) -> int:
    """Bytes of metadata that a saver writes as JSON past its serializer, as SqliteSaver does."""
    if metadata_of is None:
        return -1
    prepare = sys.modules["langgraph.checkpoint.base"].get_checkpoint_metadata
    try:
        text = json.dumps(prepare(*metadata_of), ensure_ascii=False)
    except (TypeError, ValueError):  # the saver failed at it, too
        return -1
    return len(text.encode("utf-8", "ignore"))
