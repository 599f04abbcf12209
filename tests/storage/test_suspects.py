"""Areas of the memory that are named as suspects, by readings of known make."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Connection

from storage import leaks, suspects
from storage.process_series import Series
from storage.queries import SECOND_US, grid_of
from storage.suspects import Suspect

MB = 1_000_000
MINUTES = np.arange(240.0)
FLAT = 0 * MINUTES
NO_NODES = pd.DataFrame({"suspect": []})


def named(**columns: np.ndarray) -> list[Suspect]:
    """Suspects of a process whose memory grows by 60 MB an hour, with readings a minute."""
    index = pd.Index(MINUTES.astype(np.int64) * 60 * SECOND_US, name="at_us")
    memory = 200 * MB + MB * MINUTES
    levels = pd.DataFrame({"rss_bytes": memory, "anon_bytes": memory} | columns, index=index)
    grown = pd.DataFrame({"runs": FLAT + 60}, index=index)
    grid = grid_of(len(MINUTES) * 60, 10_000_000 * SECOND_US)
    series = Series(grid, levels, levels, grown, {"available_bytes": 1e9})
    found = leaks.find(series, 0)
    assert found.verdict == "leak"
    return suspects.find(cast("Connection", None), found, series, NO_NODES)


def test_memory_that_is_kept_and_not_in_use() -> None:
    """Neither objects nor what the C library was asked for grows: allocators keep the rest."""
    (one,) = named(malloc_bytes=FLAT + 50 * MB, blocks=FLAT + 500_000)
    assert one.kind == "other"
    assert one.per_hour == pytest.approx(60 * MB, rel=0.01)
    assert one.size == pytest.approx(439 * MB - 50 * MB - 85 * 500_000)
    assert "MALLOC_ARENA_MAX" in one.advice


def test_large_objects_that_are_kept() -> None:
    """The area of the chart, whose growth is that of the C library's."""
    (one,) = named(malloc_bytes=50 * MB + MB * MINUTES, blocks=FLAT + 500_000)
    assert (one.kind, one.size) == ("native", pytest.approx(289 * MB))
    assert one.per_hour == pytest.approx(60 * MB, rel=0.01)


def test_state_is_no_native_memory() -> None:
    """Serialized states lie in the C library's memory, too: what they gain is not told twice."""
    state = MB / 2 * MINUTES
    found = named(
        malloc_bytes=50 * MB + state, blocks=FLAT + 500_000, saver_bytes=state,
        saver_overhead_bytes=FLAT,
    )  # fmt: skip
    assert [one.kind for one in found if one.kind in suspects._AREAS] == ["other"]


def test_what_is_not_told_is_no_free_memory() -> None:
    """Where a platform tells neither objects nor the C library's memory, nothing is named."""
    assert named() == []
    assert named(blocks=FLAT + 500_000) == []
