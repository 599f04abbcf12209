"""Lines by backend, node or resource over time; as ``charts``, nothing here knows a colour."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui.charts import BREAK_SLOTS
from pages.ui.formats import rate, share
from storage.curves import Units

SHARES: Units = ((0.01, "%"),)
COUNTS: Units = ((1e6, "millions"), (1e3, "thousands"), (1, ""))


@dataclass(frozen=True)
class Line:
    """One line."""

    name: str
    """As the legend has it; text of the user's data may be in it."""
    color: int
    """Place among the chart colours of the theme."""
    at_us: np.ndarray
    values: np.ndarray
    """Missing values are a gap."""
    dash: str = "solid"


def lines(
    drawn: Iterable[Line],
    zone: str | None,
    units: Units,
    form: Callable[[float], str],
    *,
    slot_us: int = 0,
    stacked: bool = False,
) -> tuple[go.Figure, str]:
    """Lines over time.

    Args:
        drawn: the lines, in the order of the legend.
        zone: the visitor's time zone.
        units: of the axis.
        form: what is said of a value under the pointer.
        slot_us: length of a slot; a pause of several slots breaks a line. 0: never.
        stacked: as areas on top of each other.

    Returns:
        The figure and the unit of its axis.
    """
    drawn = list(drawn)
    highest = max((_highest(line.values) for line in drawn), default=0.0)
    if stacked and drawn:
        highest = _highest(np.nansum([line.values for line in drawn], axis=0))
    scale, unit = charts.scale_of(highest, units)
    figure = charts.blank(x_is_time=True)
    if drawn:
        charts.widen(figure, np.concatenate([line.at_us for line in drawn]), zone)
    for line in drawn:
        at_us, values = line.at_us, line.values.astype(np.float64)
        if slot_us and len(at_us) > 1:
            # A line over a pause would tell of calls that were none: it breaks there.
            breaks = np.flatnonzero(np.diff(at_us) > BREAK_SLOTS * slot_us) + 1
            at_us = np.insert(at_us, breaks, at_us[breaks - 1] + slot_us)
            values = np.insert(values, breaks, np.nan)
        figure.add_trace(
            go.Scatter(
                x=charts.local_times(at_us, zone),
                y=values / scale,
                name=charts.literal(line.name),
                # A value between two gaps is a point.
                mode="lines" if stacked else "lines+markers",
                line={"width": 1.6, "dash": line.dash},
                marker={"size": 3 if len(values) < 100 else 1.5},
                stackgroup="all" if stacked else None,
                customdata=charts.texts(values, form),
                hovertemplate="%{customdata}",
                meta={"color": line.color},
            )
        )
    if units is SHARES:
        figure.update_yaxes(range=[0, 103])
    return figure, unit


def spark(line: Line, zone: str | None, form: Callable[[float], str] = rate) -> go.Figure:
    """A small area without axes.

    Args:
        line: what is drawn.
        zone: the visitor's time zone.
        form: what is said of a value under the pointer.
    """
    return go.Figure(
        go.Scatter(
            x=charts.local_times(line.at_us, zone),
            y=line.values,
            name=charts.literal(line.name),
            mode="lines",
            fill="tozeroy",
            line={"width": 1.3},
            customdata=charts.texts(line.values, form),
            hovertemplate="%{customdata}",
            meta={"color": line.color},
        ),
        layout={
            "margin": {"l": 0, "r": 0, "t": 2, "b": 0},
            "hovermode": "x unified",
            "showlegend": False,
            "xaxis": {"visible": False, "type": "date"},
            "yaxis": {"visible": False, "rangemode": "tozero"},
        },
    )


def percent(value: float) -> str:
    """A share as text."""
    return share(value)


def _highest(values: np.ndarray) -> float:
    known = values[np.isfinite(values)] if values.size else values
    return float(known.max()) if known.size else 0.0
