"""Exact bytes of channels and list elements, read off the msgpack that the saver made.

Nothing is decoded but keys (channel names) and class names: packed values tell their length.
LangGraph packs messages and other objects as extension values, so an element costs the same
whatever its size.

There are two of each function, with the same results: in C (``_fast_sizes.c``) where it could be
built, and in Python, where ``msgspec.Raw`` gives the span of each value. They differ only for
values nested about a thousand deep, which both take for unreadable, each from a depth of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec

from statemeter.events import LARGEST_ELEMENTS

ListSize = tuple[int, list[tuple[int, str, int]]]
"""Number of elements, and the largest as (index, type, bytes), largest first."""

_as_map = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode
_as_list = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What damaged msgpack raises, and values nested too deep to pass over."""

_BOOKKEEPING = {"channel_versions": 17, "versions_seen": 14}
"""Keys of a checkpoint that hold LangGraph's own notes, with the bytes of the packed key."""

_KINDS = (  # first byte up to and including → kind, see the msgpack specification
    (0x7F, "int"), (0x8F, "map"), (0x9F, "list"), (0xBF, "str"), (0xC0, "None"), (0xC1, "?"),
    (0xC3, "bool"), (0xC6, "bytes"), (0xC9, "ext"), (0xCB, "float"), (0xD3, "int"), (0xD8, "ext"),
    (0xDB, "str"), (0xDD, "list"), (0xDF, "map"), (0xFF, "int"),
)  # fmt: skip
_EXT_HEADER = {0xC7: 3, 0xC8: 4, 0xC9: 6, 0xD4: 2, 0xD5: 2, 0xD6: 2, 0xD7: 2, 0xD8: 2}
_NAMED = 5  # extension codes 0 to 5 hold (module, name, …), 6 an ndarray, 7 a delta snapshot
_NAME_BYTES = 80
_HEAD_BYTES = 512  # module and class name lie within the first bytes of an object


@dataclass(slots=True)
class Document:
    """What a checkpoint document holds, in bytes."""

    channels: dict[str, int] = field(default_factory=dict)
    lists: dict[str, ListSize] = field(default_factory=dict)
    bookkeeping_bytes: int = 0


def measure_document(blob: bytes, detailed: Collection[str] = ()) -> Document | None:
    """Sizes of a packed checkpoint, None where it is none.

    ``detailed`` names the channels whose list elements are wanted.
    """
    found = document(blob, detailed, LARGEST_ELEMENTS)
    return Document(*found) if found is not None else None


def measure_list(blob: bytes | msgspec.Raw) -> ListSize | None:
    """Elements of a packed list, None where it is none."""
    return largest(blob, LARGEST_ELEMENTS)


def document_in_python(
    blob: bytes, detailed: Collection[str], most: int
) -> tuple[dict[str, int], dict[str, ListSize], int] | None:
    """What a ``Document`` holds; of lists the ``most`` largest elements."""
    try:
        parts = _as_map(blob)
        values = _as_map(parts["channel_values"]) if "channel_values" in parts else {}
    except _UNREADABLE:
        return None
    bookkeeping = sum(len(parts[k]) + size for k, size in _BOOKKEEPING.items() if k in parts)
    if not bookkeeping:
        return None
    lists = {}
    for name in detailed:
        measured = largest_in_python(values[name], most) if name in values else None
        if measured is not None:
            lists[name] = measured
    return {name: len(value) for name, value in values.items()}, lists, bookkeeping


def largest_in_python(blob: bytes | msgspec.Raw, most: int) -> ListSize | None:
    """``measure_list`` with the ``most`` largest elements."""
    first = memoryview(blob)[0] if len(blob) else 0
    if not (0x90 <= first <= 0x9F or first in (0xDC, 0xDD)):
        return None
    try:
        elements = _as_list(blob)
    except _UNREADABLE:
        return None
    sizes = list(map(len, elements))
    found = []
    for size in sorted(sizes, reverse=True)[:most]:
        index = sizes.index(size)
        sizes[index] = -1
        found.append((index, type_name(memoryview(elements[index])[:_HEAD_BYTES]), size))
    return len(sizes), found


def type_name(packed: bytes | memoryview) -> str:
    """The class of a packed value: ``AIMessage``, ``str``, ``ndarray``, …"""
    first = packed[0]
    header = _EXT_HEADER.get(first)
    if header is None:
        return next(kind for last, kind in _KINDS if first <= last)
    code = packed[header - 1]
    if code > _NAMED:
        return {6: "ndarray", 7: "delta snapshot"}.get(code, f"ext {code}")
    try:
        _, module_end = _string(packed, header + 1)  # past the array header of (module, name, …)
        begin, end = _string(packed, module_end)
    except (IndexError, ValueError):
        return "object"
    return _text(bytes(packed[begin : min(end, begin + _NAME_BYTES)]))


def _string(packed: bytes | memoryview, at: int) -> tuple[int, int]:
    """Where the packed string that starts here has its bytes: from, to.

    Raises ValueError where no short string starts.
    """
    first = packed[at]
    if 0xA0 <= first <= 0xBF:
        return at + 1, at + 1 + (first & 0x1F)
    if first == 0xD9:
        return at + 2, at + 2 + packed[at + 1]
    if first == 0xDA:
        return at + 3, at + 3 + (packed[at + 1] << 8 | packed[at + 2])
    raise ValueError("not a short string")


@functools.lru_cache(maxsize=256)
def _text(name: bytes) -> str:
    return name.decode(errors="replace")


try:
    from statemeter._fast import document, largest
except ImportError:  # no compiler was there, or this runs from sources that nobody built
    document, largest = document_in_python, largest_in_python
