"""Plain values as lines of text, as JSON is written, from the start or from the end.

Lines are made one at a time, so that whoever wants three of a million pays for three.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storage.differences import is_typed

LONGEST_LINE = 400
"""Characters of a line that are shown."""

DEEPEST = 130
"""Levels that are written out."""

INDENT = "  "
QUOTES = '"""'

# What would not be seen, or would turn the text around it: controls, marks of direction, halves of
# surrogate pairs (which cannot be sent to a browser).
_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True)
class Piece:
    """A value where it stands: how far to the right, after what, before a comma or not."""

    value: Any
    depth: int = 0
    label: str = ""
    comma: str = ""

    def count(self) -> int:
        """How many lines it is."""
        return _count(self.value, self.depth)

    def lines(self, back: bool = False) -> Iterator[str]:
        """Its lines, from the last one to the first one where ``back``."""
        space = INDENT * self.depth
        prefix, inner = unwrapped(self.value)
        if not _bracketed(inner, self.depth):
            yield from _text(inner, Piece(None, self.depth, self.label + prefix, self.comma), back)
            return
        opening, closing = "{}" if isinstance(inner, dict) else "[]"
        ends = f"{space}{self.label}{prefix}{opening}", f"{space}{closing}{self.comma}"
        yield ends[back]
        keyed = list(inner.items()) if isinstance(inner, dict) else None
        for at in range(len(inner) - 1, -1, -1) if back else range(len(inner)):
            label = "" if keyed is None else f"{quoted(keyed[at][0])}: "
            child = inner[at] if keyed is None else keyed[at][1]
            comma = "," if at < len(inner) - 1 else ""
            yield from Piece(child, self.depth + 1, label, comma).lines(back)
        yield ends[not back]


def unwrapped(value: Any) -> tuple[str, Any]:
    """The classes that a value is wrapped in, each name with a space, and what is inside."""
    prefix = ""
    while is_typed(value) and len(prefix) < LONGEST_LINE:
        prefix += prefix_of(value)
        value = value["value"]
    return prefix, value


def prefix_of(value: dict[str, Any]) -> str:
    """What stands before the inside of a typed value: its class, its length, what is left out."""
    notes = []
    if isinstance(value.get("length"), int):
        notes.append(f"({value['length']:,} B) ")
    if isinstance(value.get("cut"), int):
        notes.append(f"({left_out(value['cut'])}) ")
    return f"{short_type(value)} {''.join(notes)}"


def left_out(count: int) -> str:
    """How much a limit took away, in elements or bytes; -1: unknown."""
    return f"{count:,} left out" if count >= 0 else "the rest left out"


def short_type(value: dict[str, Any]) -> str:
    """The name of a class without its module."""
    return visible(str(value["__type__"]).rpartition(".")[2])


def visible(text: str) -> str:
    """Text in which nothing is hidden: control characters and marks of direction as escapes."""
    return _HIDDEN.sub(lambda found: _escape(found.group()), text)


def clipped(text: str, limit: int = LONGEST_LINE) -> str:
    """The start of a long text, and how much of it is left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… +{len(text) - limit:,} characters"


def quoted(text: str) -> str:
    """A short text as JSON writes it."""
    return visible(json.dumps(clipped(text), ensure_ascii=False))


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _bracketed(value: Any, depth: int) -> bool:
    """Whether it is written over several lines, between brackets."""
    return isinstance(value, dict | list) and bool(value) and depth < DEEPEST


def _count(value: Any, depth: int) -> int:
    inner = unwrapped(value)[1]
    if not _bracketed(inner, depth):
        return inner.count("\n") + 3 if isinstance(inner, str) and "\n" in inner else 1
    children = inner.values() if isinstance(inner, dict) else inner
    return 2 + sum(_count(child, depth + 1) for child in children)


def _text(value: Any, place: Piece, back: bool) -> Iterator[str]:
    """What has no brackets: one line, or the lines of a text between quotes."""
    space = INDENT * place.depth
    if not (isinstance(value, str) and "\n" in value):
        yield f"{space}{place.label}{_one_line(value)}{place.comma}"
        return
    ends = f"{space}{place.label}{QUOTES}", f"{space}{QUOTES}{place.comma}"
    yield ends[back]
    lines = value.split("\n")
    for line in reversed(lines) if back else lines:
        yield f"{space}{INDENT}{visible(clipped(line))}"
    yield ends[not back]


def _one_line(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict | list) and value:
        return f"… (nested deeper than {DEEPEST} levels)"
    return visible(clipped(json.dumps(value, ensure_ascii=False)))
