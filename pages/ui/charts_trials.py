"""Bytes against time of the serializers that were tried; as ``charts``, nothing knows a colour."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui.formats import duration, size
from storage.serializer_trials import Candidate

LOSSLESS, LOSSY, FRONT, TODAY, BEST = 0, 8, 3, 1, 2
"""Places among the chart colours of the theme."""


def pareto(
    measured: list[Candidate],
    front: list[Candidate],
    today: Candidate | None,
    best: Candidate | None,
) -> tuple[go.Figure, str, str]:
    """Points, and the line of those that no other beats in both.

    Args:
        measured: candidates with numbers.
        front: those of them that no other beats, smallest first.
        today: the one in use; None: none of them is.
        best: the one that is recommended, if it is another.

    Returns:
        The figure, the unit of bytes and that of time.
    """  # fmt: skip
    by, unit = charts.scale_of(max((one.bytes for one in measured), default=0.0), charts.SIZES)
    per, time = charts.scale_of(max((one.total_us for one in measured), default=0.0), charts.TIMES)
    figure = charts.blank()
    for name, place, chosen, marker in (
        ("nothing lost", LOSSLESS, [one for one in measured if one.lossless], {"size": 9}),
        ("something lost", LOSSY, [one for one in measured if not one.lossless],
         {"size": 8, "symbol": "x"}),
        ("today", TODAY, [today] if today is not None else [],
         {"size": 17, "symbol": "circle-open", "line": {"width": 2.5}}),
        ("recommended", BEST, [best] if best is not None and best is not today else [],
         {"size": 17, "symbol": "diamond-open", "line": {"width": 2.5}}),
    ):  # fmt: skip
        if not chosen:
            continue
        figure.add_trace(go.Scatter(
            x=np.array([one.bytes for one in chosen]) / by,
            y=np.array([one.total_us for one in chosen]) / per,
            name=name, mode="markers", marker=marker, customdata=[_words(one) for one in chosen],
            hovertemplate="%{customdata}<extra></extra>", meta={"color": place},
        ))  # fmt: skip
    figure.add_trace(go.Scatter(
        x=np.array([one.bytes for one in front]) / by,
        y=np.array([one.total_us for one in front]) / per,
        name="no other is smaller and faster", mode="lines", line={"width": 1.3, "dash": "dot"},
        hoverinfo="skip", meta={"color": FRONT},
    ))  # fmt: skip
    figure.update_layout(hovermode="closest", margin={"l": 56, "r": 8, "t": 8, "b": 44})
    figure.update_layout(legend={"y": -0.24})
    figure.update_xaxes(title={"text": f"{unit} a step", "font": {"size": 11}, "standoff": 6},
                        rangemode="tozero", showgrid=True, nticks=8)  # fmt: skip
    figure.update_yaxes(title={"text": f"{time} a step, dump and load", "font": {"size": 11},
                               "standoff": 4})  # fmt: skip
    if _is_wide([one.total_us for one in measured]):
        figure.update_yaxes(type="log", rangemode="normal", nticks=None, dtick=1)
    return figure, unit, time


def _is_wide(values: list[float]) -> bool:
    """Whether the smallest would lie on the axis: then it is logarithmic."""
    known = [value for value in values if value > 0]
    return bool(known) and max(known) > 30 * min(known)


def _words(one: Candidate) -> str:
    lost = "" if one.lossless else "<br>something is lost"
    return (
        f"{charts.literal(one.label)}<br>{size(one.bytes)}<br>dump {duration(one.dump_us)}, "
        f"load {duration(one.load_us)}{lost}"
    )
