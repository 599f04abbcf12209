"""The chart of a preview; as ``charts``, nothing here knows a colour or Streamlit."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from pages.ui import charts, charts_lines
from pages.ui.charts_lines import COUNTS, SHARES, Line
from pages.ui.formats import count, duration, money, share, size
from storage.alert_preview import Preview
from storage.alerts import METRICS, amount

_LIMIT, _FIRED = 8, 2
"""Places among the chart colours of the theme."""
_USD = ((1.0, "USD"),)
_SECONDS = ((1.0, "s"),)
_SEVERITIES = ((1.0, "severity"),)
_FORMS = {
    "bytes": (charts.SIZES, size), "us": (charts.TIMES, duration), "share": (SHARES, share),
    "count": (COUNTS, count), "usd": (_USD, money),
    "seconds": (_SECONDS, lambda value: amount("seconds", value)),
    "severity": (_SEVERITIES, lambda value: amount("severity", value)),
}  # fmt: skip


def preview(found: Preview, zone: str | None) -> tuple[go.Figure, str]:
    """The worst subjects, the threshold as a dashed line, and a mark where it would have fired.

    Returns:
        The figure and the unit of its axis.
    """
    unit = METRICS[found.rule.metric].unit
    units, form = _FORMS[unit]
    first = int(np.searchsorted(found.times.at_us, found.known_from_us))  # before: nothing is known
    at_us = found.times.at_us[first:]
    colors = [place for place in range(10) if place not in {_LIMIT, _FIRED}]
    drawn = []
    for place, curve in enumerate(found.drawn):
        values = curve.values[first:]
        keep = charts.spread(values)
        drawn.append(
            Line(curve.subject.words, colors[place], at_us[keep], values[keep])
        )  # fmt: skip
    limit = float(found.rule.threshold)
    ends = np.array([at_us[0], at_us[-1]])
    drawn.append(Line("threshold", _LIMIT, ends, np.array([limit, limit]), dash="dash"))
    figure, name = charts_lines.lines(drawn, zone, units, form)  # type: ignore[arg-type]
    scale = next((length for length, label in units if label == name), 1.0)
    if found.fired:
        peaks = np.array([one.peak for one in found.fired])
        figure.add_trace(
            go.Scatter(
                x=charts.local_times(np.array([one.at_us for one in found.fired]), zone),
                y=np.where(np.isfinite(peaks), peaks, limit) / scale,
                name="would have fired", mode="markers",
                marker={"size": 10, "symbol": "triangle-down"},
                customdata=[charts.literal(one.subject.words) for one in found.fired],
                hovertemplate="fires: %{customdata}", meta={"color": _FIRED},
            )
        )  # fmt: skip
    figure.data[len(found.drawn)].update(mode="lines")
    figure.update_xaxes(nticks=5, tickangle=0)
    if unit == "share":
        figure.update_yaxes(range=[0, 103])
    return figure, name
