"""The Pools card: connections, those lent, and callers that wait."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from pages.ui import charts_lines, colours, export, filters, formats, frame
from pages.ui.charts_lines import COUNTS, Line
from pages.ui.live_plot import live_plot
from storage.queries_gauges import Gauges

UNTOLD_LOSSES = ("redis", "valkey")
"""Backends whose pools count no lost connections."""

DRAWN = 6
"""Most pools that the chart tells apart."""


def draw(found: Gauges) -> None:
    """Draws the card."""
    # By name, so that a row keeps its place.
    table = found.resources.sort_values("label", ignore_index=True)
    with frame.card("pools", height="stretch"):
        export.title(
            "Connection pools", "in use (solid) and waiting (dotted), count", "pools",
            lambda: table.drop(columns="resource_id"), there=not table.empty,
        )  # fmt: skip
        if table.empty:
            st.caption(
                "No pool was seen. Pools of savers and stores that are instrumented are found by "
                "themselves: psycopg_pool, SQLAlchemy, redis-py."
            )
            return
        figure, _ = charts_lines.lines(_lines(found, table), filters.zone(), COUNTS, formats.rate)
        figure.update_layout(legend_y=-0.26)  # of a lower chart: clear of the date
        live_plot(figure, key="plot-pools", label="Connections of pools over time", height=230)
        _table(table)


def _lines(found: Gauges, table: pd.DataFrame) -> list[Line]:
    drawn = []
    over = found.over_time
    for row in table.head(DRAWN).itertuples(index=False):
        mine = over[over["resource_id"] == row.resource_id]
        for name, said, dash in (("in_use", "", "solid"), ("waiting", " waiting", "dot")):
            if name == "waiting" and not row.peak_waiting > 0:
                continue
            part = mine[mine["name"] == name]
            drawn.append(
                Line(f"{row.label}{said}", colours.place(row.backend), part["at_us"].to_numpy(),
                     part["value"].to_numpy(dtype=float), dash)
            )  # fmt: skip
    return drawn


def _table(table: pd.DataFrame) -> None:
    facts = [json.loads(text or "{}") for text in table["facts"]]
    config = st.column_config
    st.dataframe(
        pd.DataFrame({
            "pool": table["label"],
            "backend": [formats.backend_name(name) for name in table["backend"]],
            "class": table["class_name"],
            "size": table["size"].astype(float),
            "maximum": pd.Series([fact.get("maximum") for fact in facts], dtype=float),
            "in_use": table["in_use"].astype(float),
            "waiting": table["waiting"].astype(float),
            "peak": table["peak_waiting"].astype(float),
            "requests": table["requests_per_second"],
            "wait": table["mean_wait_us"] / 1000,
            "timeouts": table["timeouts"],
            "lost": table["lost"].astype(float).mask(table["backend"].isin(UNTOLD_LOSSES)),
        }),
        key="pools-table", hide_index=True, height="content", placeholder=formats.UNKNOWN,
        alt="Pools of connections",
        column_config={
            "pool": config.TextColumn("Pool", pinned=True),
            "backend": config.TextColumn("Backend"),
            "class": config.TextColumn("Class"),
            "size": config.NumberColumn(
                "Size", format="localized", help="Connections now. –: no process shows it now."
            ),
            "maximum": config.NumberColumn(
                "Maximum", format="localized", help="As set up. –: the pool does not tell one."
            ),
            "in_use": config.NumberColumn("In use", format="localized"),
            "waiting": config.NumberColumn("Waiting", format="localized", help="Callers, now."),
            "peak": config.NumberColumn(
                "Most waiting", format="localized", help="Highest in the window."
            ),
            "requests": config.NumberColumn("Requests / s", format="%.1f"),
            "wait": config.NumberColumn(
                "Mean wait ms", format="%.2f",
                help="For a connection, of a request. –: no request in the window.",
            ),
            "timeouts": config.NumberColumn("Timeouts", format="localized"),
            "lost": config.NumberColumn(
                "Lost", format="localized",
                help="Connections that broke. –: redis-py and valkey-py reconnect and tell nobody.",
            ),
        },
    )  # fmt: skip
