"""Sizes of one step or one channel of a history; as ``charts``, nothing here knows a colour."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui.charts import literal
from pages.ui.formats import size
from storage import curves

_GAINED, _LOST, _CHOSEN = 1, 7, 4
"""Places among the chart colours."""

CHANGES_SHOWN = 12
"""Channels with a bar of their own, those that changed most."""


def changes(table: pd.DataFrame) -> tuple[go.Figure, str]:
    """Bars of what channels gained and lost.

    Args:
        table: channel, change_bytes (none is 0), those that changed most first.

    Returns:
        The figure and the unit of its axis.
    """
    shown = table.iloc[:CHANGES_SHOWN]
    names = [literal(name if len(name) <= 22 else name[:21] + "…") for name in shown["channel"]]
    values = shown["change_bytes"].to_numpy(np.float64)
    if len(table) > len(shown):
        names.append(f"{len(table) - len(shown)} others")
        values = np.append(values, float(table["change_bytes"].iloc[CHANGES_SHOWN:].sum()))
    scale, unit = charts.scale_of(float(np.abs(values).max(initial=0)), charts.SIZES)
    figure = charts.blank()
    for name, wanted, color in (("gained", values > 0, _GAINED), ("lost", values < 0, _LOST)):
        if wanted.any():
            figure.add_trace(
                go.Bar(
                    x=values[wanted] / scale,
                    y=[names[place] for place in np.flatnonzero(wanted)],
                    name=name, orientation="h", meta={"color": color},
                    customdata=charts.texts(values[wanted], lambda one: size(one, signed=True)),
                    hovertemplate="%{customdata}<extra></extra>",
                )
            )  # fmt: skip
    figure.update_layout(
        hovermode="closest", bargap=0.35, margin={"l": 8, "r": 8, "t": 4, "b": 8},
        xaxis={"title": {"text": unit}, "showgrid": True, "zeroline": True},
        yaxis={
            "categoryorder": "array", "categoryarray": names[::-1], "automargin": True,
            "showgrid": False, "type": "category",
        },
        legend={"y": -0.28},
    )  # fmt: skip
    return figure, unit


def channel(curve: pd.DataFrame, chosen: int) -> tuple[go.Figure, str]:
    """One channel over the steps of a path.

    Args:
        curve: as of ``storage.history_sizes.channel_curve``.
        chosen: position of the step that is looked at.

    Returns:
        The figure and the unit of its axis.
    """
    x, _ = curves.step_axis(curve["step"])
    values = curve["bytes"].to_numpy(np.float64)
    highest = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    scale, unit = charts.scale_of(highest, charts.SIZES)
    keep = charts.spread(values)
    ids = curve["checkpoint"].to_numpy()
    figure = charts.blank()

    def told(places: np.ndarray) -> list[str]:
        part = curve.iloc[places]
        return [
            f"{size(row.bytes)} ({size(row.change_bytes, signed=True)})"
            + ("" if pd.isna(row.elements) else f", {int(row.elements):,} elements")
            for row in part.itertuples()
        ]

    written = keep[curve["written"].to_numpy(bool)[keep] & np.isfinite(values[keep])]
    for name, places, mode, color in (
        ("bytes", keep, "lines", 0),
        ("written by the step", written, "markers", 1),
        ("this step", np.array([chosen]), "markers", _CHOSEN),
    ):
        ring = name == "this step"
        figure.add_trace(
            go.Scatter(
                x=x[places], y=values[places] / scale, ids=ids[places].tolist(), name=name,
                mode=mode, meta={"color": color}, fill="tozeroy" if mode == "lines" else None,
                line={"width": 1.4, "shape": "hv"}, connectgaps=False,
                marker={
                    "size": 16 if ring else 5, "line": {"width": 2},
                    "symbol": "circle-open" if ring else "circle",
                },
                customdata=told(places),
                hovertemplate=None if ring else "%{customdata}", hoverinfo="skip" if ring else None,
            )
        )  # fmt: skip
    return figure, unit
