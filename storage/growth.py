"""How what is stored grows, and where that leads: flat, linear or quadratic, with a range.

The level is not fitted itself: its noise adds up from hour to hour, so that a curve through levels
looks far surer than it is. Fitted are its *increments* in slots of equal length: none (flat), a
constant (linear) or a straight line (quadratic). Of the three the one with the least corrected
Akaike criterion holds (AICc, Hurvich and Tsai 1989), and a simpler one if it is within
``BETTER`` of the best (Burnham and Anderson 2002: a difference under 2 is no evidence).

The range is the 95 % prediction interval: the noise of all increments to come, which grows with
their number, and the uncertainty of the coefficients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Model = Literal["flat", "linear", "quadratic"]

SLOTS_LEAST = 12
"""Fewest increments that are fitted: of fewer, AICc does not tell three models apart."""
BETTER = 2.0
_MODELS: tuple[Model, ...] = ("flat", "linear", "quadratic")
# 97.5 % quantiles of Student's t by degrees of freedom; between them the one before holds.
_T = ((9, 2.262), (10, 2.228), (12, 2.179), (15, 2.131), (20, 2.086), (30, 2.042), (60, 2.000),
      (120, 1.980), (1_000, 1.962))  # fmt: skip


@dataclass(frozen=True)
class Fit:
    """A model of growth; times are counted in slots from the newest increment on."""

    model: Model
    slot_seconds: float
    slots: int
    """Increments that it was fitted to."""
    rate: float
    """Bytes a slot now: the increment that comes next."""
    bend: float
    """By how much the rate changes from slot to slot."""
    sigma: float
    """Standard deviation of an increment."""
    criteria: dict[Model, float]
    """AICc of each model."""
    _covariance: tuple[tuple[float, ...], ...] = ()
    """Of the coefficients of the increments, about the time of the next one."""

    def change(self, seconds: Floats) -> tuple[Floats, Floats, Floats]:
        """Bytes gained after so many seconds: expected, and the ends of the 95 % range."""
        h = np.asarray(seconds, np.float64) / self.slot_seconds
        steps = np.stack([h, h * np.maximum(h - 1, 0) / 2])[: len(self._covariance)]
        mean = self.rate * h + self.bend * h * np.maximum(h - 1, 0) / 2
        variance = h * self.sigma**2
        if len(self._covariance):
            covariance = np.array(self._covariance)
            variance = variance + np.einsum("ih,ij,jh->h", steps, covariance, steps)
        width = _t(self.slots - max(len(self._covariance), 1)) * np.sqrt(variance)
        return mean, mean - width, mean + width


def fit(increments: Floats, slot_seconds: float) -> Fit | None:
    """The model of increments, oldest first; None where there are too few."""
    y: Floats = np.asarray(increments, np.float64)
    n = len(y)
    if n < SLOTS_LEAST:
        return None
    # The next increment is at 0, so that the first coefficient is the rate now.
    at: Floats = np.arange(-n, 0, dtype=np.float64)
    designs = (np.empty((n, 0)), np.ones((n, 1)), np.stack([np.ones(n), at], axis=1))
    # Noise below a byte is none: without a floor, an exact fit has a criterion of minus infinity.
    floor = max(1.0, 1e-18 * float(y @ y)) * 1e-3
    found = []
    for design in designs:
        coefficients = np.linalg.lstsq(design, y, rcond=None)[0] if design.shape[1] else np.empty(0)
        rest = y - design @ coefficients
        found.append((coefficients, float(rest @ rest)))
    criteria = {
        name: _aicc(max(squares, floor), n, len(coefficients) + 1)
        for name, (coefficients, squares) in zip(_MODELS, found, strict=True)
    }
    best = min(criteria.values())
    place = next(i for i, name in enumerate(_MODELS) if criteria[name] <= best + BETTER)
    coefficients, squares = found[place]
    variance = squares / (n - max(len(coefficients), 1))
    covariance = variance * np.linalg.inv(designs[place].T @ designs[place])
    rate, bend = (*map(float, coefficients), 0.0, 0.0)[:2]
    return Fit(
        _MODELS[place], slot_seconds, n, rate, bend, math.sqrt(variance), criteria,
        tuple(tuple(map(float, row)) for row in covariance),
    )  # fmt: skip


def _aicc(squares: float, n: int, k: int) -> float:
    """``k`` parameters, the variance among them."""
    return n * math.log(squares / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1)


def _t(freedom: int) -> float:
    return next((t for most, t in reversed(_T) if freedom >= most), _T[0][1])
