"""What plain data looks like: text, numbers, lists and maps as JSON has them, all else by name.

Whatever JSON cannot say is ``{"__type__": name, "value": …}``. With a number ``cut`` it is only the
beginning, and ``cut`` is what is left out: elements of a list or map, bytes of a text or of what
lies too deep (-1: unknown how much).
"""

from __future__ import annotations

import math
from typing import Any

from collector.viewer.limits import Budget

Plain = Any
"""dict with text keys, list, str, int, float, bool or None."""

TYPE = "__type__"
HEAD_BYTES = 64
"""How much of a ``bytes`` value is shown, in hex."""
LONGEST_NAME = 300
MOST_KEYS = 10_000
"""Of a map whose values are wanted each by itself; more are left out."""
_SAFE_INTEGERS = range(-(2**63), 2**64)


class Damaged(Exception):
    """The bytes are not of the format they are said to be of; the text says what and where."""


def typed(name: str, value: Plain, cut: int = 0) -> dict[str, Plain]:
    """A value of a type that JSON has not."""
    made = {TYPE: name[:LONGEST_NAME], "value": value}
    return {**made, "cut": cut} if cut else made


def octets(name: str, content: bytes | memoryview, length: int = -1) -> dict[str, Plain]:
    """Bytes: their start in hex, and how many there are."""
    length = len(content) if length < 0 else length
    return {TYPE: name[:LONGEST_NAME], "value": bytes(content[:HEAD_BYTES]).hex(), "length": length}


def integer(number: int) -> Plain:
    """An integer; in text where 64 bits do not hold it."""
    return number if number in _SAFE_INTEGERS else typed("int", str(number))


def real(number: float) -> Plain:
    """A float; in text where it is none of JSON's."""
    return number if math.isfinite(number) else typed("float", str(number))


def text(content: bytes | memoryview, budget: Budget, beyond: int = 0) -> Plain:
    """UTF-8 as text: what is none becomes �. ``beyond``: bytes of it that are not at hand."""
    shown = budget.take_text(len(content))  # no text has more characters than bytes
    if shown == len(content) and not beyond:
        return str(content, "utf-8", "replace")
    begin = str(content[:shown], "utf-8", "ignore")
    return typed("str", begin, len(content) - shown + beyond)


def listed(items: list[Plain], cut: int = 0) -> Plain:
    """A list."""
    return typed("list", items, cut) if cut else items


def mapped(pairs: list[tuple[Plain, Plain]], cut: int = 0) -> Plain:
    """A map; the last of equal keys counts. As a list of pairs where JSON cannot say it."""
    if not cut and all(type(key) is str and key != TYPE for key, _ in pairs):
        return dict(pairs)
    return typed("dict", [[key, value] for key, value in pairs], cut)
