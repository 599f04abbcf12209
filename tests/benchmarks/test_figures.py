"""Figures of benchmarks: bounds, quartiles and percentiles."""

from __future__ import annotations

import pytest

from benchmarks import figures
from benchmarks.__main__ import line


@pytest.mark.parametrize(
    ("value", "bound", "kept"),
    [
        (1.03, "<= 1.03", True),
        (1.0301, "<= 1.03", False),
        (5.0, "< 5", False),
        (60_000, ">= 60000", True),
        (59_999, ">= 60000", False),
        (7, "", None),
    ],
)
def test_a_bound_is_kept_or_not(value: float, bound: str, kept: bool | None) -> None:
    """Bounds include their limit where they say so; without a bound nothing is kept or broken."""
    assert figures.figure("name", value, "×", bound=bound)["kept"] is kept


def test_spread_and_percentiles() -> None:
    """Quartiles of few values, and percentiles by nearest rank."""
    assert figures.quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 4.0)
    assert figures.quartiles([1.5]) == (1.5, 1.5)
    assert figures.percentile(list(range(100)), 0.99) == 99
    assert figures.percentile([3, 1, 2], 0.5) == 2


def test_a_broken_bound_is_seen_in_the_table() -> None:
    """The line of a figure has its value, spread, floor, and whether the bound was kept."""
    figure = figures.figure("CPU", 1.05, "×", bound="<= 1.03", floor=1.0, spread=(1.04, 1.06))
    text = line(figure)
    assert "1.05 × (1.04 – 1.06), floor 1, bound <= 1.03 NOT KEPT" in text


def test_the_machine_is_told() -> None:
    """Results name the cores, the Python and the versions that they were made with."""
    facts = figures.machine()
    assert facts["cores"] >= 1
    assert facts["packages"]["langgraph"]
