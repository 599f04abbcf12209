"""Areas add up to the resident memory, none is negative, and what is unknown is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.explained import AREAS, BLOCK_BYTES, explain, state

NAMES = (
    "rss_bytes", "file_bytes", "shmem_bytes", "saver_bytes", "saver_overhead_bytes", "store_bytes",
    "cache_bytes", "cache_overhead_bytes", "queue_bytes", "malloc_bytes", "blocks",
    "malloc_free_bytes",
)  # fmt: skip
SIZES = st.one_of(st.none(), st.integers(0, 1 << 40))


def test_the_arithmetic() -> None:
    """By hand: serialized bytes count once, in their area and not in the C library's."""
    told = {
        "rss_bytes": 1_000_000, "file_bytes": 100_000, "shmem_bytes": 1_000, "saver_bytes": 200_000,
        "saver_overhead_bytes": 50_000, "store_bytes": 20_000, "queue_bytes": 5_000,
        "malloc_bytes": 300_000, "blocks": 2_000, "malloc_free_bytes": 30_000,
    }  # fmt: skip
    row = explain(pd.DataFrame([told])).iloc[0]
    assert row["files"] == 101_000
    assert row["savers"] == 250_000
    assert row["stores"] == 20_000
    assert np.isnan(row["caches"])
    assert row["queue"] == 5_000
    assert row["native"] == 300_000 - 205_000
    assert row["python"] == 2_000 * BLOCK_BYTES - 70_000
    assert row["free"] == 30_000
    assert row["other"] == pytest.approx(1_000_000 - row.drop("other").sum())
    assert state(pd.DataFrame([told]))[0] == 270_000


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, SIZES)), min_size=1, max_size=4))
def test_areas_are_never_negative_and_add_up(rows: list[dict[str, int | None]]) -> None:
    """Whatever was told."""
    levels = pd.DataFrame(rows, columns=list(NAMES), dtype=float)
    areas = explain(levels)
    assert list(areas.columns) == list(AREAS)
    known = areas[levels["rss_bytes"].notna()]
    assert (known.fillna(0) >= 0).all().all()
    np.testing.assert_allclose(known.sum(axis=1), levels["rss_bytes"].dropna(), rtol=1e-9)
    assert areas[levels["rss_bytes"].isna()].isna().all().all()
