"""Slopes that a few odd readings do not bend: Theil's and Sen's, with Sen's confidence interval.

The slope is the median of the slopes between all pairs of points; the interval is made of two of
these slopes, chosen by the variance of Kendall's S with a correction for equal values. P. K. Sen,
"Estimates of the regression coefficient based on Kendall's tau", Journal of the American
Statistical Association 63 (1968), 1379-1389; R. O. Gilbert, "Statistical Methods for Environmental
Pollution Monitoring" (1987), section 16.5. Readings of memory depend on each other, which makes
such an interval too narrow: the variance is widened by the autocorrelation of the ranks of what the
slope leaves over. K. H. Hamed and A. R. Rao, "A modified Mann-Kendall trend test for autocorrelated
data", Journal of Hydrology 204 (1998), 182-196. Where neighbours are very much alike (0.7), the
interval still held the true slope of 85 in 100 made-up series only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST = 8
"""Points below which there is no slope."""
MOST = 400
"""Points of which all pairs are taken; of more, as many, evenly spread."""
Z_95 = 1.96


@dataclass(frozen=True)
class Slope:
    """By how much y grows with one of x."""

    value: float
    low: float
    """Lower end of the 95 % confidence interval."""
    high: float
    points: int
    span: float
    """From the first to the last x."""

    @property
    def growth(self) -> float:
        """Over the whole span, of y."""
        return self.value * self.span

    @property
    def rises(self) -> bool:
        """Whether y surely grows."""
        return self.low > 0


def theil_sen(x: np.ndarray, y: np.ndarray) -> Slope | None:
    """The slope of y over x; None for fewer than ``FEWEST`` points. Missing values are left out."""
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there].astype(np.float64), y[there].astype(np.float64)
    if len(x) > MOST:
        keep: np.ndarray = np.linspace(0, len(x) - 1, MOST).astype(np.int64)
        x, y = x[keep], y[keep]
    count = len(x)
    if count < FEWEST:
        return None
    first, second = np.triu_indices(count, 1)
    run = x[second] - x[first]
    slopes = np.sort((y[second] - y[first])[run != 0] / run[run != 0])
    if not len(slopes):
        return None
    value = float(np.median(slopes))
    reach = Z_95 * np.sqrt(_variance(y) * _widening(y - value * x))
    low = int(np.floor((len(slopes) - reach) / 2))
    high = int(np.ceil((len(slopes) + reach) / 2))
    span = float(x.max() - x.min())
    return Slope(
        value, float(slopes[max(0, low)]), float(slopes[min(len(slopes) - 1, high)]), count, span
    )


def _variance(y: np.ndarray) -> float:
    """Of Kendall's S."""
    count = len(y)
    _, ties = np.unique(y, return_counts=True)
    equal = float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return max(0.0, (count * (count - 1) * (2 * count + 5) - equal) / 18)


def _widening(rest: np.ndarray) -> float:
    """How many times the variance is larger because neighbours are alike; at least 1."""
    count = len(rest)
    ranks = np.argsort(np.argsort(rest)).astype(np.float64)
    ranks -= ranks.mean()
    power = float((ranks * ranks).sum())
    if power <= 0:
        return 1.0
    total = 0.0
    for lag in range(1, count // 2):
        alike = float((ranks[lag:] * ranks[:-lag]).sum()) / power
        if alike < Z_95 / np.sqrt(count):  # from here on it is chance
            break
        total += (count - lag) * (count - lag - 1) * (count - lag - 2) * alike
    return 1 + 2 * total / (count * (count - 1) * (count - 2))
