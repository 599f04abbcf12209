"""Charts of a comparison; as ``charts``, nothing here knows Streamlit or a colour."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import plotly.graph_objects as go

from pages.ui import charts, colours
from pages.ui.formats import rate, size
from storage import ranking
from storage.comparisons import OPERATIONS, Cell, Comparison
from storage.noise import middle, spread

MS = 1000.0


def places(comparison: Comparison) -> dict[str, int]:
    """Backend → place among the chart colours: its own, or, where another has that, a free one."""
    found: dict[str, int] = {}
    for one in comparison.backends:
        place = colours.place(one.backend)
        free = (number for number in range(10) if number not in found.values())
        found[one.key] = place if place not in found.values() else next(free, place)
    return found


def latencies(comparison: Comparison, cells: dict[str, Cell]) -> go.Figure:
    """Boxes by operation and backend, ms on a logarithmic axis: quartiles, whiskers at p5 and
    p95."""
    figure = charts.blank()
    color = places(comparison)
    for key, cell in cells.items():
        there = [name for name in OPERATIONS if cell.spread.get(name) and cell.spread[name].values]
        if not there:
            continue
        p5, p25, p50, p75, p95 = (
            np.array([cell.spread[name].values[at] / MS for name in there]) for at in range(5)
        )
        figure.add_trace(
            go.Box(
                x=np.array(there), lowerfence=p5, q1=p25, median=p50, q3=p75, upperfence=p95,
                name=_name(comparison, key), offsetgroup=key, line={"width": 1.4},
                whiskerwidth=0.5, meta={"color": color[key]},
            )
        )  # fmt: skip
    figure.update_layout(boxmode="group", hovermode="closest", boxgap=0.25, boxgroupgap=0.2)
    figure.update_xaxes(type="category", categoryarray=list(OPERATIONS))
    figure.update_yaxes(type="log", rangemode="normal", hoverformat=".3~f", nticks=8, dtick=1)
    return figure


def throughput(comparison: Comparison, durability: str, mode: str) -> go.Figure:
    """Turns a second against clients at once: medians, with half the distance of the quartiles of
    the rounds."""
    figure = charts.blank()
    color = places(comparison)
    for one in comparison.backends:
        x, y, error = [], [], []
        for setting in _settings(comparison, durability, mode):
            cell = ranking.cells(comparison, setting).get(one.key)
            values = ranking.values(cell, "throughput") if cell else []
            if values:
                x.append(str(setting.concurrency))
                y.append(middle(values))
                error.append(spread(values) or 0.0)
        if x:
            figure.add_trace(
                go.Scatter(
                    x=np.array(x), y=np.array(y), name=_name(comparison, one.key),
                    mode="lines+markers", line={"width": 1.6}, marker={"size": 6},
                    error_y={"type": "data", "array": np.array(error), "thickness": 1, "width": 3},
                    customdata=charts.texts(np.array(y), rate), hovertemplate="%{customdata}",
                    meta={"color": color[one.key]},
                )
            )  # fmt: skip
    figure.update_xaxes(type="category", title={"text": "clients at once", "standoff": 4})
    figure.update_layout(legend={"y": -0.24})
    return figure


def footprints(comparison: Comparison, durability: str) -> tuple[go.Figure, str]:
    """Bytes held against turns of each thread; on disk as lines, in memory as dashes.

    Returns:
        The figure and the unit of its axis.
    """
    drawn = []
    for one in comparison.footprints:
        if one.durability != durability:
            continue
        for part, dash in (("disk_bytes", "solid"), ("memory_bytes", "dash")):
            known = [p for p in one.points if getattr(p, part) is not None]
            if known:
                drawn.append((one, part, dash, known))
    highest = max((getattr(p, part) for _, part, _, known in drawn for p in known), default=0)
    scale, unit = charts.scale_of(float(highest), charts.SIZES)
    figure = charts.blank()
    color = places(comparison)
    for one, part, dash, known in drawn:
        values = np.array([getattr(point, part) for point in known], dtype=np.float64)
        where = "on disk" if part == "disk_bytes" else "in memory"
        figure.add_trace(
            go.Scatter(
                x=np.array([point.turns for point in known]), y=values / scale,
                name=f"{_name(comparison, one.backend)} {where}", mode="lines+markers",
                line={"width": 1.6, "dash": dash}, marker={"size": 5},
                customdata=charts.texts(values, size), hovertemplate="%{customdata}",
                meta={"color": color[one.backend]},
            )
        )  # fmt: skip
    figure.update_xaxes(title={"text": "turns of each thread", "standoff": 4})
    figure.update_layout(legend={"y": -0.24})
    return figure, unit


def _settings(comparison: Comparison, durability: str, mode: str) -> Iterable[ranking.Setting]:
    found = [
        one for one in ranking.settings(comparison)
        if (one.durability, one.mode) == (durability, mode)
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.concurrency)


def _name(comparison: Comparison, key: str) -> str:
    return charts.literal(ranking.name(comparison.outcome(key)))
