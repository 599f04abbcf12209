"""Frames to figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pages.ui import charts
from storage import curves

SECOND = 1_000_000


def test_a_pause_breaks_the_line() -> None:
    """Latencies are not joined over a time without writes; a short gap is."""
    at = np.array([0, 5, 10, 20, 100, 105]) * SECOND
    frame = pd.DataFrame({"at_us": at, "p50": 1.0, "p95": 2.0, "p99": 3.0})
    figure, unit = charts.latency(frame, 5 * SECOND, "UTC")
    values = np.asarray(figure.data[0].y, dtype=float)
    assert np.isnan(values).tolist() == [False] * 4 + [True] + [False] * 2
    assert unit == "µs"


def test_a_single_moment_is_shown_within_seconds() -> None:
    """Around it; moments that are further apart are the ends of the axis."""

    def included(*at: int) -> list[str] | None:
        frame = pd.DataFrame({"at_us": np.array(at) * SECOND, "p50": 1.0, "p95": 2.0, "p99": 3.0})
        figure, _ = charts.latency(frame, SECOND, "UTC")
        ends = figure.layout.xaxis.autorangeoptions.include
        return None if ends is None else [str(end) for end in ends]

    assert included(7) == ["1970-01-01T00:00:02.000", "1970-01-01T00:00:12.000"]
    assert included(7, 9) == ["1970-01-01T00:00:03.000", "1970-01-01T00:00:13.000"]
    assert included(7, 17) is None
    assert included() is None


def test_times_are_the_visitors() -> None:
    """The axis has local times."""
    times = charts.local_times(np.array([1_800_000_000 * SECOND]), "Asia/Tokyo")
    assert str(times[0]) == "2027-01-15T17:00:00.000"


def test_channels_too_small_to_see_share_an_area() -> None:
    """Large channels have their own area, the rest one together, and no byte is lost."""
    channels = pd.DataFrame({"messages": [900, 9_000], "docs": [500, 500]})
    for number in range(20):
        channels[f"branch:to:{number}"] = [1, 1]
    figure, _ = charts.channel_areas(channels, np.array([1, 2]), pd.Series(["a", "b"]))
    assert [trace.name for trace in figure.data] == ["messages", "docs", "20 others"]
    assert sum(trace.y[-1] for trace in figure.data) * 1000 == 9_520


def test_at_most_so_many_areas() -> None:
    """Many large channels are cut at what can be told apart."""
    channels = pd.DataFrame({f"c{number}": [1_000] for number in range(40)})
    figure, _ = charts.channel_areas(channels, np.array([1]), pd.Series(["a"]))
    assert len(figure.data) == curves.CHANNELS_SHOWN + 1
    assert sum(trace.y[0] for trace in figure.data) == 40


def test_writing_before_what_is_shown_counts() -> None:
    """Of a long thread only the newest steps are read: earlier writing is added."""
    table = pd.DataFrame(
        {"written_bytes": [10, 20], "pending_bytes": [1, 2], "checkpoint_bytes": [10, 20]}
    )
    figure, _ = charts.amplification(table, np.array([1, 2]), before=100)
    assert list(figure.data[0].y) == [111, 133]


def test_no_colour_is_written_into_a_figure() -> None:
    """Colours are the theme's: a figure has places among them only."""
    levels = pd.DataFrame({"sqlite": [1, 2], "redis": [3, 4]}, index=[0, SECOND])
    figure, _ = charts.stored_by_backend(levels, "UTC")
    assert all(trace.line.color is None for trace in figure.data)
    assert [trace.meta["color"] for trace in figure.data] == [3, 1]
