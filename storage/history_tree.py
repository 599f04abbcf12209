"""The tree of a thread's checkpoints: their order, who descends from whom, and lanes to draw it.

Pure arithmetic over places of rows, so that it is quick for thousands of them; nothing here reads
the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from storage.queries import IntArray

NOWHERE = -1
"""The place of what is not there."""


def numbers(values: Any) -> IntArray:
    """Whole numbers as an array."""
    array: IntArray = np.asarray(values, dtype=np.int64)
    return array


def is_time_ordered(checkpoint: str) -> bool:
    """Whether an id is a UUIDv6: those sort as text by the time they were made."""
    return len(checkpoint) == 36 and checkpoint[14] == "6"


def order(checkpoints: Sequence[str], at_us: IntArray) -> IntArray:
    """Places of rows in the order in which their checkpoints were made.

    Calls of the saver may overtake each other (durability ``async``), ids do not.
    """
    if all(is_time_ordered(one) for one in checkpoints):
        return numbers(sorted(range(len(checkpoints)), key=checkpoints.__getitem__))
    return numbers(np.argsort(at_us, kind="stable"))


def places_of(keys: Sequence[tuple[str, str]], wanted: Sequence[tuple[str, str]]) -> IntArray:
    """The place of each wanted key among ``keys``, ``NOWHERE`` where it is not."""
    where = {key: place for place, key in enumerate(keys)}
    return numbers([where.get(key, NOWHERE) for key in wanted])


def children(parents: IntArray) -> tuple[IntArray, IntArray]:
    """How many children each row has, and how many its parent had before it."""
    count: IntArray = np.zeros(len(parents), dtype=np.int64)
    elder: IntArray = np.zeros(len(parents), dtype=np.int64)
    for place, parent in enumerate(parents.tolist()):
        if parent != NOWHERE:
            elder[place] = count[parent]
            count[parent] += 1
    return count, elder


def way_up(parents: IntArray, place: int) -> list[int]:
    """The row and its ancestors, nearest first."""
    way = []
    while place != NOWHERE:
        way.append(place)
        place = int(parents[place])
    return way


def way_between(parents: IntArray, before: int, after: int) -> tuple[list[int], int]:
    """The rows from one to another through their nearest common ancestor, and that ancestor.

    ``NOWHERE`` where none is known; the way is then first the one's, then the other's ancestors.
    """
    up, down = way_up(parents, before), way_up(parents, after)
    known = set(down)
    common = next((place for place in up if place in known), NOWHERE)
    if common == NOWHERE:
        return up + down[::-1], NOWHERE
    return up[: up.index(common) + 1] + down[: down.index(common)][::-1], common


def path_through(parents: IntArray, place: int) -> list[int]:
    """Ancestors of a row, the row, and what came of it: at each fork the newest branch."""
    newest = newest_child(parents)
    way = way_up(parents, place)[::-1]
    while (place := int(newest[place])) != NOWHERE:
        way.append(place)
    return way


def newest_child(parents: IntArray) -> IntArray:
    """For each row, its child whose branch goes on to the newest row."""
    last: IntArray = np.arange(len(parents), dtype=np.int64)
    for place in range(len(parents) - 1, -1, -1):
        parent = int(parents[place])
        if parent != NOWHERE:
            last[parent] = max(last[parent], last[place])
    chosen: IntArray = np.full(len(parents), NOWHERE, dtype=np.int64)
    for place, parent in enumerate(parents.tolist()):
        if parent != NOWHERE and last[place] == last[parent]:
            chosen[parent] = place
    return chosen


def ends(parents: IntArray, among: IntArray) -> list[int]:
    """Rows without children, of those in ``among`` (truth values), newest first."""
    count, _ = children(parents)
    return [int(place) for place in np.flatnonzero((count == 0) & among)[::-1]]


def lanes(parents: IntArray, namespaces: Sequence[str], origins: IntArray) -> IntArray:
    """The lane of each row: 0 for the way to the newest root row, 1 and up for other branches of
    the root graph, -1 and down for subgraphs.

    Rows that follow each other in a lane belong together (a *strand*: a branch, or one call of a
    subgraph). A strand takes the free lane next to 0; it is free where no other strand lies between
    its origin and its last row.

    Args:
        parents: places of parents.
        namespaces: of each row, as LangGraph has them.
        origins: of a subgraph's row, the place of the row that its call started from.
    """
    lane: IntArray = np.zeros(len(parents), dtype=np.int64)
    strands = _strands(parents)
    roots = [place for place, ns in enumerate(namespaces) if not ns]
    main = strands[roots[-1]] if roots else NOWHERE
    spans: dict[int, list[int]] = {}
    for place, strand in enumerate(strands.tolist()):
        span = spans.setdefault(strand, [place, place])
        span[1] = place
    taken: dict[int, int] = {}
    for strand, (first, last) in sorted(spans.items(), key=lambda one: one[1][0]):
        if strand == main:
            continue
        inside = bool(namespaces[first])
        origin = int(parents[first])
        if origin == NOWHERE and inside:
            origin = int(origins[first])
        begin = first if origin == NOWHERE else origin
        step = -1 if inside else 1
        free = step
        while taken.get(free, NOWHERE) > begin:
            free += step
        taken[free] = last
        lane[strands == strand] = free
    return lane


def _strands(parents: IntArray) -> IntArray:
    """Names the strand of each row by its last row."""
    newest = newest_child(parents)
    strand: IntArray = np.arange(len(parents), dtype=np.int64)
    for place in range(len(parents) - 1, -1, -1):
        if newest[place] != NOWHERE:
            strand[place] = strand[newest[place]]
    return strand
