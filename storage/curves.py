"""What is drawn of many rows, on pages and in reports: which points, which channels, which unit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

POINTS = 600
"""Most points of a trace; more could not be told apart on a screen."""

CHANNELS_SHOWN = 7
"""Most channels with an area of their own; the rest are one area."""

CHANNEL_SHARE = 0.005
"""Share of the largest checkpoint below which a channel has no area of its own: LangGraph's own
channels (``branch:to:…``) hold a byte each and could not be seen."""

Units = tuple[tuple[float, str], ...]
SIZES: Units = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1, "B"))
TIMES: Units = ((1e6, "s"), (1e3, "ms"), (1, "µs"))


def step_axis(steps: pd.Series) -> tuple[np.ndarray, str]:
    """Places of checkpoints along an axis, and what the axis counts.

    Their step numbers; where these repeat (a fork, time travel, a subgraph that was called again)
    or are missing, the checkpoints are counted from 1.
    """
    numbers = steps.astype("Int64")
    if not numbers.isna().any() and (np.diff(numbers.to_numpy(np.int64)) > 0).all():
        return numbers.to_numpy(np.int64), "step"
    return np.arange(1, len(steps) + 1), "checkpoint"


def areas(channels: pd.DataFrame) -> pd.DataFrame:
    """Columns of bytes that are drawn as stacked areas: the large channels, and the others summed.

    Args:
        channels: a column of bytes for each channel, most bytes first.
    """
    highest = float(channels.sum(axis=1).max()) if channels.size else 0.0
    many = (channels.max() >= CHANNEL_SHARE * highest).to_numpy()
    large = channels.columns[many][:CHANNELS_SHOWN]
    small = channels.columns.difference(large)
    if len(small) < 2:
        return channels
    rest = channels[small].sum(axis=1).rename(f"{len(small)} others")
    return pd.concat([channels[large], rest], axis=1)


def spread(values: np.ndarray, points: int = POINTS) -> np.ndarray:
    """Rows to draw of many: the lowest and the highest of each of equal parts, so that no spike
    is lost, and the first and last row."""
    if len(values) <= points:
        return np.arange(len(values))
    edges: np.ndarray = np.linspace(0, len(values), points // 2, dtype=np.int64)
    keep = {0, len(values) - 1}
    for begin, end in pairwise(edges):
        part = np.nan_to_num(values[begin:end])
        keep |= {int(begin + part.argmin()), int(begin + part.argmax())}
    rows: np.ndarray = np.array(sorted(keep), dtype=np.int64)
    return rows


def scale_of(highest: float, units: Units) -> tuple[float, str]:
    """The largest unit that the highest value has one of: its length and name."""
    for scale, unit in units:
        if highest >= scale:
            return scale, unit
    return units[-1]
