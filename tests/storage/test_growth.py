"""Growth: the right model, its coefficients by another way, and a range that holds."""

from __future__ import annotations

import numpy as np
import pytest

from storage.growth import SLOTS_LEAST, Fit, fit

HOUR = 3600.0


def fitted(increments: np.ndarray) -> Fit:
    found = fit(increments, HOUR)
    assert found is not None
    return found


def test_too_little_is_not_guessed() -> None:
    assert fit(np.ones(SLOTS_LEAST - 1), HOUR) is None
    assert fit(np.ones(SLOTS_LEAST), HOUR) is not None


@pytest.mark.parametrize(
    ("shape", "model"),
    [(lambda t: 0 * t, "flat"), (lambda t: 500 + 0 * t, "linear"), (lambda t: 9 * t, "quadratic")],
)
def test_an_exact_course_is_found(shape, model: str) -> None:
    """Without noise: the model, and what is gained in the 10 hours to come, summed by hand."""
    hours = np.arange(40.0)
    found = fitted(shape(hours))
    assert found.model == model
    mean, low, high = found.change(np.array([10 * HOUR]))
    expected = shape(np.arange(40.0, 50.0)).sum()
    assert mean[0] == pytest.approx(expected, abs=1e-6)
    assert low[0] <= mean[0] <= high[0]
    assert high[0] - low[0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(("bend", "degree"), [(0.0, 0), (40.0, 1)])
def test_coefficients_are_those_of_polyfit(bend: float, degree: int) -> None:
    """numpy's own fit of the increments: coefficients and their covariance."""
    rng = np.random.default_rng(3)
    at = np.arange(-60.0, 0.0)
    increments = 3_000 + bend * at + rng.normal(0, 200, 60)
    found = fitted(increments)
    coefficients, covariance = np.polyfit(at, increments, degree, cov=True)
    assert [found.rate, found.bend][: degree + 1] == pytest.approx(coefficients[::-1])
    assert np.array(found._covariance) == pytest.approx(covariance[::-1, ::-1])


@pytest.mark.parametrize("rate", [0.0, 100.0])
def test_the_range_holds_what_comes(rate: float) -> None:
    """Of 400 made-up courses, the next 100 hours lie within the 95 % range in 92 to 98 of 100."""
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(400):
        course = rate + rng.normal(0, 50, 148)
        _, low, high = fitted(course[:48]).change(np.array([100 * HOUR]))
        inside += int(low[0] <= course[48:].sum() <= high[0])
    assert 0.92 <= inside / 400 <= 0.98


def test_noise_alone_is_no_growth() -> None:
    """AICc keeps the simplest model where others are no better."""
    rng = np.random.default_rng(5)
    models = [fitted(rng.normal(0, 50, 48)).model for _ in range(200)]
    assert models.count("flat") >= 180
    assert models.count("quadratic") <= 6


def test_criteria_are_those_of_the_definition() -> None:
    """AICc = n ln(RSS / n) + 2 k + 2 k (k + 1) / (n - k - 1), with the variance among k."""
    rng = np.random.default_rng(7)
    increments = 20 + rng.normal(0, 5, 30)
    squares = ((increments - increments.mean()) ** 2).sum()
    assert fitted(increments).criteria["linear"] == pytest.approx(
        30 * np.log(squares / 30) + 4 + 12 / 27
    )
