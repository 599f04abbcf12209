"""Which elements of two lists belong together: a common subsequence, in bounded time."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

CELLS = 1_000_000
"""Pairs of elements that are compared one by one: about 0.2 s."""

ROUNDS = 12
"""How often what lies between elements that occur once is divided again."""

Pairs = list[tuple[int, int]]
"""Places in the one list and in the other, both rising."""


@dataclass
class Budget:
    """What is left to spend."""

    cells: int = CELLS
    spent: bool = False
    """Something was left unmatched for want of it."""


def align(before: Sequence[str], after: Sequence[str], budget: Budget) -> Pairs:
    """Places of equal elements in two lists that belong together, both rising.

    The common start and end; in between, elements that occur once in each (patience difference:
    https://bramcohen.livejournal.com/73318.html), and between these the longest common subsequence
    as far as the budget reaches.
    """
    return _align(before, after, (0, len(before), 0, len(after)), budget, ROUNDS)


def _align(
    before: Sequence[str],
    after: Sequence[str],
    part: tuple[int, int, int, int],
    budget: Budget,
    rounds: int,
) -> Pairs:
    low, high, to_low, to_high = part
    start: Pairs = []
    while low < high and to_low < to_high and before[low] == after[to_low]:
        start.append((low, to_low))
        low, to_low = low + 1, to_low + 1
    end: Pairs = []
    while low < high and to_low < to_high and before[high - 1] == after[to_high - 1]:
        high, to_high = high - 1, to_high - 1
        end.append((high, to_high))
    end.reverse()
    if low == high or to_low == to_high:
        return start + end
    anchors = _once_in_each(before, after, (low, high, to_low, to_high)) if rounds else []
    if not anchors:
        return start + _longest(before, after, (low, high, to_low, to_high), budget) + end
    between: Pairs = []
    at, to = low, to_low
    for one, other in [*anchors, (high, to_high)]:
        between += _align(before, after, (at, one, to, other), budget, rounds - 1)
        if one < high:
            between.append((one, other))
        at, to = one + 1, other + 1
    return start + between + end


def _once_in_each(
    before: Sequence[str], after: Sequence[str], part: tuple[int, int, int, int]
) -> Pairs:
    """Of the elements that occur once in each, the most that stand in the same order in both."""
    low, high, to_low, to_high = part
    counts = Counter(before[low:high])
    there = Counter(after[to_low:to_high])
    place = {after[at]: at for at in range(to_low, to_high) if there[after[at]] == 1}
    ends: list[int] = []  # last place in ``after`` of the best rising run of each length
    last: list[int] = []  # the pair that ends that run
    pairs: Pairs = []
    came: list[int] = []  # of each pair the one before it in its run, -1: none
    for at in range(low, high):
        element = before[at]
        if counts[element] != 1 or element not in place:
            continue
        to = place[element]
        length = bisect_left(ends, to)
        came.append(last[length - 1] if length else -1)
        pairs.append((at, to))
        if length == len(ends):
            ends.append(to)
            last.append(len(pairs) - 1)
        else:
            ends[length], last[length] = to, len(pairs) - 1
    found: Pairs = []
    at = last[-1] if last else -1
    while at >= 0:
        found.append(pairs[at])
        at = came[at]
    return found[::-1]


def _longest(
    before: Sequence[str], after: Sequence[str], part: tuple[int, int, int, int], budget: Budget
) -> Pairs:
    """The longest common subsequence, by its table; nothing where that would cost too much."""
    low, high, to_low, to_high = part
    common = set(before[low:high]) & set(after[to_low:to_high])
    ours = [at for at in range(low, high) if before[at] in common]
    theirs = [at for at in range(to_low, to_high) if after[at] in common]
    if len(ours) * len(theirs) > budget.cells:
        budget.spent = True
        return []
    budget.cells -= len(ours) * len(theirs)
    rows = [[0] * (len(theirs) + 1)]
    for at in reversed(ours):
        below, row, right = rows[-1], [0] * (len(theirs) + 1), 0
        for to in range(len(theirs) - 1, -1, -1):
            equal = before[at] == after[theirs[to]]
            row[to] = right = below[to + 1] + 1 if equal else max(right, below[to])
        rows.append(row)
    rows.reverse()
    found: Pairs = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        if before[ours[i]] == after[theirs[j]]:
            found.append((ours[i], theirs[j]))
            i, j = i + 1, j + 1
        elif rows[i + 1][j] >= rows[i][j + 1]:
            i += 1
        else:
            j += 1
    return found
