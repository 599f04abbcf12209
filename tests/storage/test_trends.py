"""Slopes and their intervals, against other ways to the same numbers."""

from __future__ import annotations

from itertools import combinations
from statistics import median

import numpy as np
import pytest

from storage.trends import theil_sen


def test_the_slope_is_the_median_of_all_pairs() -> None:
    """Pair by pair; Gilbert's example 16.3: the slope is 10.67 units a year."""
    chance = np.random.default_rng(1)
    x, y = np.sort(chance.uniform(0, 50, 30)), chance.normal(0, 5, 30)
    found = theil_sen(x, y)
    assert found is not None
    pairs = [(y[b] - y[a]) / (x[b] - x[a]) for a, b in combinations(range(30), 2)]
    assert found.value == pytest.approx(median(pairs))


def test_outliers_do_not_bend_it() -> None:
    x = np.arange(60.0)
    y = 3 * x
    y[::7] += 10_000
    found = theil_sen(x, y)
    assert found is not None
    assert found.value == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize(("alike", "least"), [(0.0, 90), (0.7, 80)])
def test_the_interval_holds_the_true_slope(
    alike: float, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of made-up series, of those whose neighbours are alike somewhat less; without the widening,
    many of these would be missed."""
    assert held_by(alike) >= least
    monkeypatch.setattr("storage.trends._widening", lambda rest: 1.0)
    assert held_by(0.7) < 75


def held_by(alike: float) -> int:
    """Of 100 series, how many intervals hold the true slope."""
    chance = np.random.default_rng(2)
    x, held = np.arange(80.0), 0
    for _ in range(100):
        noise = np.zeros(80)
        for index in range(80):
            noise[index] = alike * noise[index - 1] + chance.normal(0, 5)
        found = theil_sen(x, 0.5 * x + noise)
        assert found is not None
        held += found.low <= 0.5 <= found.high
    return held


def test_what_does_not_move_does_not_rise() -> None:
    found = theil_sen(np.arange(50.0), np.full(50, 7.0))
    assert found is not None
    assert (found.value, found.rises) == (0, False)


def test_too_few_points_and_missing_ones() -> None:
    assert theil_sen(np.arange(7.0), np.arange(7.0)) is None
    y = np.arange(20.0)
    y[3:9] = np.nan
    found = theil_sen(np.arange(20.0), y)
    assert found is not None
    assert (found.value, found.points) == (1, 14)
