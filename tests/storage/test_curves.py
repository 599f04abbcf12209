"""What is drawn of many rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from storage import curves


def test_spread_keeps_every_spike() -> None:
    """Of many points few are drawn; the highest, the lowest, the first and the last are."""
    values = np.random.default_rng(3).random(50_000)
    values[31_234], values[12_345] = 99.0, -99.0
    keep = curves.spread(values)
    assert len(keep) <= curves.POINTS + 2
    assert {0, 12_345, 31_234, 49_999} <= set(keep.tolist())
    assert (np.diff(keep) > 0).all()
    assert curves.spread(values[:600]).tolist() == list(range(600))


def test_axis_of_steps() -> None:
    """Step numbers where they rise, else checkpoints are counted."""
    assert curves.step_axis(pd.Series([-1, 0, 1]))[1] == "step"
    for steps in ([1, 2, 2, 3], [1, None, 3], [3, 1]):
        x, name = curves.step_axis(pd.Series(steps, dtype="Int64"))
        assert name == "checkpoint"
        assert x.tolist() == list(range(1, len(steps) + 1))
