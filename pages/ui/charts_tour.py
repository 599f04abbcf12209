"""The chart of the tour; as ``charts``, nothing here knows a colour or Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui.formats import size


def stored(curves: Mapping[str, Sequence[int]]) -> tuple[go.Figure, str]:
    """Stored bytes over the turns of a conversation, a line for each half.

    Args:
        curves: name → bytes after each turn.

    Returns:
        The figure and the unit of its axis.
    """
    highest = max((max(values, default=0) for values in curves.values()), default=0)
    scale, unit = charts.scale_of(float(highest), charts.SIZES)
    figure = charts.blank()
    for place, (name, curve) in enumerate(curves.items()):
        values = np.array(curve, dtype=np.float64)
        keep = charts.spread(values)
        figure.add_trace(
            go.Scatter(
                x=np.arange(1, len(values) + 1)[keep], y=values[keep] / scale,
                name=charts.literal(name), mode="lines", line={"width": 2.2},
                customdata=charts.texts(values[keep], size), hovertemplate="%{customdata}",
                meta={"color": place},
            )
        )  # fmt: skip
    return figure, unit
