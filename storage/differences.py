"""What differs between two plain values: by key, by element, by line of text.

Plain values are what ``storage.values`` calls so: mappings with text keys, lists, text, numbers,
booleans, None. Elements of lists are matched by their ``id`` where they have one (messages,
documents), else by being equal, so that one that was inserted is one insertion. ``True``, ``1`` and
``1.0`` are three values here, and the order of keys is none. ``apply`` makes the second value out
of the first one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from storage.alignment import Budget, align

DEEPEST = 130
"""Levels that are compared, more than the viewer gives; what lies deeper is replaced whole."""

LONGEST_TEXT = 1_000_000
"""Characters of a text that is compared line by line; a longer one is replaced whole."""


@dataclass(frozen=True)
class Same:
    """Nothing differs."""


@dataclass(frozen=True)
class Added:
    """A key, an element or a line that the first value has not."""

    value: Any


@dataclass(frozen=True)
class Removed:
    """A key, an element or a line that the second value has not."""

    value: Any


@dataclass(frozen=True)
class Kept:
    """So many elements, or lines, in a row that both have."""

    count: int


@dataclass(frozen=True)
class Replaced:
    """Another value in its place."""

    before: Any
    after: Any


@dataclass(frozen=True)
class Keys:
    """Of two mappings: each key of either, those of the first one in its order, then new ones."""

    parts: tuple[tuple[str, Same | Added | Removed | Change], ...]


@dataclass(frozen=True)
class Elements:
    """Of two lists, from their start to their end: a change stands for one element of both."""

    parts: tuple[Kept | Added | Removed | Change, ...]


@dataclass(frozen=True)
class Lines:
    """Of two texts: their lines, each with its end."""

    parts: tuple[Kept | Added | Removed, ...]


Change = Same | Replaced | Keys | Elements | Lines


@dataclass
class Difference:
    """What differs, and whether it was looked at closely."""

    change: Change
    coarse: bool
    """A list or text was too different to match its elements within the budget: a part of it is
    told as removed and added whole, though some of it may be the same."""


@dataclass
class _Work:
    budget: Budget = field(default_factory=Budget)
    coarse: bool = False


def difference(before: Any, after: Any) -> Difference:
    """What differs between two plain values, in bounded time (about 1 s for 5 MB at worst)."""
    work = _Work()
    try:
        change = _change(before, after, work, 0)
    except RecursionError:  # nested deeper than Python itself can compare
        return Difference(Replaced(before, after), coarse=True)
    return Difference(change, work.coarse or work.budget.spent)


def apply(before: Any, change: Change) -> Any:
    """The second value, out of the first one and what differs."""
    match change:
        case Same():
            return before
        case Replaced():
            return change.after
        case Keys():
            made = {}
            for key, part in change.parts:
                if isinstance(part, Added):
                    made[key] = part.value
                elif not isinstance(part, Removed):
                    made[key] = apply(before[key], part)
            return made
        case Lines():
            return "".join(_applied(before.splitlines(keepends=True), change.parts))
    return _applied(before, change.parts)


def identity(value: Any) -> str:
    """The ``id`` of a message, a document or any mapping that has one; empty: it has none."""
    if not isinstance(value, dict):
        return ""
    inner = value.get("value") if is_typed(value) else value
    own = inner.get("id") if isinstance(inner, dict) else None
    return own if isinstance(own, str) else ""


def is_typed(value: Any) -> bool:
    """Whether this mapping stands for an object of another type, or for the beginning of one."""
    return isinstance(value, dict) and "value" in value and isinstance(value.get("__type__"), str)


def _class(value: dict[str, Any]) -> Any:
    return value["__type__"] if is_typed(value) else None


def _applied(before: list[Any], parts: tuple[Any, ...]) -> list[Any]:
    made: list[Any] = []
    at = 0
    for part in parts:
        match part:
            case Kept():
                made += before[at : at + part.count]
                at += part.count
            case Added():
                made.append(part.value)
            case Removed():
                at += 1
            case _:
                made.append(apply(before[at], part))
                at += 1
    return made


def _change(before: Any, after: Any, work: _Work, depth: int) -> Change:
    if _same(before, after):
        return Same()
    if depth >= DEEPEST:
        work.coarse = True
    elif isinstance(before, dict) and isinstance(after, dict):
        if _class(before) == _class(after):
            return _keys(before, after, work, depth)
    elif isinstance(before, list) and isinstance(after, list):
        return _elements(before, after, work, depth)
    elif isinstance(before, str) and isinstance(after, str):
        return _lines(before, after, work)
    return Replaced(before, after)


def _same(before: Any, after: Any) -> bool:
    if type(before) is not type(after):
        return False
    if isinstance(before, str | int | bool | None):
        return bool(before == after)
    # Compared as text, which tells 1 from True and from 1.0; it is made by C code.
    return repr(before) == repr(after)


def _keys(before: dict[str, Any], after: dict[str, Any], work: _Work, depth: int) -> Change:
    parts: list[tuple[str, Same | Added | Removed | Change]] = []
    for key, value in before.items():
        if key in after:
            parts.append((key, _change(value, after[key], work, depth + 1)))
        else:
            parts.append((key, Removed(value)))
    parts += [(key, Added(value)) for key, value in after.items() if key not in before]
    if all(isinstance(part, Same) for _, part in parts):
        return Same()  # the order of keys alone differed
    return Keys(tuple(parts))


def _elements(before: list[Any], after: list[Any], work: _Work, depth: int) -> Change:
    pairs = align([_name(one) for one in before], [_name(one) for one in after], work.budget)
    parts: list[Kept | Added | Removed | Change] = []
    at, to = 0, 0
    for one, other in [*pairs, (len(before), len(after))]:
        parts += _gap(before[at:one], after[to:other], work, depth)
        if one < len(before):
            _append(parts, _change(before[one], after[other], work, depth + 1))
        at, to = one + 1, other + 1
    if all(isinstance(part, Kept) for part in parts):
        return Same()
    return Elements(tuple(parts))


def _append(parts: list[Kept | Added | Removed | Change], part: Change) -> None:
    if not isinstance(part, Same):
        parts.append(part)
    elif parts and isinstance(parts[-1], Kept):
        parts[-1] = Kept(parts[-1].count + 1)
    else:
        parts.append(Kept(1))


def _gap(
    before: list[Any], after: list[Any], work: _Work, depth: int
) -> list[Kept | Added | Removed | Change]:
    """Elements that match none: as many of each, all alike, are the same ones changed."""
    if len(before) == len(after) and all(map(_alike, before, after)):
        made: list[Kept | Added | Removed | Change] = []
        for one, other in zip(before, after, strict=True):
            _append(made, _change(one, other, work, depth + 1))
        return made
    return [*map(Removed, before), *map(Added, after)]


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return (
            identity(one) == identity(other)
            and _class(one) == _class(other)
            and bool(one.keys() & other.keys())
        )
    return isinstance(one, list) and isinstance(other, list)


def _name(element: Any) -> str:
    """By what an element of a list is found again."""
    own = identity(element)
    return f"id {own}" if own else repr(element)


def _lines(before: str, after: str, work: _Work) -> Change:
    if "\n" not in before or "\n" not in after or len(before) + len(after) > LONGEST_TEXT:
        return Replaced(before, after)
    one, other = before.splitlines(keepends=True), after.splitlines(keepends=True)
    pairs = align(one, other, work.budget)
    if not pairs:
        return Replaced(before, after)
    parts: list[Kept | Added | Removed] = []
    at, to = 0, 0
    for i, j in [*pairs, (len(one), len(other))]:
        parts += [*map(Removed, one[at:i]), *map(Added, other[to:j])]
        if i < len(one):
            if parts and isinstance(parts[-1], Kept):
                parts[-1] = Kept(parts[-1].count + 1)
            else:
                parts.append(Kept(1))
        at, to = i + 1, j + 1
    return Lines(tuple(parts))
