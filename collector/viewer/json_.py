"""JSON → plain data, one value at a time, within a budget.

Reads what ``json.loads`` reads (NaN and long integers too), and what RedisSaver and LangChain keep
in JSON: constructors, base64, markers. Works on the bytes, so that sizes are those of the backend.
"""

from __future__ import annotations

import json
import re

from collector.viewer import classes
from collector.viewer.limits import Budget
from collector.viewer.shapes import (
    MOST_KEYS,
    TYPE,
    Damaged,
    Plain,
    integer,
    listed,
    mapped,
    real,
    text,
    typed,
)

_SPACE = re.compile(rb"[ \t\n\r]*")
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS = {
    b"null": None, b"true": True, b"false": False, b"NaN": typed("float", "nan"),
    b"Infinity": typed("float", "inf"), b"-Infinity": typed("float", "-inf"),
}  # fmt: skip
_WORD = re.compile(rb"null|true|false|NaN|-?Infinity")
_TO_END = re.compile(rb"[^,\]}\s]*")
_BETWEEN = re.compile(rb'[^"\[\]{}]*')
_SCALAR = re.compile(rb"[-+.0-9A-Za-z]{0,100}")
"""A number or word, if the bytes at hand end with it: it may go on behind them."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LONG_NUMBER = 40
"""Characters. A longer number is shown as text: making one takes time by the square."""
_ESCAPED = 6
"""Longest way to write a character in JSON: ``\\u00e9``."""


class Reader:
    """Reads one blob. ``elements`` are the bytes of each element, where the value is a list."""

    def __init__(self, blob: bytes | memoryview, budget: Budget, whole: bool = True) -> None:
        self.data = bytes(blob)
        self.at = 0
        self.whole = whole
        """The bytes are the whole blob; otherwise it goes on, and ends here by a limit."""
        self.budget = budget
        self.depth = 0
        self.elements: list[int] = []

    def read(self) -> Plain:
        """The one value of the blob.

        Raises:
            Damaged: it is not JSON, or something follows.
        """
        self._space()
        value = self.value()
        self._space()
        if self.at < len(self.data) and self.budget.nodes > 0:
            raise self._damaged("the end")
        return value

    def parts(self) -> dict[str, memoryview]:
        """Key → bytes of its value, for the object that the blob is. Takes nothing apart.

        Raises:
            Damaged: it is no object, or not JSON.
        """
        found: dict[str, memoryview] = {}
        self._space()
        if self._first() != b"{":
            raise Damaged("no object")
        self.at += 1
        first = True
        while self._next(b"}", first) and self.budget.take() and len(found) < MOST_KEYS:
            first = False
            key = self._key()
            begin = self.at
            self.skip()
            if self.budget.nodes <= 0:
                break
            if isinstance(key, str):
                found[key] = memoryview(self.data)[begin : self.at]
        return found

    def value(self) -> Plain:
        """The value that begins here, whose node is taken already."""
        first = self._first()
        if first == b'"':
            return self._text()
        if first in (b"{", b"["):
            if self.depth >= self.budget.limits.depth:
                return self._too_deep(first)
            self.depth += 1
            try:
                return self._object() if first == b"{" else self._list()
            finally:
                self.depth -= 1
        if not self.whole and (rest := _SCALAR.fullmatch(self.data, self.at)):
            self.at = len(self.data)
            self.budget.stop()
            return typed("?", rest[0].decode(), -1)
        word = _WORD.match(self.data, self.at)
        if word:
            self.at = word.end()
            return _WORDS[word[0]]
        return self._number()

    def skip(self) -> None:
        """Pass over one value, without a look at what is between its texts and brackets."""
        if self._first() not in b'"[{':
            found = _TO_END.match(self.data, self.at)
            self.at = found.end() if found else self.at
            return
        opened = 0
        while self.budget.take():
            first = self._first()
            if first == b'"':
                self._end_of_text()
            else:
                self.at += 1
                opened += (first in b"[{") - (first in b"]}")
            if opened <= 0:
                return
            found = _BETWEEN.match(self.data, self.at)
            self.at = found.end() if found else self.at

    def _list(self) -> Plain:
        items: list[Plain] = []
        self.at += 1
        while self._next(b"]", first=not items):
            if not self.budget.take():
                return listed(items, -1)
            begin = self.at
            items.append(self.value())
            if self.depth == 1 and self.budget.nodes > 0:
                self.elements.append(self.at - begin)
        return listed(items, -(self.budget.nodes <= 0))

    def _object(self) -> Plain:
        pairs: list[tuple[Plain, Plain]] = []
        self.at += 1
        while self._next(b"}", first=not pairs):
            if not self.budget.take():
                return mapped(pairs, -1)
            key = self._key()
            if self.budget.nodes <= 0:
                return mapped(pairs, -1)
            pairs.append((key, self.value()))
        if self.budget.nodes <= 0:
            return mapped(pairs, -1)
        found = mapped(pairs)
        return found if TYPE in found else classes.revived(found)

    def _next(self, end: bytes, first: bool) -> bool:
        """Whether another element follows, and go there; passes the end of a list or object."""
        if self.budget.nodes <= 0:
            self.budget.cut = True
            return False
        self._space()
        found = self._first()
        if self.budget.nodes <= 0:
            return False
        if found == end:
            self.at += 1
            return False
        if not first:
            if found != b",":
                raise self._damaged(f"a comma or {end.decode()}")
            self.at += 1
            self._space()
            self._first()
        return self.budget.nodes > 0

    def _key(self) -> Plain:
        if self._first() != b'"':
            raise self._damaged("a key")
        key = self._text()
        self._space()
        if self._first() != b":" and self.budget.nodes > 0:
            raise self._damaged("a colon")
        self.at += 1
        self._space()
        return key

    def _text(self) -> Plain:
        begin = self.at
        end = self._end_of_text()
        shown = min(len(self.data), begin + 1 + _ESCAPED * self.budget.limits.characters)
        if shown < end:
            return self._begin_of_text(begin, end, shown)
        content = self.data[begin + 1 : end - 1]
        if b"\\" not in content:
            return text(content, self.budget, int(end > len(self.data)))
        return self._unescaped(content, 0)

    def _begin_of_text(self, begin: int, end: int, shown: int) -> Plain:
        """A text that is too long: its beginning, shortened where that splits an escape."""
        for last in range(shown, max(begin, shown - 2 * _ESCAPED), -1):
            content = self.data[begin + 1 : last]
            try:
                return self._unescaped(content, end - begin - 2 - len(content))
            except Damaged:
                continue
        raise self._damaged("a text")

    def _unescaped(self, content: bytes, beyond: int) -> Plain:
        try:
            found = json.loads(f'"{content.decode(errors="replace")}"', strict=False)
        except ValueError:
            raise self._damaged("a text") from None
        return text(_SURROGATE.sub("\ufffd", found).encode(), self.budget, beyond)

    def _end_of_text(self) -> int:
        """Where the text that begins here ends, after its quote; goes there."""
        at = self.at + 1
        tried = 0
        while (quote := self.data.find(b'"', at)) >= 0:
            tried += 1
            if not self._is_escaped(at, quote) or (tried % 256 == 0 and not self.budget.take()):
                self.at = quote + 1
                return self.at
            at = quote + 1
        self._beyond("a quote")
        return len(self.data) + 1

    def _is_escaped(self, begin: int, quote: int) -> bool:
        """Whether an odd number of backslashes is before the quote, from ``begin`` on."""
        if self.data[quote - 1 : quote] != b"\\":
            return False
        between = self.data[begin:quote]
        return (len(between) - len(between.rstrip(b"\\"))) % 2 == 1

    def _number(self) -> Plain:
        found = _NUMBER.match(self.data, self.at)
        if not found:
            raise self._damaged("a value")
        self.at = found.end()
        digits = found[0]
        if found[1] or found[2]:
            return (
                real(float(digits)) if len(digits) <= _LONG_NUMBER else self._long(digits, "float")
            )
        return integer(int(digits)) if len(digits) <= _LONG_NUMBER else self._long(digits, "int")

    def _long(self, digits: bytes, name: str) -> Plain:
        shown = self.budget.take_text(len(digits))
        return typed(name, digits[:shown].decode(), len(digits) - shown)

    def _too_deep(self, first: bytes) -> Plain:
        self.budget.cut = True
        begin = self.at
        self.skip()
        return typed("dict" if first == b"{" else "list", None, self.at - begin)

    def _space(self) -> None:
        found = _SPACE.match(self.data, self.at)
        self.at = found.end() if found else self.at

    def _first(self) -> bytes:
        """The byte here; a space where the bytes at hand end, and nothing more is read."""
        found = self.data[self.at : self.at + 1]
        if not found:
            self._beyond("more")
            return b" "
        return found

    def _beyond(self, wanted: str) -> None:
        if self.whole:
            raise self._damaged(wanted)
        self.at = len(self.data)
        self.budget.stop()

    def _damaged(self, wanted: str) -> Damaged:
        return Damaged(f"{wanted} should follow at byte {self.at:,}")
