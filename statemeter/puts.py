"""What a ``put`` tells: whose bytes are whose. On the probe's thread, like all of ``records``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from statemeter import codecs, events, fast, json_sizes, sizes
from statemeter.asides import Aside
from statemeter.records import common, size_of

if TYPE_CHECKING:
    from statemeter.calls import Call

Dump = tuple[Any, ...]
"""(serializer tag, bytes), or (tag, None, size) where a backlog let the bytes go."""

_READERS = {"msgpack": sizes, "json": json_sizes}
"""Serializer tag → what reads sizes off its bytes."""

_NOTHING = Aside()
COMPRESSED = "compressed"
"""Why channels of a document are unknown whose bytes were compressed together: what each of them
takes of it cannot be told, and its bytes before would not add up to what is stored."""

_MANY_CHANNELS = 300  # a record of more channels may outgrow RECORD_MAX_BYTES


def put_in_python(
    seq: int, call: Call, held: Callable[[int], int] = int, added: int = 0
) -> tuple[Any, ...]:
    """A ``Put`` event.

    The backend holds ``held(n)`` bytes for n bytes of the document or of metadata, and ``added``
    bytes that a saver puts into the document after its serializer.
    """
    (
        checkpoint_key, checkpoint, step, source, channels, ids, root, deltas, snapshots, passed_by
    ) = call.names  # fmt: skip
    owners, written, emptied = _owned(channels, ids, deltas)
    document, blobs, rest = _shared_out(call.dumps, checkpoint_key, owners)
    aside = passed_by[0](passed_by[1]) if passed_by else _NOTHING
    whole = document is not None
    beside = aside.document_bytes >= 0
    if rest and not whole and not beside:
        document = rest.pop(0)
    metadata_bytes = sum(map(size_of, rest)) if rest else aside.metadata_bytes
    sizes_of_blobs: dict[str, int] = {channel: size_of(blob) for channel, blob in blobs.items()}
    blob_bytes = sum(sizes_of_blobs.values()) if blobs else 0
    if beside:
        document_bytes = aside.document_bytes
        call.serializer = next(iter(blobs.values()))[0] if blobs else "json"
        measured = _beside(aside, blobs, sizes_of_blobs, written, emptied)
    else:
        document_bytes, call.serializer = -1, ""
        if document is not None:
            document_bytes, call.serializer = held(size_of(document)) + added, document[0]
        if whole:
            measured = _document(document, written, emptied)
        else:
            measured = _blobs(document, blobs, sizes_of_blobs, emptied)
    bookkeeping, *ends = measured
    if metadata_bytes > 0:
        metadata_bytes = held(metadata_bytes)
    parent, call.checkpoint = call.checkpoint, checkpoint
    inline = sum(aside.inline.values()) if aside.inline else 0
    return (
        *common("put", seq, call), parent, step if isinstance(step, int) else -2, source or "",
        document_bytes, blob_bytes, metadata_bytes, bookkeeping, int(whole),
        *_bounded(*ends, inline, root, deltas, snapshots),
    )  # fmt: skip


@fast.first()
def put(seq: int, call: Call) -> tuple[Any, ...]:
    """A ``Put`` event, of a backend that holds the bytes as they are."""
    return put_in_python(seq, call)


def _owned(
    channels: list[str], ids: list[int], deltas: dict[str, int]
) -> tuple[dict[int, list[str]], list[str], list[str]]:
    """Channels by the ``id`` of their value, those that have one, and those that were emptied."""
    owners: dict[int, list[str]] = {}
    written = []
    emptied = []
    for channel, owner in zip(channels, ids):  # noqa: B905 (one is made of the other)
        if owner:
            written.append(channel)
            if owner in owners:
                owners[owner].append(channel)
            else:
                owners[owner] = [channel]
        elif channel not in deltas:
            emptied.append(channel)
    return owners, written, emptied


def _shared_out(
    dumps: list[Any], checkpoint_key: int, owners: dict[int, list[str]]
) -> tuple[Dump | None, dict[str, Dump], list[Dump]]:
    """What was serialized: the document, the blobs of channels, and the rest."""
    document: Dump | None = None
    blobs: dict[str, Dump] = {}
    rest: list[Dump] = []
    by_turns = iter(dumps)
    for owner, dump in zip(by_turns, by_turns):  # noqa: B905
        if owner == checkpoint_key:
            document = dump
        elif owner in owners and document is None:
            # One object in two channels is serialized once for each, in their order.
            named = owners[owner]
            blobs[named.pop(0) if len(named) > 1 else named[0]] = dump
        else:
            rest.append(dump)
    return document, blobs, rest


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


def _blobs(
    document: Dump | None,
    blobs: dict[str, Dump],
    sizes_of_blobs: dict[str, int],
    emptied: list[str],
) -> tuple[Any, ...]:
    """The same of a document without values and a blob for each channel that changed."""
    bookkeeping, why = -1, _why_unmeasured(document)
    if document is not None and not why:
        found = _READERS[document[0]].measure_document(document[1])
        bookkeeping = found.bookkeeping_bytes if found else -1
    channels, lists = _measured(blobs, sizes_of_blobs, emptied)
    # Channels have blobs of their own here: that the document is compressed hides none.
    return bookkeeping, channels, 0, lists, "" if why == COMPRESSED else why


def _beside(
    aside: Aside,
    blobs: dict[str, Dump],
    sizes_of_blobs: dict[str, int],
    written: list[str],
    emptied: list[str],
) -> tuple[Any, ...]:
    """The same of a document that passed the serializer by, small values inside it."""
    channels, lists = _measured(blobs, sizes_of_blobs, emptied)
    unchanged = aside.inline.keys() - set(written)
    channels |= aside.inline
    encrypted = any("+" in blob[0] for blob in blobs.values())
    why = "encrypted" if encrypted else ""
    changed = written + emptied if unchanged else 0
    return aside.bookkeeping_bytes, channels, changed, lists, why


def _measured(
    blobs: dict[str, Dump], sizes_of_blobs: dict[str, int], emptied: list[str]
) -> tuple[dict[str, int | None], dict[str, sizes.ListSize]]:
    """Channels and lists of a blob for each channel that changed."""
    channels: dict[str, int | None] = dict.fromkeys(emptied)
    channels.update(sizes_of_blobs)
    lists = {}
    for channel, dump in blobs.items():
        reader = _READERS.get(dump[0])
        if reader is not None and dump[1]:
            elements = reader.measure_list(dump[1])
            if elements is not None:
                lists[channel] = elements
    return channels, lists


def _bounded(channels: Any, changed: Any, lists: Any, why: str, *last: Any) -> list[Any]:
    """The ends of the record, cut where so many channels would not fit into one."""
    if len(channels) > _MANY_CHANNELS:
        changed, lists = 0, {}
        if len(events.encode(channels)) > events.RECORD_MAX_BYTES // 2:
            channels, why = {}, "too many channels"
    if not (lists or why or any(last)):
        return [channels] if changed == 0 else [channels, changed]  # []: no channel changed
    ends = [channels, changed, lists, why, *last]
    while not ends[-1]:
        ends.pop()
    return ends


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
