"""Charts of costs; as ``charts``, nothing here knows a colour or Streamlit."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui.formats import backend_name, money
from storage.cost_terms import PARTS, MonthlyCost

COLOURS = {"storage": 0, "operations": 1, "memory": 3, "backups": 2, "instance": 4}
"""Part of a cost → its place among the chart colours of the theme."""


def by_backend(costs: Iterable[MonthlyCost]) -> go.Figure:
    """Stacked bars of USD a month, a bar for each backend, a colour for each part.

    A total that is a lower bound, or unknown, says so above its bar.
    """
    found = list(costs)
    names = [backend_name(one.backend) for one in found]
    figure = charts.blank()
    for part in PARTS:
        values = [next((one.usd for one in cost.parts if one.name == part), None) for cost in found]
        if not any(values):
            continue
        figure.add_trace(
            go.Bar(
                x=names, y=[value or 0.0 for value in values], name=part,
                customdata=[money(value) for value in values], hovertemplate="%{customdata}",
                meta={"color": COLOURS[part]},
            )
        )  # fmt: skip
    tops = [sum(part.usd or 0.0 for part in cost.parts) for cost in found]
    figure.add_trace(
        go.Scatter(
            x=names, y=tops, mode="text", textposition="top center", showlegend=False,
            hoverinfo="skip", cliponaxis=False, name="total",
            text=[_total(cost) for cost in found], meta={"color": 8},
        )
    )  # fmt: skip
    figure.update_layout(barmode="stack", bargap=0.35, margin={"t": 22})
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickprefix="$")
    if tops:
        figure.update_yaxes(range=[0, (max(tops) or 1.0) * 1.12])
    return figure


def forecast(frame: pd.DataFrame, zone: str | None) -> go.Figure:
    """USD a month over the coming months, with the 95 % range as a band.

    Args:
        frame: at_us, usd, low, high; a row for each month.
        zone: the visitor's time zone.
    """
    x = charts.local_times(frame["at_us"].to_numpy("int64"), zone)
    figure = charts.blank(x_is_time=True)
    for name, column, more in (
        ("from", "low", {"line": {"width": 0}, "showlegend": False}),
        ("to (95 % range)", "high", {"line": {"width": 0}, "fill": "tonexty"}),
        ("expected", "usd", {"line": {"width": 2}}),
    ):
        values = frame[column].to_numpy("float64")
        figure.add_trace(
            go.Scatter(
                x=x, y=values, name=name, mode="lines", meta={"color": 0},
                customdata=charts.texts(values, money), hovertemplate="%{customdata}", **more,
            )
        )  # fmt: skip
    figure.update_yaxes(tickprefix="$")
    return figure


def _total(cost: MonthlyCost) -> str:
    if cost.least_usd is None:
        return "unknown"
    return money(cost.least_usd, least=cost.usd is None)
