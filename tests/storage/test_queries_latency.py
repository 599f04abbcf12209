"""Quantiles of many histograms at once, against those of one."""

from __future__ import annotations

import random

import numpy as np

from storage import histogram
from storage.queries_latency import quantiles_by_slot

QUANTILES = (0.0, 0.5, 0.95, 0.99, 1.0)


def test_equal_to_one_by_one() -> None:
    """Random histograms in random slots: the same numbers as merge() and quantile()."""
    chance = random.Random(7)
    slots, packed = [], []
    for _ in range(200):
        counts: dict[int, int] = {}
        for _ in range(chance.randrange(40)):
            bucket = histogram.bucket_of(int(10 ** chance.uniform(0, 12)))
            counts[bucket] = counts.get(bucket, 0) + chance.randrange(1, 1_000_000)
        slots.append(chance.randrange(30))
        packed.append(histogram.pack(counts))
    frame, whole = quantiles_by_slot(np.array(slots), packed, QUANTILES)
    for row in frame.to_dict("records"):
        mine = histogram.merge(p for s, p in zip(slots, packed, strict=True) if s == row["slot"])
        assert row["count"] == sum(mine.values())
        assert [row[q] for q in QUANTILES] == [histogram.quantile(mine, q) for q in QUANTILES]
    merged = histogram.merge(packed)
    assert whole == {q: histogram.quantile(merged, q) for q in QUANTILES}
    assert set(frame["slot"]) == {s for s, p in zip(slots, packed, strict=True) if p}


def test_nothing_gives_nothing() -> None:
    """No histogram, or only empty ones: no row, and no quantile that was never measured."""
    for packed in ([], [b"", b""]):
        frame, whole = quantiles_by_slot(np.zeros(len(packed), dtype=np.int64), packed, (0.5,))
        assert frame.empty
        assert whole == {0.5: None}
