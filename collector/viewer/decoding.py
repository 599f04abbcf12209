"""Plain data of a blob that a serializer of LangGraph wrote, whatever bytes it really is.

The formats are read by readers of our own, which take from a budget at each value: no library
bounds what it builds (16 MB of empty maps are 1 GB as objects). No name in a blob is ever looked
up: a class is two texts here.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses

from collector.viewer import bson_, compressed, json_, msgpack_
from collector.viewer.limits import Budget, Limits
from collector.viewer.shapes import Damaged, Plain, octets
from storage.values import HEAD_BYTES, Value

_EMPTY = ("null", "empty")
_AS_THEY_ARE = ("bytes", "bytearray")
_LONGEST_TAG = 40
_PASSED_OVER = 10_000_000
"""Values that are passed over, to find others; time ends it first."""


def plain(tag: str, blob: bytes | memoryview, limits: Limits, length: int = -1) -> Value:
    """What a blob holds.

    Args:
        tag: the serializer's: ``msgpack``, ``json`` (Redis JSON and JSONB too), ``bytes``,
            ``bytearray``, ``null``, ``empty``; ``bson`` for a document of MongoDB, in which values
            of the form [tag, bytes] are decoded too; each of them compressed (``zstd:msgpack``).
        blob: its bytes, or their start.
        limits: what is beyond them is left out of the data, marked, and told by ``cut``.
        length: of the whole blob in bytes, where ``blob`` is its start only.
    """
    length = max(length, len(blob))
    blob = blob[: limits.bytes]
    value = Value(type=tag, bytes=length, head=bytes(blob[:HEAD_BYTES]).hex())
    budget = Budget(limits)
    try:
        data, elements = _read(tag, blob, budget, length)
    except Damaged as error:
        return _without_data(value, str(error))
    except MemoryError:
        return _without_data(value, "It needs more memory than the viewer may take.")
    return Value(
        type=tag, bytes=length, data=data, head=value.head, cut=budget.cut, elements=elements
    )


def parts(tag: str, blob: bytes | memoryview, limits: Limits) -> dict[str, memoryview]:
    """Key → bytes of its value, for a blob that holds a map: the channels of a checkpoint.

    Nothing is taken apart within the values, whose tag is ``compressed.inner_tag(tag)``. Keys that
    lie beyond the limits are left out.

    Raises:
        Damaged: it holds none, or the tag is not one of ``msgpack``, ``json``, ``bson``.
    """
    budget = Budget(dataclasses.replace(limits, nodes=_PASSED_OVER))
    if compressed.is_compressed(tag):
        blob = compressed.expanded(tag, blob, limits.bytes)
        tag = compressed.inner_tag(tag)
    return _reader(tag, blob[: limits.bytes], budget, len(blob)).parts()


def from_base64(content: str | bytes) -> bytes:
    """The bytes that ValkeySaver and RedisSaver keep in base64.

    Raises:
        Damaged: it is none.
    """
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise Damaged("It is not base64, as the saver writes it.") from None


def _reader(
    tag: str, blob: bytes | memoryview, budget: Budget, length: int
) -> msgpack_.Reader | json_.Reader | bson_.Reader:
    whole = length <= len(blob)
    if tag == "msgpack":
        return msgpack_.Reader(blob, budget, whole)
    if tag == "json":
        return json_.Reader(blob, budget, whole)
    if tag == "bson":
        return bson_.Reader(blob, budget, _nested)
    raise Damaged(_why_not(tag))


def _read(
    tag: str, blob: bytes | memoryview, budget: Budget, length: int
) -> tuple[Plain, list[int]]:
    """The data and the bytes of each element."""
    if compressed.is_compressed(tag):
        most = budget.limits.bytes
        blob = compressed.expanded(tag, blob, most)
        tag, length, blob = compressed.inner_tag(tag), len(blob), blob[:most]
    if tag in _EMPTY:
        return None, []
    if tag in _AS_THEY_ARE:
        return octets(tag, blob, length), []
    reader = _reader(tag, blob, budget, length)
    try:
        data = reader.read()
    except Damaged as error:
        raise Damaged(f"Damaged, or not {tag}: {error}.") from None
    return data, [] if isinstance(reader, bson_.Reader) else reader.elements


def _nested(tag: str, blob: memoryview, budget: Budget) -> Plain:
    """A value within a document of MongoDB."""
    try:
        return _read("?" if tag == "bson" else tag, blob, budget, len(blob))[0]
    except Damaged as error:
        return octets("bytes", blob) | {"problem": str(error)}


def _why_not(tag: str) -> str:
    shown = tag[:_LONGEST_TAG]
    if "+" in tag:
        return f"Encrypted ({shown}): only the application has the key."
    if tag == "pickle":
        return "Pickled: it is not decoded, because loading a pickle runs code."
    return f"The serializer's type {shown!r} is not known here, so it is not decoded."


def _without_data(value: Value, problem: str) -> Value:
    return Value(type=value.type, bytes=value.bytes, head=value.head, problem=problem)
