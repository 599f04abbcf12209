"""A difference as lines to read: what was removed and added, what is around it, the rest folded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Literal, NamedTuple

from storage.differences import (
    Added,
    Change,
    Elements,
    Kept,
    Keys,
    Lines,
    Removed,
    Replaced,
    Same,
    difference,
    is_typed,
)
from storage.plain_text import (
    INDENT,
    LONGEST_LINE,
    QUOTES,
    Piece,
    clipped,
    prefix_of,
    quoted,
    short_type,
    visible,
)

AROUND = 3
"""Lines that are shown before and after each change."""

OF_ONE = 120
"""Lines of one value that was added or removed; the rest of them is counted."""

OF_ALL = 1_500
"""Lines of a difference: about what a browser lays out in 0.1 s."""

Kind = Literal[" ", "+", "-", "fold", "cut"]


class Line(NamedTuple):
    """One line."""

    kind: Kind
    """Of both, of the second only, of the first only; ``fold``: what is the same and not shown,
    ``cut``: what differs and is not shown."""
    text: str


class Told(NamedTuple):
    """A difference to read."""

    lines: list[Line]
    """Empty: nothing differs."""
    coarse: bool
    """Told as removed and added whole in places, see ``differences.Difference``."""
    cut: int
    """Lines that differ and were left out."""


def told(before: Any, after: Any) -> Told:
    """What differs between two plain values, to read."""
    found = difference(before, after)
    if isinstance(found.change, Same):
        return Told([], False, 0)
    page = _Page()
    page.change(found.change, before, _Place())
    page.flush(end=True)
    if page.over:
        page.lines.append(Line("cut", f"{page.over:,} more lines differ"))
    return Told(page.lines, found.coarse, page.cut + page.over)


class _Place(NamedTuple):
    """Where a value stands in the text, and in the whole value."""

    depth: int = 0
    label: str = ""
    comma: str = ""
    path: tuple[str, ...] = ()

    def inner(self, key: str | None, name: str, last: bool) -> _Place:
        label = "" if key is None else f"{quoted(key)}: "
        return _Place(self.depth + 1, label, "" if last else ",", (*self.path, name))

    def piece(self, value: Any) -> Piece:
        return Piece(value, self.depth, self.label, self.comma)


@dataclass
class _Page:
    """The lines so far, and what is the same since the last change."""

    lines: list[Line] = field(default_factory=list)
    same: list[Piece | str] = field(default_factory=list)
    cut: int = 0
    over: int = 0
    """Lines that differ beyond ``OF_ALL``."""

    def change(self, change: Change, before: Any, place: _Place) -> None:
        match change:
            case Same():
                self.same.append(place.piece(before))
            case Replaced():
                self._replaced(change, place)
            case Keys():
                self._keys(change, before, place)
            case Elements():
                self._elements(change, before, place)
            case Lines():
                self._lines(change, before, place)

    def flush(self, path: tuple[str, ...] = (), end: bool = False) -> None:
        """Shows the ends of what is the same and folds its middle."""
        if self.over or not self.same:
            self.same.clear()
            return
        counts = [1 if isinstance(one, str) else one.count() for one in self.same]
        total = sum(counts)
        first = AROUND if self.lines else 0
        last = 0 if end else AROUND
        if total <= first + last + 1:
            self.lines += [Line(" ", text) for text in _all(self.same)]
        else:
            self.lines += [Line(" ", text) for text in islice(_all(self.same), first)]
            folded = total - first - last
            where = " › ".join(visible(clipped(name, 60)) for name in path)
            told = f"{folded:,} unchanged line{'' if folded == 1 else 's'}"
            self.lines.append(Line("fold", f"{told} · {where}" if where else told))
            back = list(islice(_all(self.same, back=True), last))
            self.lines += [Line(" ", text) for text in reversed(back)]
        self.same.clear()

    def _show(self, kind: Kind, texts: Iterator[str], count: int, path: tuple[str, ...]) -> None:
        self.flush(path)
        room = OF_ALL - len(self.lines)
        if room <= 0:
            self.over += count
            return
        shown = min(count, OF_ONE, room)
        if shown < count:
            shown -= 1
        self.lines += [Line(kind, text) for text in islice(texts, shown)]
        if shown < count:
            word = "added" if kind == "+" else "removed"
            self.lines.append(Line("cut", f"{count - shown:,} more lines {word}"))
            self.cut += count - shown

    def _piece(self, kind: Kind, piece: Piece, path: tuple[str, ...]) -> None:
        self._show(kind, piece.lines(), piece.count(), path)

    def _replaced(self, change: Replaced, place: _Place) -> None:
        before, after = change.before, change.after
        if isinstance(before, str) and isinstance(after, str):
            before, after = _around_change(before, after)
        elif is_typed(before) and is_typed(after) and short_type(before) == short_type(after):
            before, after = (
                {"class": one["__type__"], "value": one["value"]} for one in (before, after)
            )
        self._piece("-", place.piece(before), place.path)
        self._piece("+", place.piece(after), place.path)

    def _keys(self, change: Keys, before: Any, place: _Place) -> None:
        parts = change.parts
        if is_typed(before) and all(key == "value" or isinstance(one, Same) for key, one in parts):
            inside: Any = dict(parts)["value"]
            label = f"{place.label}{prefix_of(before)}"
            self.change(inside, before["value"], place._replace(label=label))
            return
        space = INDENT * place.depth
        self.same.append(f"{space}{place.label}{{")
        for at, (key, part) in enumerate(parts):
            inner = place.inner(key, key, at == len(parts) - 1)
            self._part(part, before.get(key), inner)
        self.same.append(f"{space}}}{place.comma}")

    def _part(self, part: Same | Added | Removed | Change, before: Any, place: _Place) -> None:
        if isinstance(part, Added):
            self._piece("+", place.piece(part.value), place.path)
        elif isinstance(part, Removed):
            self._piece("-", place.piece(part.value), place.path)
        else:
            self.change(part, before, place)

    def _elements(self, change: Elements, before: list[Any], place: _Place) -> None:
        space = INDENT * place.depth
        self.same.append(f"{space}{place.label}[")
        at = to = 0
        for number, part in enumerate(change.parts):
            last = number == len(change.parts) - 1
            if isinstance(part, Kept):
                for one in range(at, at + part.count):
                    end = last and one == at + part.count - 1
                    self.same.append(place.inner(None, str(one), end).piece(before[one]))
                at, to = at + part.count, to + part.count
                continue
            where = place.inner(None, str(at if isinstance(part, Removed) else to), last)
            self._part(part, before[at] if at < len(before) else None, where)
            at, to = at + (not isinstance(part, Added)), to + (not isinstance(part, Removed))
        self.same.append(f"{space}]{place.comma}")

    def _lines(self, change: Lines, before: str, place: _Place) -> None:
        space = INDENT * place.depth
        lines = before.splitlines(keepends=True)
        self.same.append(f"{space}{place.label}{QUOTES}")
        at = 0
        for part in change.parts:
            if isinstance(part, Kept):
                self.same += [_line(space, one) for one in lines[at : at + part.count]]
                at += part.count
                continue
            at += isinstance(part, Removed)
            kind: Kind = "+" if isinstance(part, Added) else "-"
            self._show(kind, iter([_line(space, part.value)]), 1, place.path)
        self.same.append(f"{space}{QUOTES}{place.comma}")


def _line(space: str, line: str) -> str:
    return f"{space}{INDENT}{visible(clipped(line.removesuffix(chr(10))))}"


def _all(pieces: list[Piece | str], back: bool = False) -> Iterator[str]:
    ordered = reversed(pieces) if back else pieces
    return chain.from_iterable(
        [one] if isinstance(one, str) else one.lines(back) for one in ordered
    )


def _around_change(before: str, after: str) -> tuple[str, str]:
    """Two long texts of one line, each from shortly before the place where they first differ."""
    if max(len(before), len(after)) <= LONGEST_LINE or "\n" in before or "\n" in after:
        return before, after
    least, same = min(len(before), len(after)), 0
    step = least
    while step:  # by halves, because a slice is compared by C code
        if before[same : same + step] == after[same : same + step] and same + step <= least:
            same += step
        else:
            step //= 2
    start = same - 40
    if start <= 0:
        return before, after
    left_out = f"… {start:,} characters … "
    return left_out + before[start:], left_out + after[start:]
