"""The tree of checkpoints as a figure; as ``charts``, nothing here knows Streamlit or a colour.

Every checkpoint has a place of its own along the axis, in the order in which they were made, so
that a subgraph stands between the steps of the graph that called it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.ui import charts
from pages.ui.charts import literal
from pages.ui.formats import UNKNOWN, size

SHOWN = 120
"""Most checkpoints of a tree; of a longer history it shows those around the chosen one."""

_STRIDE = 30
"""The part that is shown moves by so many at a time: it stands still under a visitor's steps."""

SOURCES = {"input": 5, "loop": 0, "update": 2, "fork": 3}
"""Source → place among the chart colours."""
_OTHER = 8
_INTERRUPT, _CHOSEN, _COMPARED = 7, 4, 1

_TICKS = 14
_NARROW = 16
"""Checkpoints to both sides of the chosen one that a narrow screen begins with."""


def window(rows: int, chosen: int, shown: int = SHOWN) -> tuple[int, int]:
    """The first row to show, and the one after the last."""
    if rows <= shown:
        return 0, rows
    begin = chosen // _STRIDE * _STRIDE - (shown - _STRIDE) // 2
    begin = min(max(begin, 0), rows - shown)
    return begin, begin + shown


def tree(table: pd.DataFrame, chosen: int, compared: int | None, shown: int = SHOWN) -> go.Figure:
    """The checkpoints around the chosen one.

    Args:
        table: as of ``storage.queries_history.History``.
        chosen: place of the row that is looked at.
        compared: place of the one it is compared with.
        shown: most checkpoints.
    """
    begin, end = window(len(table), chosen, shown)
    part = table.iloc[begin:end]
    figure = charts.blank()
    _edges(figure, table, begin, end)
    for source in [*SOURCES, None]:
        known = part["source"].isin(list(SOURCES))
        rows = part[~known if source is None else part["source"] == source]
        if len(rows):
            _points(figure, rows, source or "other", SOURCES.get(source or "", _OTHER))
    _marks(figure, part, chosen, compared)
    lanes = sorted(set(part["lane"]))
    steps = part[part["lane"] == 0] if (part["lane"] == 0).any() else part
    ticks = steps.iloc[np.unique(np.linspace(0, len(steps) - 1, _TICKS).astype(int))]
    figure.update_layout(
        hovermode="closest",
        # A zoom stays while the same part is shown. The axis has no range of its own, because one
        # that grows with the thread would end the zoom.
        uirevision=f"from {begin}",
        # On a telephone so many points would lie on each other.
        meta={"narrow": [chosen - _NARROW, chosen + _NARROW]},
        xaxis={
            "tickmode": "array", "tickvals": ticks.index.tolist(),
            "ticktext": [UNKNOWN if pd.isna(step) else str(step) for step in ticks["step"]],
        },
        yaxis={
            "tickmode": "array", "tickvals": lanes, "ticktext": [_lane(part, one) for one in lanes],
            "range": [min(lanes) - 0.7, max(lanes) + 0.7], "rangemode": "normal",
            "showgrid": False, "fixedrange": True,
        },
        margin={"l": 72, "r": 8, "t": 8, "b": 8},
    )  # fmt: skip
    return figure


