"""msgpack → plain data, one value at a time, within a budget.

What the bytes mean: https://github.com/msgpack/msgpack/blob/master/spec.md, and for extensions 0 to
7 ``langgraph.checkpoint.serde.jsonplus``. Read here rather than by a library, because a library
builds everything before one can count it.
"""

from __future__ import annotations

import contextlib
import functools
import struct
from collections.abc import Callable
from typing import Any

import msgspec

from collector.viewer import arrays, classes
from collector.viewer.limits import Budget
from collector.viewer.shapes import (
    LONGEST_NAME,
    MOST_KEYS,
    Damaged,
    Plain,
    integer,
    listed,
    mapped,
    octets,
    real,
    text,
    typed,
)

_SIZED = {  # first byte → format of the length that follows, kind
    0xC4: (">B", "bin"), 0xC5: (">H", "bin"), 0xC6: (">I", "bin"),
    0xC7: (">B", "ext"), 0xC8: (">H", "ext"), 0xC9: (">I", "ext"),
    0xD9: (">B", "str"), 0xDA: (">H", "str"), 0xDB: (">I", "str"),
    0xDC: (">H", "list"), 0xDD: (">I", "list"), 0xDE: (">H", "map"), 0xDF: (">I", "map"),
}  # fmt: skip
_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}

_as_map = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)

_OBJECTS = range(6)  # extensions that hold (module, name, what the constructor was given, …)
_NDARRAY, _SNAPSHOT = 6, 7


