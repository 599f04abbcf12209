"""What a ``put`` tells: whose bytes are whose. On the probe's thread, like all of ``records``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from statemeter import codecs, events, json_sizes, sizes
from statemeter.asides import Aside
from statemeter.records import common, size_of

if TYPE_CHECKING:
    from statemeter.calls import Call

Dump = tuple[Any, ...]
"""(serializer tag, bytes), or (tag, None, size) where a backlog let the bytes go."""

_READERS = {"msgpack": sizes, "json": json_sizes}
"""Serializer tag → what reads sizes off its bytes."""

COMPRESSED = "compressed"
"""Why channels of a document are unknown whose bytes were compressed together: what each of them
takes of it cannot be told, and its bytes before would not add up to what is stored."""

_MANY_CHANNELS = 300  # a record of more channels may outgrow RECORD_MAX_BYTES


def put(seq: int, call: Call, held: Callable[[int], int] = int, added: int = 0) -> tuple[Any, ...]:
    """A ``Put`` event.

    The backend holds ``held(n)`` bytes for n bytes of the document or of metadata, and ``added``
    bytes that a saver puts into the document after its serializer.
    """
    checkpoint_key, checkpoint, step, source, channels, ids, root, *delta, passed_by = call.names
    owners: dict[int, list[str]] = {}
    emptied = []
    for channel, owner in zip(channels, ids, strict=True):
        if owner:
            owners.setdefault(owner, []).append(channel)
        elif not delta[0] or channel not in delta[0]:
            emptied.append(channel)
    written = [channel for channel, owner in zip(channels, ids, strict=True) if owner]
    aside = passed_by[0](passed_by[1]) if passed_by else Aside()
    document: Dump | None = None
    blobs: dict[str, Dump] = {}
    rest: list[Dump] = []
    for at in range(0, len(call.dumps), 2):
        owner, dump = call.dumps[at], call.dumps[at + 1]
        if owner == checkpoint_key:
            document = dump
        elif owner in owners and not document:
            # One object in two channels is serialized once for each, in their order.
            named = owners[owner]
            blobs[named.pop(0) if len(named) > 1 else named[0]] = dump
        else:
            rest.append(dump)
    whole = document is not None
    if rest and not whole and aside.document_bytes < 0:
        document = rest.pop(0)
    metadata_bytes = sum(map(size_of, rest)) if rest else aside.metadata_bytes
    if aside.document_bytes >= 0:
        document_bytes = aside.document_bytes
        call.serializer = next(iter(blobs.values()))[0] if blobs else "json"
        measured = _beside(aside, blobs, written, emptied)
    else:
        document_bytes = held(size_of(document)) + added if document else -1
        call.serializer = document[0] if document else ""
        measured = (
            _document(document, written, emptied) if whole else _blobs(document, blobs, emptied)
        )
    metadata_bytes = held(metadata_bytes) if metadata_bytes > 0 else metadata_bytes
    parent, call.checkpoint = call.checkpoint, checkpoint
    return (
        *common("put", seq, call), parent, step if isinstance(step, int) else -2, source or "",
        document_bytes, sum(map(size_of, blobs.values())), metadata_bytes, measured[0],
        int(whole), *_bounded(*measured[1:], sum(aside.inline.values()), root, *delta),
    )  # fmt: skip


def _document(document: Dump | None, written: list[str], emptied: list[str]) -> tuple[Any, ...]:
    """Bookkeeping bytes, channels, changed, lists, why unknown: of one document with all values."""
    why = _why_unmeasured(document)
    found = None
    if document is not None and not why:
        found = _READERS[document[0]].measure_document(document[1], written)
        why = "" if found else _why_unreadable(document)
    changed = written + emptied
    if found is None:
        return -1, {}, changed, {}, why
    return found.bookkeeping_bytes, found.channels, changed, found.lists, ""


def _blobs(document: Dump | None, blobs: dict[str, Dump], emptied: list[str]) -> tuple[Any, ...]:
    """The same of a document without values and a blob for each channel that changed."""
    bookkeeping, why = -1, _why_unmeasured(document)
    if document is not None and not why:
        found = _READERS[document[0]].measure_document(document[1])
        bookkeeping = found.bookkeeping_bytes if found else -1
    # Channels have blobs of their own here: that the document is compressed hides none.
    return bookkeeping, *_measured(blobs, emptied), "" if why == COMPRESSED else why


def _beside(
    aside: Aside, blobs: dict[str, Dump], written: list[str], emptied: list[str]
) -> tuple[Any, ...]:
    """The same of a document that passed the serializer by, small values inside it."""
    channels, changed, lists = _measured(blobs, emptied)
    unchanged = aside.inline.keys() - set(written)
    channels |= aside.inline
    encrypted = any("+" in blob[0] for blob in blobs.values())
    why = "encrypted" if encrypted else ""
    changed = written + emptied if unchanged else 0
    return aside.bookkeeping_bytes, channels, changed, lists, why


def _measured(
    blobs: dict[str, Dump], emptied: list[str]
) -> tuple[dict[str, int | None], Any, dict[str, sizes.ListSize]]:
    """Channels, changed (all of them) and lists of a blob for each channel that changed."""
    channels: dict[str, int | None] = dict.fromkeys(emptied)
    lists = {}
    for channel, blob in blobs.items():
        channels[channel] = size_of(blob)
        if not _why_unmeasured(blob):
            elements = _READERS[blob[0]].measure_list(blob[1])
            if elements is not None:
                lists[channel] = elements
    return channels, 0, lists


def _bounded(channels: Any, changed: Any, lists: Any, why: str, *last: Any) -> list[Any]:
    """The ends of the record, cut where so many channels would not fit into one."""
    if len(channels) > _MANY_CHANNELS:
        changed, lists = 0, {}
        if len(events.encode(channels)) > events.RECORD_MAX_BYTES // 2:
            channels, why = {}, "too many channels"
    ends = [channels, changed, lists, why, *last]
    while len(ends) > 2 and not ends[-1]:
        ends.pop()
    return ends[:1] if ends[1:] == [0] else ends  # []: no channel changed


def _why_unmeasured(part: Dump | None) -> str:
    if part is None:
        return "serializer not seen"
    tag, blob = part[:2]
    if blob is None:
        return "backlog"
    if tag in _READERS:
        return ""
    if "+" in tag:
        return "encrypted"
    return COMPRESSED if codecs.split(tag)[0] else str(tag)


def _why_unreadable(part: Dump) -> str:
    """Damaged msgpack, or JSON of a serializer that has a form of its own."""
    return "unreadable" if part[0] == "msgpack" else str(part[0])
