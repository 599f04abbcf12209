"""What a saver serializes for a step, read from where the thread is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collector.viewer import compressed, decoding, place
from collector.viewer.limits import Limits
from collector.viewer.raw import Blob, Found
from collector.viewer.shapes import Damaged
from collector.whatif.objects import Maker, Unreadable
from storage.serializer_trials import Asked, Step
from storage.values import Ask

_VERSIONS = "channel_versions"


@dataclass
class Serialized:
    """The values of one step."""

    objects: list[Any] = field(default_factory=list)
    stored_bytes: int = 0
    """As the backend holds them."""
    tags: dict[str, int] = field(default_factory=dict)
    """Serializer's tag → bytes stored under it."""
    unread: list[str] = field(default_factory=list)
    """Why a value is missing, once for each."""


def read(asked: Asked, spool: str, step: Step, maker: Maker) -> Serialized | None:
    """The values that were serialized for a checkpoint and its pending writes.

    None where there is no such checkpoint (any longer).

    Raises:
        CouldNotLook: the database is not known, or refused.
    """
    thread = step.thread or asked.thread
    found = _find(asked, spool, (thread, step.ns, step.checkpoint))
    if found is None:
        return None
    blobs = [found.document] if asked.backend != "postgres" else []
    if asked.layout != "whole":
        before: dict[str, bytes] = {}
        if step.parent and asked.layout == "channels":
            parent = _find(asked, spool, (thread, step.ns, step.parent), [])
            before = _versions(parent) if parent is not None else {}
        now = _versions(found)
        blobs += [
            blob
            for name, blob in found.channels.items()
            if not now or name not in before or before[name] != now.get(name)
        ]
    blobs += [write.blob for write in found.writes]
    return _made(blobs, maker)


def _find(
    asked: Asked, spool: str, key: tuple[str, str, str], channels: list[str] | None = None
) -> Found | None:
    """A checkpoint; each by a connection of its own, as each may fetch as much as one answer."""
    ask = Ask(
        saver=asked.saver, backend=asked.backend, database=asked.database,
        incarnations=asked.incarnations, spool=spool, thread=key[0],
    )  # fmt: skip
    with place.opened(ask) as (reader, _):
        return reader.find(*key, channels)


def _versions(found: Found) -> dict[str, bytes]:
    """Channel → its version, as bytes; empty: unknown."""
    tag = found.document.type
    try:
        document = decoding.parts(tag, found.document.content, Limits())
        inner = decoding.parts(compressed.inner_tag(tag), document[_VERSIONS], Limits())
    except (KeyError, Damaged):
        return {}
    return {name: bytes(part) for name, part in inner.items()}


def _made(blobs: list[Blob], maker: Maker) -> Serialized:
    made = Serialized()
    for blob in blobs:
        if blob.type == "empty" and not blob.size:
            continue
        try:
            if not blob.whole:
                raise Unreadable("too large to be fetched")
            made.objects.append(maker.value(blob.type, blob.content))
        except Unreadable as why:
            made.unread.append(str(why))
            continue
        made.stored_bytes += blob.size
        made.tags[blob.type] = made.tags.get(blob.type, 0) + blob.size
    return made


def spread(count: int) -> Iterator[int]:
    """All numbers below ``count``, so that the first few of them are spread over the whole."""
    seen = set()
    for exponent in range(count.bit_length() + 1):
        parts = 1 << exponent
        for part in range(parts + 1):
            number = round(part * (count - 1) / parts)
            if number not in seen:
                seen.add(number)
                yield number
