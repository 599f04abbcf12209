"""Looks into a running process: what is asked, and the answers, between pages and collector.

``python -m collector look`` asks the process (see ``statemeter.looks``) and prints an answer; the
pages run it as a child and read its JSON. Nothing of it is stored. Names are those of types,
functions, files, lines, modules and attributes.
"""

from __future__ import annotations

import msgspec

KINDS = ("census", "chain", "allocations", "recording", "lines")

LONGEST_SECONDS = 600
"""Longest look."""


class TypeCount(msgspec.Struct, frozen=True, array_like=True):
    """Objects of one type that the garbage collector tracks."""

    name: str
    count: int
    change: int
    """Since the first census; 0 where there was one."""
    steady: bool
    """It rose between all censuses, about evenly: a suspect."""


class Container(msgspec.Struct, frozen=True, array_like=True):
    """A list, dictionary, set or tuple of many elements."""

    name: str
    length: int
    change: int | None
    """Elements since the first census; None: it is new, or there was one census."""
    steady: bool
    address: int


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """Objects by type."""

    objects: int
    change: int = 0
    every: int = 1
    """Each of how many was counted; above 1 all counts are estimates."""
    growth: bool = False
    """Whether there were several censuses."""
    kinds: int = 0
    """Types in all; the first are told."""
    types: list[TypeCount] = []
    containers: list[Container] = []

    @property
    def suspects(self) -> list[TypeCount]:
        """Types that grow steadily."""
        return [one for one in self.types if one.steady]


class Link(msgspec.Struct, frozen=True):
    """Who holds an object: from the holder to it."""

    nodes: list[tuple[str, str]]
    """Type, and what else is known of it: name, place, number of elements."""
    edges: list[str]
    """How each node holds the next: ``.attribute``, variable, ``[…]``; one fewer than nodes."""
    rooted: bool
    """It begins at a module or a running function; else the search found no beginning."""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """Chains of references to objects of a type."""

    name: str
    number: int
    """Objects of that type."""
    chains: list[Link] = []
    complete: bool = True
    """False: the search took too long."""


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A line that allocates."""

    file: str
    line: int
    bytes: int
    """Kept of what it allocated since the look began."""
    blocks: int
    change_bytes: int
    """Since the first moment."""
    change_blocks: int
    steady: bool
    """It kept more at each moment: a suspect."""
    stack: list[tuple[str, int]] = []
    """The calls that led to the most of it: file and line, its own first."""


class Allocations(msgspec.Struct, frozen=True, kw_only=True):
    """Allocations by line, and their change."""

    bytes: int
    change_bytes: int
    frames: int
    places: int
    """Lines in all; the first are told."""
    lines: list[Line] = []
    files: list[tuple[str, int, int]] = []
    """File, bytes, change."""

    @property
    def suspects(self) -> list[Line]:
        """Lines that grow steadily."""
        return [one for one in self.lines if one.steady]


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """A box of a flame graph."""

    parent: int
    """Index of the box that it lies under, -1: the whole."""
    function: str
    file: str
    line: int
    bytes: int
    """With all that it calls."""
    blocks: int


class Flame(msgspec.Struct, frozen=True, kw_only=True):
    """A tree of calls by the bytes that they allocated; the first frame is the whole."""

    frames: list[Frame] = []
    bytes: int = 0
    left_out_bytes: int = 0
    """Of boxes that are too narrow to be drawn."""


class Leak(msgspec.Struct, frozen=True, array_like=True):
    """Allocated during a recording and not freed at its end, by the line that did it."""

    function: str
    file: str
    line: int
    bytes: int
    blocks: int


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What memray recorded."""

    seconds: float
    run: bool = False
    """It ended with a run."""
    allocations: int = 0
    peak_bytes: int = 0
    peak: Flame = Flame()
    """At the moment of the most memory."""
    kept: Flame = Flame()
    """Not freed at the end."""
    leaks: list[Leak] = []


class FunctionLine(msgspec.Struct, frozen=True, array_like=True):
    """A line of a node's function."""

    line: int
    hits: int
    change_bytes: int
    """What it added to the memory of the process, all its runs together."""
    peak_bytes: int
    """The most that it took above what there was before it, in one run."""
    held_bytes: int
    """What it allocated, with all that it calls, and was held at the end of the call."""
    text: str = ""


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """Memory by line of one call of a node's function."""

    node: str
    function: str
    file: str
    first: int
    complete: bool
    """False: the call was not over when the time was."""
    duration_us: int
    error: str = ""
    """Class of the exception that it ended with."""
    lines: list[FunctionLine] = []


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a look found, by its kind, or why it found nothing."""

    problem: str = ""
    """One line with the fix; empty: there is a result."""
    ended: str = ""
    """Why it ended before its time: in words, empty: it did not."""
    took_us: int = 0
    census: Census | None = None
    chain: Chain | None = None
    allocations: Allocations | None = None
    recording: Recording | None = None
    lines: Lines | None = None


encode = msgspec.json.Encoder().encode
"""An answer → JSON, without a newline."""

decode = msgspec.json.Decoder(Answer).decode
"""JSON → answer. Raises ``msgspec.ValidationError`` or ``msgspec.DecodeError``."""