class Reader:
    """Reads one blob. ``elements`` are the bytes of each element, where the value is a list."""

    def __init__(self, blob: bytes | memoryview, budget: Budget, whole: bool = True) -> None:
        self.data = memoryview(blob)
        self.at = 0
        self.end = len(blob)
        self.whole = whole
        """The bytes are the whole blob; otherwise it goes on, and ends here by a limit."""
        self.budget = budget
        self.depth = 0
        self.elements: list[int] = []
        self._measured = 1  # depth of the list whose elements are measured

    def read(self) -> Plain:
        """The value that the blob begins with; LangGraph passes over bytes behind it too.

        Raises:
            Damaged: it is not msgpack.
        """
        return self.value()

    def parts(self) -> dict[str, memoryview]:
        """Key → bytes of its value, for the map that the blob is. Takes nothing apart.

        Raises:
            Damaged: it is no map, or not msgpack.
        """
        kind, count = self.header()
        if kind != "map":
            raise Damaged("not a map")
        if count <= MOST_KEYS:
            with contextlib.suppress(*_UNREADABLE):  # the quick way, for what is as it should be
                return {key: memoryview(part) for key, part in _as_map(self.data).items()}
        found: dict[str, memoryview] = {}
        for _ in range(min(count, MOST_KEYS)):
            key = self.value()
            begin = self.at
            self.skip()
            if self.budget.nodes <= 0:
                break
            if isinstance(key, str):
                found[key] = self.data[begin : self.at]
        return found

    def value(self) -> Plain:
        """The next value, whose node is taken already."""
        first = self._byte()
        if first <= 0x7F or first >= 0xE0:
            return first if first <= 0x7F else first - 256
        if first in _CONSTANTS:
            return _CONSTANTS[first]
        if first in _NUMBERS:
            number = self._unpacked(_NUMBERS[first])
            return integer(number) if isinstance(number, int) else real(number)
        self.at -= 1
        kind, count = self.header()
        if kind == "str":
            begin = self.at
            beyond = self._pass(count)
            return text(self.data[begin : self.at], self.budget, beyond)
        if kind == "bin":
            begin = self.at
            self._pass(count)
            return octets("bytes", self.data[begin : self.at], count)
        return self._deeper(kind, count)

    def header(self) -> tuple[str, int]:
        """What begins here, and its length: bytes of ``str``, ``bin``, ``ext`` (its code comes
        next), elements of ``list``, ``map``; ("", 0) for what has no length.
        """
        first = self._byte()
        if 0xA0 <= first <= 0xBF:
            return "str", first & 0x1F
        if 0x80 <= first <= 0x8F:
            return "map", first & 0x0F
        if 0x90 <= first <= 0x9F:
            return "list", first & 0x0F
        if 0xD4 <= first <= 0xD8:
            return "ext", 1 << (first - 0xD4)
        if first in _SIZED:
            form, kind = _SIZED[first]
            return kind, int(self._unpacked(form))
        if first == 0xC1:
            raise Damaged(f"no value begins with c1, at byte {self.at - 1:,}")
        self._pass(struct.calcsize(_NUMBERS[first]) if first in _NUMBERS else 0)
        return "", 0

    def skip(self) -> None:
        """Pass over one value; takes a node for each one within."""
        left = 1
        while left and self.budget.take():
            left -= 1
            kind, count = self.header()
            if kind == "list":
                left += count
            elif kind == "map":
                left += 2 * count
            elif kind:
                self._pass(count + (kind == "ext"))

    def _deeper(self, kind: str, count: int) -> Plain:
        if self.depth >= self.budget.limits.depth:
            return self._too_deep(kind, count)
        self.depth += 1
        try:
            if kind == "list":
                return self._list(count)
            return self._map(count) if kind == "map" else self._extension(count)
        finally:
            self.depth -= 1

    def _list(self, count: int) -> Plain:
        items: list[Plain] = []
        measured = self.depth == self._measured
        take = self.budget.take
        while len(items) < count and take():
            begin = self.at
            items.append(self.value())
            if measured and self.budget.nodes > 0:
                self.elements.append(self.at - begin)
        return listed(items, count - len(items))

    def _map(self, count: int) -> Plain:
        pairs: list[tuple[Plain, Plain]] = []
        take = self.budget.take
        while len(pairs) < count and take():
            key = self.value()
            if self.budget.nodes <= 0:
                self.budget.cut = True
                break
            pairs.append((key, self.value()))
        return mapped(pairs, count - len(pairs))

    def _extension(self, length: int) -> Plain:
        """Its content is msgpack again; what is not as LangGraph writes it is shown as bytes."""
        code = self._unpacked(">b")
        begin, end, elements = self.at, self.end, len(self.elements)
        self._pass(length)
        after, self.at, self.end = self.at, begin, self.at
        try:
            return self._object(code)
        except Damaged:
            del self.elements[elements:]
            return octets(f"ext {code}", self.data[begin:after], length)
        finally:
            self.at, self.end = after, end

    def _object(self, code: int) -> Plain:
        if code == _SNAPSHOT:
            self._measured += self._measured == self.depth
            return typed(classes.SNAPSHOT, self.value())
        kind, count = self.header()
        if kind != "list" or code not in (*_OBJECTS, _NDARRAY) or count < 3:
            raise Damaged("no object")
        if code == _NDARRAY:
            dtype, shape, order = self._name(), self.value(), self.value()
            kind, count = self.header()
            begin = self.at
            self._pass(count)
            if kind != "bin":
                raise Damaged("no array")
            return arrays.array(dtype, shape, order, self.data[begin : self.at], self.budget)
        name = f"{self._name()}.{self._name()}"
        return classes.made(name, self.value())

    def _name(self) -> str:
        kind, count = self.header()
        if kind != "str" or count > LONGEST_NAME:
            raise Damaged("no name")
        begin = self.at
        self._pass(count)
        return _decoded(bytes(self.data[begin : self.at]))

    def _too_deep(self, kind: str, count: int) -> Plain:
        self.budget.cut = True
        begin = self.at
        if kind == "ext":
            self._pass(count + 1)
            return typed("ext", None, count)
        for _ in range(count * (1 + (kind == "map"))):
            self.skip()
            if self.budget.nodes <= 0:
                break
        return typed("dict" if kind == "map" else "list", None, max(1, self.at - begin))

    def _pass(self, length: int) -> int:
        """Pass over some bytes; returns how many of them are not at hand."""
        beyond = self.at + length - self.end
        if beyond <= 0:
            self.at += length
            return 0
        if self.whole or self.end < len(self.data):
            raise Damaged(
                f"{length:,} bytes should follow byte {self.at:,}, {beyond:,} are missing"
            )
        self.at = self.end
        self.budget.stop()
        return beyond

    def _byte(self) -> int:
        at = self.at
        if self._pass(1):
            return 0xC0
        return self.data[at]

    def _unpacked(self, form: str) -> Any:
        begin = self.at
        unpack, size = _unpacker(form)
        if self._pass(size):
            return 0
        return unpack(self.data, begin)[0]


@functools.cache
def _unpacker(form: str) -> tuple[Callable[..., tuple], int]:
    made = struct.Struct(form)
    return made.unpack_from, made.size


@functools.lru_cache(maxsize=1024)
def _decoded(name: bytes) -> str:
    return name.decode(errors="replace")
