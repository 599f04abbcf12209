"""Charts of state designs; as ``charts``, nothing here knows a colour or Streamlit."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui.formats import size
from storage.designs import Prediction


def stored(drawn: list[Prediction]) -> tuple[go.Figure, str]:
    """Stored bytes over the checkpoints of today, a line for each design.

    Args:
        drawn: those with numbers, today first.

    Returns:
        The figure and the unit of its axis.
    """
    curves = [_curve(one) for one in drawn]
    highest = max((float(values.max()) for _, values in curves if len(values)), default=0.0)
    scale, unit = charts.scale_of(highest, charts.SIZES)
    figure = charts.blank()
    for place, (one, (x, values)) in enumerate(zip(drawn, curves, strict=True)):
        keep = charts.spread(values)
        figure.add_trace(
            go.Scatter(
                x=x[keep],
                y=values[keep] / scale,
                name=charts.literal(one.design.name),
                mode="lines",
                # A run's one checkpoint stands until the next.
                line={
                    "width": 2.2 if not place else 1.6,
                    "shape": "hv" if "exit" in one.design.kind else "linear",
                },
                customdata=charts.texts(values[keep], size),
                hovertemplate="%{customdata}",
                meta={"color": place},
            )
        )
    return figure, unit


def _curve(one: Prediction) -> tuple[np.ndarray, np.ndarray]:
    """Places counted from 1, and bytes; of several calls at one place, the last."""
    last = dict(one.curve)
    places = np.fromiter(last, np.int64, len(last)) + 1
    return places, np.fromiter(last.values(), np.float64, len(last))
