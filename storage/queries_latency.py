"""Quantiles of many packed histograms at once.

The same numbers as ``storage.histogram.merge`` and ``quantile``, for all slots of a chart in one
pass of numpy: a window of 15 minutes holds thousands of histograms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from storage.histogram import middle_of

IntArray = np.ndarray[Any, np.dtype[np.int64]]
FloatArray = np.ndarray[Any, np.dtype[np.float64]]
_PAIR = np.dtype([("bucket", "<u2"), ("count", "<u4")])


def quantiles_by_slot(
    slots: IntArray, packed: Sequence[bytes], quantiles: tuple[float, ...]
) -> tuple[pd.DataFrame, dict[float, float | None]]:
    """Quantiles in µs of histograms that are grouped by slot.

    Args:
        slots: the slot (from 0) of each histogram.
        packed: the histograms, as ``storage.histogram.pack`` makes them.
        quantiles: 0 to 1.

    Returns:
        A frame with a row for each slot that has values (slot, count, then a column for each
        quantile, named by it), and the quantiles of all slots together (None: no values).
    """
    pairs: np.ndarray = np.frombuffer(b"".join(packed), dtype=_PAIR)
    if not len(pairs):
        empty = pd.DataFrame(columns=["slot", "count", *quantiles], dtype=float)
        return empty, dict.fromkeys(quantiles)
    lengths: IntArray = np.fromiter(
        (len(part) // _PAIR.itemsize for part in packed), np.int64, len(packed)
    )
    rows: IntArray = np.repeat(np.asarray(slots, dtype=np.int64), lengths)
    width = int(pairs["bucket"].max()) + 1
    height = int(rows.max()) + 1
    counts = np.bincount(
        rows * width + pairs["bucket"], weights=pairs["count"], minlength=height * width
    ).reshape(height, width)
    middles = np.array([middle_of(bucket) for bucket in range(width)])
    used = np.flatnonzero(counts.sum(axis=1))
    frame = pd.DataFrame({"slot": used, "count": counts[used].sum(axis=1).astype(np.int64)})
    for q in quantiles:
        frame[q] = by_rank(counts[used], middles, q)
    total = counts.sum(axis=0, keepdims=True)
    together: dict[float, float | None] = {
        q: float(by_rank(total, middles, q)[0]) for q in quantiles
    }
    return frame, together


def by_rank(counts: FloatArray, middles: FloatArray, q: float) -> FloatArray:
    """By nearest rank, a value for each row of counts."""
    running = counts.cumsum(axis=1)
    rank = np.maximum(1, np.ceil(running[:, -1] * q))
    found: FloatArray = middles[(running >= rank[:, None]).argmax(axis=1)]
    return found
