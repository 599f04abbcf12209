"""What looks into a process found, as figures; nothing here knows Streamlit or a colour."""

from __future__ import annotations

from dataclasses import dataclass, field

import plotly.graph_objects as go

from pages.ui import charts
from pages.ui.charts import literal
from pages.ui.formats import count, size
from storage.looks import Chain, Flame, Frame

LEVEL_PIXELS = 22
MOST_LEVELS = 40
ROW_PIXELS = 34
_SUSPECT, _HOLDER, _BETWEEN = 7, 0, 8
_LABEL = 60
_PATH = 42
"""Characters of a path that a phone shows, the last ones."""


def flame(found: Flame) -> go.Figure:
    """A flame graph, the whole on top: a box for each call, as wide as the bytes that it and what
    it called allocated. A click goes into a box."""
    frames = found.frames
    figure = charts.blank()
    figure.add_trace(
        go.Icicle(
            ids=[str(at) for at in range(len(frames))],
            parents=["" if one.parent < 0 else str(one.parent) for one in frames],
            labels=[literal(one.function) for one in frames],
            values=[one.bytes for one in frames],
            customdata=[_told(one, found.bytes) for one in frames],
            branchvalues="total", tiling={"orientation": "v"}, pathbar={"visible": False},
            maxdepth=MOST_LEVELS, sort=False, textposition="middle left",
            hovertemplate="%{customdata}<extra></extra>", meta={"color": 0},
        )
    )  # fmt: skip
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 0, "b": 0}, uniformtext={"minsize": 9, "mode": "hide"},
        uirevision=f"{found.bytes} {len(frames)}",
    )  # fmt: skip
    return figure


def flame_height(found: Flame) -> int:
    """Pixels: a row for each level that is drawn."""
    levels: list[int] = []
    for one in found.frames:
        levels.append(1 if one.parent < 0 else levels[one.parent] + 1)
    return min(max(levels, default=1), MOST_LEVELS) * LEVEL_PIXELS


def _told(frame: Frame, whole: int) -> str:
    file = frame.file if len(frame.file) <= _PATH else f"…{frame.file[1 - _PATH :]}"
    place = f"<br>{literal(file)}:{frame.line}" if file else ""
    share = f" ({frame.bytes / whole * 100:.1f} %)" if whole else ""
    return (
        f"<b>{literal(frame.function)}</b>{place}<br>{size(frame.bytes)}{share} in "
        f"{count(frame.blocks)} blocks"
    )


@dataclass
class _Node:
    """A place of the tree of chains."""

    name: str
    note: str
    edge: str
    rooted: bool = True
    inner: list[_Node] = field(default_factory=list)


def chains(found: Chain) -> tuple[go.Figure, int]:
    """Chains of references as a tree, from the holder down to the objects; and its rows."""
    roots: list[_Node] = []
    for one in found.chains:
        level = roots
        for at, (name, note) in enumerate(one.nodes):
            edge = one.edges[at - 1] if at and at <= len(one.edges) else ""
            node = _Node(name, note, edge, rooted=one.rooted)
            last = level[-1] if level else None
            if last is None or (last.name, last.note, last.edge) != (name, note, edge):
                level.append(node)
            level = level[-1].inner
    figure = charts.blank()
    rows: list[tuple[int, _Node]] = []
    lines: tuple[list[float | None], list[float | None]] = ([], [])

    def place(nodes: list[_Node], depth: int, above: int) -> None:
        for node in nodes:
            row = len(rows)
            rows.append((depth, node))
            if above >= 0:
                lines[0].extend([depth - 1, depth - 1, depth, None])
                lines[1].extend([above, row, row, None])
            place(node.inner, depth + 1, row)

    place(roots, 0, -1)
    figure.add_trace(
        go.Scatter(x=lines[0], y=lines[1], mode="lines", line={"width": 1.4}, hoverinfo="skip",
                   meta={"color": _BETWEEN})
    )  # fmt: skip
    for color, wanted in (
        (_HOLDER, lambda depth, node: depth == 0),
        (_BETWEEN, lambda depth, node: depth > 0 and node.inner),
        (_SUSPECT, lambda depth, node: depth > 0 and not node.inner),
    ):
        part = [(row, *one) for row, one in enumerate(rows) if wanted(*one)]
        figure.add_trace(
            go.Scatter(
                x=[depth for _, depth, _ in part], y=[row for row, _, _ in part],
                mode="markers+text", marker={"size": 9}, meta={"color": color},
                text=[_label(node) for _, _, node in part], textposition="middle right",
                customdata=[_whole(node) for _, _, node in part], cliponaxis=False,
                hovertemplate="%{customdata}<extra></extra>",
            )
        )  # fmt: skip
    deepest = max((depth for depth, _ in rows), default=0)
    figure.update_layout(
        hovermode="closest", showlegend=False, margin={"l": 8, "r": 8, "t": 8, "b": 8},
        xaxis={"visible": False, "range": [-0.3, max(deepest * 2.2, 9)], "fixedrange": True},
        yaxis={"visible": False, "range": [len(rows) - 0.4, -0.6], "fixedrange": True},
    )  # fmt: skip
    return figure, len(rows)


def _label(node: _Node) -> str:
    told = _plain(node)
    told = told if len(told) <= _LABEL else told[: _LABEL - 1] + "…"
    return f" {literal(told)}"


def _whole(node: _Node) -> str:
    unknown = "" if node.rooted else "<br>No beginning was found."
    return f"{literal(_plain(node))}{unknown}"


def _plain(node: _Node) -> str:
    edge = f"{node.edge}  →  " if node.edge else ""
    note = f", {node.note}" if node.note else ""
    return f"{edge}{node.name}{note}"
