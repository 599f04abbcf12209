"""Frames → figures. Nothing here knows Streamlit or a colour.

A trace says its place among the chart colours of the theme in ``meta["color"]``; the browser side
(``live_plot.js``) paints it, so that a figure is right in both themes. Times are µs since 1970
(UTC) in the frames and the visitor's local time in the figures.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.ui.formats import BACKENDS, backend_name, duration, size
from storage.curves import (
    SIZES,
    TIMES,
    areas,
    scale_of,
    spread,
)

BREAK_SLOTS = 6
"""Slots without a write after which a line of latencies breaks."""
LEAST_SPAN_US = 10_000_000
"""Shortest time that an axis shows."""


def stored_by_backend(levels: pd.DataFrame, zone: str | None) -> tuple[go.Figure, str]:
    """Stacked areas of stored bytes.

    Args:
        levels: index at_us, a column of bytes for each backend.
        zone: the visitor's time zone.

    Returns:
        The figure and the unit of its axis.
    """
    highest = float(levels.sum(axis=1).max()) if levels.size else 0.0
    scale, unit = scale_of(highest, SIZES)
    x = local_times(levels.index.to_numpy(np.int64), zone)
    figure = blank(x_is_time=True)
    for backend in levels.columns:
        values = levels[backend].to_numpy(np.float64)
        figure.add_trace(
            go.Scatter(
                x=x,
                y=values / scale,
                name=backend_name(backend),
                stackgroup="stored",
                mode="lines",
                line={"width": 1.5},
                customdata=texts(values, size),
                hovertemplate="%{customdata}",
                meta={"color": BACKENDS.get(backend, ("", 8))[1]},
            )
        )
    return figure, unit


def latency(frame: pd.DataFrame, slot_us: int, zone: str | None) -> tuple[go.Figure, str]:
    """p50, p95 and p99 of checkpoint writes.

    Args:
        frame: at_us, p50, p95, p99 in µs; slots without writes are missing.
        slot_us: length of a slot.
        zone: the visitor's time zone.
    """
    scale, unit = scale_of(float(frame["p99"].max()) if len(frame) else 0.0, TIMES)
    at_us = frame["at_us"].to_numpy(np.int64)
    # A line over a pause would tell of writes that were none: it breaks there.
    breaks = np.flatnonzero(np.diff(at_us) > BREAK_SLOTS * slot_us) + 1
    x = local_times(np.insert(at_us, breaks, at_us[breaks - 1] + slot_us), zone)
    figure = blank(x_is_time=True)
    widen(figure, at_us, zone)
    for place, name in enumerate(("p50", "p95", "p99")):
        values = np.insert(frame[name].to_numpy(np.float64), breaks, np.nan)
        figure.add_trace(
            go.Scatter(
                x=x,
                y=values / scale,
                name=name,
                mode="lines+markers",
                line={"width": 1.5},
                marker={"size": 3 if len(values) < 100 else 1.5},
                customdata=texts(values, duration),
                hovertemplate="%{customdata}",
                meta={"color": place},
            )
        )
    return figure, unit


def channel_areas(
    channels: pd.DataFrame, x: np.ndarray, checkpoints: pd.Series
) -> tuple[go.Figure, str]:
    """Stacked areas of live bytes by channel over steps.

    Args:
        channels: a column of bytes for each channel, most bytes first.
        x: as of ``step_axis``.
        checkpoints: id of each row, which a click tells.
    """
    keep = spread(channels.sum(axis=1).to_numpy(np.float64))
    shown = areas(channels.iloc[keep])
    scale, unit = scale_of(float(shown.sum(axis=1).max()) if shown.size else 0.0, SIZES)
    figure = blank()
    for place, name in enumerate(shown.columns):
        values = shown[name].to_numpy(np.float64)
        figure.add_trace(
            go.Scatter(
                x=x[keep],
                y=values / scale,
                ids=checkpoints.iloc[keep].tolist(),
                name=literal(name),
                stackgroup="channels",
                mode="lines",
                line={"width": 1.2},
                customdata=texts(values, size),
                hovertemplate="%{customdata}",
                meta={"color": place},
            )
        )
    return figure, unit


def step_latency(table: pd.DataFrame, x: np.ndarray) -> tuple[go.Figure, str]:
    """Duration of each checkpoint write, and the part of it spent in the serializer.

    Args:
        table: duration_us and serde_us.
        x: as of ``step_axis``.
    """
    keep = spread(table["duration_us"].to_numpy(np.float64))
    scale, unit = scale_of(float(table["duration_us"].max()) if len(table) else 0.0, TIMES)
    figure = blank()
    for place, (column, name) in enumerate(
        (("duration_us", "put"), ("serde_us", "of it serializing"))
    ):
        values = table[column].to_numpy(np.float64)[keep]
        figure.add_trace(
            go.Scatter(
                x=x[keep],
                y=values / scale,
                name=name,
                mode="lines",
                fill="tozeroy",
                line={"width": 1.2},
                customdata=texts(values, duration),
                hovertemplate="%{customdata}",
                meta={"color": place},
            )
        )
    return figure, unit


def amplification(table: pd.DataFrame, x: np.ndarray, before: int) -> tuple[go.Figure, str]:
    """Bytes sent to the backend so far, against the bytes that are live.

    Args:
        table: written_bytes, pending_bytes and checkpoint_bytes.
        x: as of ``step_axis``.
        before: bytes written before the first row.
    """
    sent = before + np.cumsum(
        table["written_bytes"].to_numpy(np.float64) + table["pending_bytes"].to_numpy(np.float64)
    )
    live = table["checkpoint_bytes"].to_numpy(np.float64)
    keep = spread(sent)
    scale, unit = scale_of(float(sent.max()) if len(sent) else 0.0, SIZES)
    figure = blank()
    for place, (values, name) in ((1, (sent, "written so far")), (0, (live, "live"))):
        figure.add_trace(
            go.Scatter(
                x=x[keep],
                y=values[keep] / scale,
                name=name,
                mode="lines",
                fill="tozeroy",
                line={"width": 1.2},
                customdata=texts(values[keep], size),
                hovertemplate="%{customdata}",
                meta={"color": place},
            )
        )
    return figure, unit


def local_times(at_us: np.ndarray, zone: str | None) -> np.ndarray:
    """µs since 1970 (UTC) → naive local times, ms."""
    utc = pd.to_datetime(at_us, unit="us", utc=True)
    return utc.tz_convert(ZoneInfo(zone or "UTC")).tz_localize(None).to_numpy("datetime64[ms]")


def widen(figure: go.Figure, at_us: np.ndarray, zone: str | None) -> None:
    """Have moments that lie close together shown within a few seconds: around a single one plotly
    shows a millisecond."""
    if len(at_us) and np.ptp(at_us) < LEAST_SPAN_US:
        middle = (int(at_us.min()) + int(at_us.max())) // 2
        ends = np.array([middle - LEAST_SPAN_US // 2, middle + LEAST_SPAN_US // 2])
        figure.update_xaxes(autorangeoptions={"include": local_times(ends, zone).astype(str)})


def literal(text: str) -> str:
    """Text of the user's data for a figure, where plotly reads some tags: none survives."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def texts(values: np.ndarray, form: object) -> list[str]:
    """What a chart says of each value under the pointer."""
    return [form(value) for value in values]  # type: ignore[operator]


def blank(x_is_time: bool = False) -> go.Figure:
    """A figure without traces, as all charts look."""
    return go.Figure(
        layout={
            "margin": {"l": 44, "r": 8, "t": 8, "b": 8},
            "hovermode": "x unified",
            "showlegend": True,
            "legend": {
                "orientation": "h",
                "traceorder": "normal",
                "x": 0,
                "y": -0.14,
                "yanchor": "top",
            },
            "xaxis": {
                "showgrid": False,
                "zeroline": False,
                "type": "date" if x_is_time else "linear",
            },
            "yaxis": {"zeroline": False, "rangemode": "tozero", "nticks": 6},
        }
    )
