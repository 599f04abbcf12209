"""Exact bytes of channels and list elements, read off the JSON that a saver made.

The counterpart of ``sizes`` for serializers that write JSON, such as RedisSaver's. Nothing is
decoded: ``msgspec.Raw`` gives the span of each value, and only names are read.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from statemeter.events import LARGEST_ELEMENTS
from statemeter.sizes import Document, ListSize

_BOOKKEEPING = ("channel_versions", "versions_seen")
_KINDS = {
    ord("{"): "map", ord("["): "list", ord('"'): "str", ord("t"): "bool", ord("f"): "bool",
    ord("n"): "None",
}  # fmt: skip
"""First byte → kind, by the names that ``sizes`` has for the same values; others are numbers."""


class _Constructed(msgspec.Struct):
    """What tells the class of an object in LangChain's form; other keys are passed over."""

    lc: int = 0
    id: list[str] = []


_as_map = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_as_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_as_constructed = msgspec.json.Decoder(_Constructed).decode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def parts_of(blob: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The values of an object by their keys; none where it is no object."""
    try:
        return _as_map(blob)
    except _UNREADABLE:
        return {}


def measure_document(blob: bytes, detailed: Collection[str] = ()) -> Document | None:
    """Sizes of a checkpoint in JSON, None where it is none.

    ``detailed`` names the channels whose list elements are wanted.
    """
    parts = parts_of(blob)
    bookkeeping = sum(
        len(parts[key]) + len(key) + len('"":') for key in _BOOKKEEPING if key in parts
    )
    if not bookkeeping:
        return None
    values = parts_of(parts.get("channel_values", b""))
    document = Document({name: len(value) for name, value in values.items()}, {}, bookkeeping)
    for name in detailed:
        measured = measure_list(values[name]) if name in values else None
        if measured is not None:
            document.lists[name] = measured
    return document


def measure_list(blob: bytes | msgspec.Raw) -> ListSize | None:
    """Elements of a list in JSON, None where it is none."""
    if not len(blob) or memoryview(blob)[0] != ord("["):
        return None
    try:
        elements = _as_list(blob)
    except _UNREADABLE:
        return None
    by_size = sorted(enumerate(elements), key=lambda pair: -len(pair[1]))[:LARGEST_ELEMENTS]
    return len(elements), [(index, type_name(part), len(part)) for index, part in by_size]


def type_name(blob: bytes | msgspec.Raw) -> str:
    """The class of a value: ``AIMessage``, ``str``, ``map``, …"""
    first = memoryview(blob)[0]
    if first == ord("{"):
        try:
            made = _as_constructed(blob)
        except _UNREADABLE:
            return "map"
        return made.id[-1] if made.lc and made.id else "map"
    if first in _KINDS:
        return _KINDS[first]
    return "float" if set(bytes(blob)) & set(b".eE") else "int"