def overview(table: pd.DataFrame, chosen: int, shown: int = SHOWN) -> go.Figure:
    """The root checkpoints of a long history by their bytes, with forks and interrupts marked, and
    which part of it the tree shows."""
    roots = np.flatnonzero((table["ns"] == "").to_numpy())
    part = table.iloc[roots] if len(roots) else table
    values = part["checkpoint_bytes"].to_numpy(np.float64)
    highest = float(np.nanmax(values))
    scale, unit = charts.scale_of(highest, charts.SIZES)
    marked = np.flatnonzero(part["fork"].to_numpy() | (part["interrupts"].to_numpy() > 0))
    begin, end = window(len(table), chosen, shown)
    figure = charts.blank()
    figure.add_trace(
        go.Scatter(
            x=[begin, begin, end - 1, end - 1], y=[0, highest / scale, highest / scale, 0],
            mode="lines", fill="toself", line={"width": 1}, meta={"color": _OTHER},
            hoverinfo="skip",
        )
    )  # fmt: skip
    for keep, mode, color in (
        (charts.spread(values), "lines", 0),
        (marked[charts.spread(values[marked])], "markers", _INTERRUPT),
    ):
        rows = part.iloc[keep]
        figure.add_trace(
            go.Scatter(
                x=rows.index.to_numpy(), y=values[keep] / scale, ids=rows["checkpoint"].tolist(),
                mode=mode, line={"width": 1.4}, marker={"size": 5}, meta={"color": color},
                customdata=_told(rows), hovertemplate="%{customdata}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_layout(
        hovermode="closest", showlegend=False,
        margin={"l": 72, "r": 8, "t": 2, "b": 8},
        xaxis={"range": [-1, len(table)], "showticklabels": False},
        yaxis={"title": {"text": unit}, "nticks": 3},
    )  # fmt: skip
    return figure


def _edges(figure: go.Figure, table: pd.DataFrame, begin: int, end: int) -> None:
    """Lines from each checkpoint to its parent, and dotted ones into subgraphs."""
    lane = table["lane"].to_numpy(np.int64)
    parents = table["parent_row"].to_numpy(np.int64)
    origins = table["from_row"].to_numpy(np.int64)
    for name, sources, dash in (("parent", parents, "solid"), ("call", origins, "dot")):
        x: list[float | None] = []
        y: list[float | None] = []
        # A strand that crosses the part without a row in it has a line there, too.
        for place in range(begin, len(table)):
            origin = int(sources[place])
            if origin < 0 or origin >= end or (name == "call" and parents[place] >= 0):
                continue
            # It leaves the other lane at once and keeps to its own, so that lines lie apart.
            # Cut off where the part ends: the axis reaches as far as its lines do.
            ends = np.clip([origin, min(origin + 0.6, place), place], begin - 0.8, end - 0.2)
            x += [*ends.tolist(), None]
            y += [int(lane[origin]), int(lane[place]), int(lane[place]), None]
        figure.add_trace(
            go.Scatter(
                x=x, y=y, name=name, mode="lines", line={"width": 1.4, "dash": dash},
                hoverinfo="skip", showlegend=False, meta={"color": _OTHER}, opacity=0.7,
            )
        )  # fmt: skip


def _points(figure: go.Figure, rows: pd.DataFrame, name: str, color: int) -> None:
    inside = (rows["ns"] != "").to_numpy()
    held = rows["held"].to_numpy(bool)
    symbols = np.where(inside, "square", "circle")
    figure.add_trace(
        go.Scatter(
            x=rows.index.to_numpy(), y=rows["lane"].to_numpy(), ids=rows["checkpoint"].tolist(),
            name=name, mode="markers", meta={"color": color},
            marker={
                "size": np.where(inside, 8, 10).tolist(),
                # What the backend no longer holds is hollow.
                "symbol": [
                    symbol if one else f"{symbol}-open"
                    for symbol, one in zip(symbols, held, strict=True)
                ],
            },
            customdata=_told(rows), hovertemplate="%{customdata}<extra></extra>",
        )
    )  # fmt: skip


def _marks(figure: go.Figure, part: pd.DataFrame, chosen: int, compared: int | None) -> None:
    """Rings around what stands out: over the points, and as good to click."""
    for name, rows, symbol, width, color in (
        ("fork", part[part["fork"]], "diamond-open", 15, SOURCES["fork"]),
        ("interrupt", part[part["interrupts"] > 0], "triangle-up-open", 17, _INTERRUPT),
        ("error", part[part["errors"] > 0], "x-thin-open", 15, _INTERRUPT),
        ("compared with", part[part.index == compared], "circle-open", 19, _COMPARED),
        ("this step", part[part.index == chosen], "circle-open", 22, _CHOSEN),
    ):
        if len(rows):
            figure.add_trace(
                go.Scatter(
                    x=rows.index.to_numpy(), y=rows["lane"].to_numpy(),
                    ids=rows["checkpoint"].tolist(), name=name, mode="markers",
                    marker={"size": width, "symbol": symbol, "line": {"width": 2}},
                    meta={"color": color}, hoverinfo="skip",
                )
            )  # fmt: skip


def _told(rows: pd.DataFrame) -> list[str]:
    """What the tree says of each checkpoint under the pointer."""
    told = []
    for row in rows.itertuples():
        step = UNKNOWN if pd.isna(row.step) else row.step
        lines = [
            f"<b>step {step}</b> {literal(row.source)}"
            + (f" in {literal(row.namespace)}" if row.namespace else ""),
            f"{size(row.checkpoint_bytes)} ({size(row.change_bytes, signed=True)})",
        ]
        for label, names in (("made by", row.nodes), ("next", row.next)):
            if names:
                lines.append(f"{label} {literal(', '.join(names[:6]))}")
        for label, number in (("interrupted", row.interrupts), ("resumed", row.resumes),
                              ("failed", row.errors)):  # fmt: skip
            if number:
                lines.append(label if number == 1 else f"{label}: {number} tasks")
        if not row.held:
            lines.append("no longer held by the backend")
        told.append("<br>".join(lines))
    return told


def _lane(part: pd.DataFrame, lane: int) -> str:
    if lane == 0:
        return "main"
    if lane > 0:
        return f"branch {lane}" if lane > 1 else "branch"
    names = sorted(set(part.loc[part["lane"] == lane, "namespace"]))
    name = names[0] if len(names) == 1 else "subgraphs"
    return literal(name if len(name) <= 10 else name[:9] + "…")
