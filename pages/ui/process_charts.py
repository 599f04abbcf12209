"""Charts of one process: its memory explained, and what else it does, over time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.ui import charts, charts_lines, filters, formats, frame
from pages.ui.charts_lines import COUNTS, Line
from pages.ui.live_plot import live_plot
from storage.curves import Units
from storage.queries_processes import Process

NAMES = {
    "files": ("mapped files", 8), "savers": ("in-memory savers", 0), "stores": ("stores", 4),
    "caches": ("node caches", 3), "queue": ("the probe's queue", 6),
    "native": ("large objects, native", 1), "python": ("small Python objects", 2),
    "free": ("free in the C heap", 5), "other": ("unknown", 7),
}  # fmt: skip
"""Area of ``storage.explained`` → its name in the legend, and its place among the colours."""

MARKS = 300
"""Most runs of nodes that are marked on the time axis, the newest."""
LIMIT_SHOWN = 3.0
"""The limit is drawn where it is no more than so many times the memory."""


def memory(found: Process) -> None:
    """The card of memory."""
    figure, unit = memory_figure(found, filters.zone())
    with frame.card("memory", height="stretch"):
        frame.title("What the memory is made of", f"{unit} resident, stacked")
        live_plot(figure, key="plot-memory", label="Memory of the process over time", height=330)
        st.caption(_caption(found))


def memory_figure(found: Process, zone: str | None) -> tuple[go.Figure, str]:
    """Stacked areas that add up to the resident memory, with the limit, marks of node runs, and of
    the beginning and the end of the process."""
    areas = found.areas.dropna(how="all")
    if (
        areas["files"].notna().any()
    ):  # moments of which only the sum is known would be all "unknown"
        areas = areas[areas["files"].notna()]
    at_us = areas.index.to_numpy(np.int64)
    drawn = [
        Line(name, place, at_us, areas[column].to_numpy(np.float64))
        for column, (name, place) in NAMES.items()
        if np.nan_to_num(areas[column].to_numpy(np.float64)).any()
    ]
    figure, unit = charts_lines.lines(drawn, zone, charts.SIZES, formats.size, stacked=True)
    highest = float(areas.sum(axis=1).max()) if len(areas) else 0.0
    scale, _ = charts.scale_of(highest, charts.SIZES)
    limit = found.series.last.get("limit_bytes")
    if limit is not None and limit <= LIMIT_SHOWN * highest:
        _line(
            figure, zone, (at_us[[0, -1]], np.array([limit, limit]) / scale), "container limit", 5
        )
    grid = found.series.grid
    for name, moment in (
        ("began", found.about["first_seen_us"]),
        ("ended", found.about["last_seen_us"] if found.about["ended"] else 0),
    ):
        if grid.start_us <= moment <= grid.end_us:
            _line(
                figure, zone, (np.array([moment, moment]), np.array([0, highest / scale])), name, 9
            )
    _marks(figure, found.node_runs.tail(MARKS), zone)
    return figure, unit


def _line(
    figure: go.Figure,
    zone: str | None,
    points: tuple[np.ndarray, np.ndarray],
    name: str,
    place: int,
) -> None:
    at_us, values = points
    figure.add_trace(
        go.Scatter(
            x=charts.local_times(at_us, zone), y=values, name=name, mode="lines",
            line={"width": 1.6, "dash": "dash"}, hoverinfo="name", meta={"color": place},
        )
    )  # fmt: skip


def _marks(figure: go.Figure, runs: pd.DataFrame, zone: str | None) -> None:
    """A tick on the axis for each run of a node."""
    if runs.empty:
        return
    texts = [
        f"{charts.literal(str(row.node))} of run {row.run}: "
        f"{formats.size(row.rss_after_bytes - row.rss_before_bytes, signed=True)}"
        + (" (others ran beside it)" if row.overlapped else "")
        for row in runs.itertuples()
    ]
    figure.add_trace(
        go.Scatter(
            x=charts.local_times(runs["at_us"].to_numpy(np.int64), zone),
            y=np.zeros(len(runs)), name="runs of nodes", mode="markers",
            marker={"symbol": "line-ns-open", "size": 9}, customdata=texts,
            hovertemplate="%{customdata}", meta={"color": 9},
        )
    )  # fmt: skip


def _caption(found: Process) -> str:
    level = found.series.levels
    blocks = level["blocks"].dropna() if "blocks" in level else pd.Series(dtype=float)
    told = (
        "Known to the byte: mapped files. Savers, stores and caches: their bytes with the Python "
    )
    told += "objects around them. "
    if len(blocks):
        told += f"Small Python objects: {formats.count(blocks.iloc[-1])} of about 85 B, ± 25 %. "
    return told + "Unknown: free memory of other allocators, stacks, and the rest."


def others(found: Process) -> None:
    """CPU, counts, and pauses, beside each other."""
    grid, levels = found.series.grid, found.series.levels
    at_us = grid.starts_us
    cpu = _column(levels, "cpu_percent")
    if np.isnan(cpu).all() and "cpu_us" in found.series.grown:
        cpu = found.series.grown["cpu_us"].to_numpy(np.float64) / grid.slot_us * 100
    runs = _column(found.series.grown, "runs") / (grid.slot_us / 1e6)
    counts = (("threads", "threads", 0), ("fds", "open files", 1), ("children", "children", 2),
              ("open_runs", "runs under way", 3), ("left_streams", "streams left", 5))  # fmt: skip
    pauses = (("loop_lag_us", "event loop, worst", 0), ("gc_worst_us", "gc pause, longest", 1))
    one, two, three = st.columns(3)
    with one:
        _chart("cpu", "CPU and runs", "% of a core; runs begun a second", [
            Line("CPU %", 0, at_us, cpu), Line("runs / s", 1, at_us, runs, "dot"),
        ], ((1, ""),), formats.rate)  # fmt: skip
    with two:
        _chart("counts", "Threads, files, children", "count", [
            Line(name, place, at_us, _column(levels, column))
            for column, name, place in counts if _told(levels, column)
        ], COUNTS, formats.count)  # fmt: skip
    with three:
        _chart("pauses", "Pauses", "", [
            Line(name, place, at_us, _column(found.series.peaks, column))
            for column, name, place in pauses if _told(found.series.peaks, column)
        ], charts.TIMES, formats.duration)  # fmt: skip


def _chart(  # noqa: PLR0917 (what a chart has)
    key: str, text: str, detail: str, drawn: list[Line], units: Units, form: Callable[..., str]
) -> None:
    figure, unit = charts_lines.lines(drawn, filters.zone(), units, form)
    figure.update_layout(legend_y=-0.22)
    figure.update_traces(connectgaps=True)
    with frame.card(f"process-{key}", height="stretch"):
        frame.title(text, detail or unit)
        if not drawn:
            st.caption("Nothing of it was told in this window.")
            return
        live_plot(figure, key=f"plot-process-{key}", label=f"{text} over time", height=230)


def _told(table: pd.DataFrame, name: str) -> bool:
    return bool(name in table and table[name].notna().any())


def _column(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        return np.full(len(table), np.nan)
    return np.asarray(table[name].to_numpy(np.float64))
