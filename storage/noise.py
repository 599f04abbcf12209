"""Whether two backends differ, or only their rounds do: medians, spreads and ties.

Rule: two are a **tie** unless the exact two-sided rank-sum test of Mann and Whitney ("On a test of
whether one of two random variables is stochastically larger than the other", Annals of
Mathematical Statistics 18, 1947) on their rounds gives p ≤ 0.05. It asks for no distribution, and
a single round that something disturbed cannot decide it. Four rounds are the fewest that can reach
0.05; with three, p = 0.1 is the least there is, and is taken where no round of the one lies among
those of the other; with fewer everything is a tie. Runs are interleaved (``collector.compare``), so
that what else the machine does hits all alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import comb
from statistics import median

ALPHA = 0.05
ALPHA_OF_THREE = 0.1
FEWEST = 3
"""Rounds below which nothing can be told."""


def middle(values: Sequence[float]) -> float | None:
    """The median; None: there is no value."""
    return float(median(values)) if values else None


def spread(values: Sequence[float]) -> float | None:
    """Half the distance of the quartiles, in the unit of the values; None: fewer than two.

    Quartiles as of ``numpy.quantile``: linear between neighbours.
    """
    if len(values) < 2:
        return None
    ordered = sorted(values)
    return (_quantile(ordered, 0.75) - _quantile(ordered, 0.25)) / 2


def p_value(one: Sequence[float], other: Sequence[float]) -> float:
    """Two-sided p of the rank-sum test, exact; equal values count half each way.

    1.0 where either has no value.
    """
    n, m = len(one), len(other)
    if not n or not m:
        return 1.0
    larger = sum((a > b) + 0.5 * (a == b) for a in one for b in other)
    u = int(min(larger, n * m - larger))
    ways = sum(_ways(n, m, rank) for rank in range(u + 1))
    return min(1.0, 2 * ways / comb(n + m, n))


def is_tie(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether the difference may be noise; see the module."""
    fewest = min(len(one), len(other))
    if fewest < FEWEST:
        return True
    return p_value(one, other) > (ALPHA_OF_THREE if fewest == FEWEST else ALPHA) + 1e-12


@cache
def _ways(n: int, m: int, u: int) -> int:
    """Orders of n and m values in which exactly u pairs have the first one larger."""
    if u < 0:
        return 0
    if n == 0 or m == 0:
        return int(u == 0)
    return _ways(n - 1, m, u - m) + _ways(n, m - 1, u)


def _quantile(ordered: Sequence[float], share: float) -> float:
    at = (len(ordered) - 1) * share
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)
