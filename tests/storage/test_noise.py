"""Ties and spreads, by figures that tables of the rank-sum test have."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from storage import noise


def test_p_is_that_of_all_orders() -> None:
    """Counted out: of all ways to deal six ranks to two groups, how many are as extreme."""
    for one in itertools.combinations(range(6), 3):
        other = [rank for rank in range(6) if rank not in one]
        u = sum(a > b for a in one for b in other)
        extreme = 0
        for dealt in itertools.combinations(range(6), 3):
            rest = [rank for rank in range(6) if rank not in dealt]
            counted = sum(a > b for a in dealt for b in rest)
            extreme += min(counted, 9 - counted) <= min(u, 9 - u)
        assert noise.p_value(one, other) == pytest.approx(min(1.0, extreme / 20)), one


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [
        ([1, 2, 3], [4, 5, 6], 0.1),
        ([1, 2, 3, 4], [5, 6, 7, 8], 2 / 70),
        ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10], 2 / 252),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 1.0),
        ([], [1, 2], 1.0),
    ],
)
def test_known_values(one: list[float], other: list[float], p: float) -> None:
    """As in the tables of Mann and Whitney, both ways round."""
    assert noise.p_value(one, other) == pytest.approx(p)
    assert noise.p_value(other, one) == pytest.approx(p)


def test_a_difference_inside_the_noise_is_a_tie() -> None:
    """Apart: no tie from three rounds on. Mixed, or too few: a tie."""
    assert noise.is_tie([1, 2], [10, 11])
    assert not noise.is_tie([1, 2, 3], [4, 5, 6])
    assert noise.is_tie([1, 2, 4], [3, 5, 6])
    assert not noise.is_tie([1, 2, 3, 4], [5, 6, 7, 8])
    # One round that something disturbed does not decide, as a mean would.
    assert not noise.is_tie([1, 2, 3, 4, 55], [50, 60, 70, 80, 90])
    assert noise.is_tie([1, 2, 3, 4, 5_000], [1.5, 2.5, 3.5, 4.5, 5.5])
    assert noise.is_tie([1, 5, 3, 9, 7], [2, 6, 4, 8, 10])


def test_false_alarms_are_as_rare_as_told() -> None:
    """Of the same distribution, five rounds each: at most one in twenty."""
    source = np.random.default_rng(1)
    drawn = source.lognormal(0, 1, (2_000, 2, 5))
    alarms = sum(not noise.is_tie(list(one), list(other)) for one, other in drawn)
    assert alarms <= 0.05 * len(drawn)


def test_median_and_spread() -> None:
    """Half the distance of the quartiles, as numpy has them; nothing of nothing."""
    values = [5.0, 1.0, 9.0, 4.0, 7.5]
    quarters = np.quantile(values, (0.25, 0.75))
    assert noise.spread(values) == pytest.approx((quarters[1] - quarters[0]) / 2)
    assert noise.middle(values) == 5.0
    assert noise.middle([]) is None
    assert noise.spread([3.0]) is None
