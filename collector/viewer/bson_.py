"""BSON → plain data, one value at a time, within a budget: documents that MongoDBSaver keeps.

What the bytes mean: https://bsonspec.org/spec.html. An array of a tag and its bytes, which is how
``MongoDBSaver`` keeps each value of the metadata, is decoded by that tag.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from collector.viewer.limits import Budget
from collector.viewer.shapes import (
    Damaged,
    Plain,
    listed,
    mapped,
    octets,
    real,
    text,
    typed,
)

Decode = Callable[[str, memoryview, Budget], Plain]
"""(tag, blob, budget) → plain data."""

_NAMES = {
    0x06: "bson.undefined", 0x07: "bson.objectid.ObjectId",
    0x11: "bson.timestamp.Timestamp", 0x13: "bson.decimal128.Decimal128",
    0x7F: "bson.max_key.MaxKey", 0xFF: "bson.min_key.MinKey",
}  # fmt: skip
_FIXED = {0x06: 0, 0x07: 12, 0x11: 8, 0x13: 16, 0x7F: 0, 0xFF: 0}
_TEXTS = {0x02: "", 0x0D: "bson.code.Code", 0x0E: "bson.symbol"}
_NUMBERS = {0x01: "<d", 0x08: "<B", 0x09: "<q", 0x10: "<i", 0x12: "<q"}
_MADE: dict[int, Callable[[Any], Plain]] = {
    0x01: real,
    0x08: bool,
    0x09: lambda milliseconds: typed("bson.datetime", {"milliseconds": milliseconds}),
}
_SMALLEST = 5
"""Bytes of an empty document."""


class Reader:
    """Reads one document."""

    def __init__(self, blob: bytes | memoryview, budget: Budget, decode: Decode) -> None:
        self.raw = bytes(blob)
        self.data = memoryview(self.raw)
        self.at = 0
        self.end = len(blob)
        self.budget = budget
        self.decode = decode
        self.depth = 0

    def read(self) -> Plain:
        """The document.

        Raises:
            Damaged: it is not BSON, or something follows.
        """
        value = self._document(0x03)
        if self.at < len(self.data) and self.budget.nodes > 0:
            raise Damaged(f"{len(self.data) - self.at:,} bytes follow the document")
        return value

    def parts(self) -> dict[str, memoryview]:
        """Key → bytes of its value, where that is a document or binary.

        Raises:
            Damaged: it is not BSON.
        """
        found = {}
        for kind, key in self._elements(self._begin()):
            begin = self.at
            if kind == 0x05:
                found[key] = self._binary()[1]
                continue
            self._skip(kind)
            if kind in (0x03, 0x04):
                found[key] = self.data[begin : self.at]
        return found

    def _begin(self) -> int:
        """Where the document that begins here ends."""
        begin = self.at
        size: int = self._number("<i")
        if size < _SMALLEST or begin + size > self.end or self.data[begin + size - 1]:
            raise Damaged(f"no document of {size:,} bytes can begin at byte {begin:,}")
        return begin + size

    def _elements(self, end: int) -> Iterator[tuple[int, str]]:
        """(type, key) of each element; the caller passes over its value."""
        outer, self.end = self.end, end - 1
        while self.at < end - 1 and self.budget.take():
            kind = self._number("<B")
            yield kind, self._until_nul()
        self.at, self.end = end, outer

    def _document(self, kind: int) -> Plain:
        begin, end = self.at, self._begin()
        if self.depth >= self.budget.limits.depth:
            self.budget.cut = True
            self.at = end
            return typed("dict" if kind == 0x03 else "list", None, end - begin)
        self.depth += 1
        try:
            tagged = self._tagged(end) if kind == 0x04 else None
            if tagged:
                return self.decode(*tagged, self.budget)
            pairs = [(key, self._value(element)) for element, key in self._elements(end)]
        finally:
            self.depth -= 1
        cut = -(self.budget.nodes <= 0)
        return mapped(pairs, cut) if kind == 0x03 else listed([value for _, value in pairs], cut)

    def _tagged(self, end: int) -> tuple[str, memoryview] | None:
        """The tag and the bytes that the array which ends there consists of, if it does."""
        begin, found = self.at, []
        for wanted in (0x02, 0x05):
            if self.at >= end - 1 or self._number("<B") != wanted:
                break
            self._until_nul()
            found.append(self._string() if wanted == 0x02 else self._binary()[1])
        if len(found) == 2 and self.at == end - 1:
            self.at = end
            return str(found[0], "utf-8", "replace"), found[1]
        self.at = begin
        return None

    def _value(self, kind: int) -> Plain:
        if kind in (0x03, 0x04):
            return self._document(kind)
        if kind in _TEXTS:
            shown = text(self._string(), self.budget)
            return typed(_TEXTS[kind], shown) if _TEXTS[kind] else shown
        if kind == 0x05:
            subtype, content = self._binary()
            return octets("bytes" if not subtype else f"bson.binary {subtype}", content)
        if kind in _NUMBERS:
            number = self._number(_NUMBERS[kind])
            return _MADE.get(kind, int)(number)
        begin = self.at
        self._skip(kind)
        if kind == 0x0A:
            return None
        return octets(_NAMES.get(kind, f"bson {kind:#04x}"), self.data[begin : self.at])

    def _skip(self, kind: int) -> None:
        if kind in (0x03, 0x04):
            self.at = self._begin()
        elif kind in _TEXTS:
            self._string()
        elif kind == 0x05:
            self._binary()
        elif kind == 0x0B:
            self._until_nul()
            self._until_nul()
        elif kind == 0x0C:
            self._string()
            self._span(12)
        elif kind == 0x0F:
            self._span(max(0, self._number("<i") - 4))
        elif kind in _NUMBERS:
            self._number(_NUMBERS[kind])
        elif kind in _FIXED:
            self._span(_FIXED[kind])
        elif kind != 0x0A:
            raise Damaged(f"no value has the type {kind:#04x}, at byte {self.at:,}")

    def _string(self) -> memoryview:
        size: int = self._number("<i")
        if size < 1:
            raise Damaged(f"no text has {size:,} bytes, at byte {self.at:,}")
        return self._span(size)[:-1]

    def _binary(self) -> tuple[int, memoryview]:
        size, subtype = self._number("<i"), self._number("<B")
        return subtype, self._span(size)

    def _until_nul(self) -> str:
        begin = self.at
        nul = self.raw.find(b"\0", begin, self.end)
        if nul < 0:
            raise Damaged(f"a name should end, from byte {begin:,}")
        self.at = nul + 1
        return str(self.data[begin:nul], "utf-8", "replace")

    def _span(self, length: int) -> memoryview:
        if not 0 <= length <= self.end - self.at:
            raise Damaged(f"{length:,} bytes should follow byte {self.at:,}")
        self.at += length
        return self.data[self.at - length : self.at]

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._span(struct.calcsize(form)))[0]
