"""Plain data of a blob that a serializer of LangGraph wrote, whatever bytes it really is.

The formats are read by readers of our own, which take from a budget at each value: no library
bounds what it builds (16 MB of empty maps are 1 GB as objects). No name in a blob is ever looked
up: a class is two texts here.
"""

from __future__ import annotations

from collector.viewer.limits import Limits
from storage.values import HEAD_BYTES, Value


def plain(tag: str, blob: bytes, limits: Limits, length: int = -1) -> Value:
    """What a blob holds.

    Args:
        tag: the serializer's: ``msgpack``, ``json`` (Redis JSON and JSONB too), ``bytes``,
            ``bytearray``, ``null``, ``empty``; ``bson`` for a document of MongoDB.
        blob: its bytes, or their start.
        limits: what is beyond them is left out of the data, marked, and told by ``cut``.
        length: of the whole blob in bytes, where ``blob`` is its start only.
    """
    length = max(length, len(blob))
    head = blob[:HEAD_BYTES].hex()
    if tag in ("null", "empty"):
        return Value(type=tag, bytes=length, head=head)
    return Value(type=tag, bytes=length, head=head, problem="This type is not decoded.")
