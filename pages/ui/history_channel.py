"""One channel through time, over the path that leads through the chosen step."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import address, charts_history, data_history, export, filters, formats, frame
from pages.ui.history_context import Context
from pages.ui.live_plot import live_plot

_TABLE_PX = 360


def draw(context: Context) -> None:
    """Draws the chart and the table of the channel that the visitor chooses."""
    here = data_history.channels_at(context.thread, context.chosen.Index)
    names = [str(name) for name in here["channel"]]
    asked = str(st.session_state.get("channel") or "")
    if asked and asked not in names:
        names.append(asked)
    with frame.card("channel"):
        if not names:
            st.text("No channel of this step is known by its size.")
            return
        with st.container(
            horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
        ):
            # As text, because a choice that a later step no longer has must not be refused.
            channel = st.selectbox(
                "Channel", names, key="channel", bind="query-params", width=280,
                help="Those of the chosen step, most bytes first.",
            )  # fmt: skip
            curve = data_history.channel_curve(context.thread, context.path, str(channel))
            export.button("channel", lambda: curve)
        _said(curve)
        position = context.path.index(context.chosen.Index)
        figure, unit = charts_history.channel(curve, position)
        frame.title("Bytes over the steps of this path", unit)
        live_plot(
            figure, key="plot-channel", label="Bytes of the channel over steps",
            on_click=address.choose_step,
        )  # fmt: skip
        _table(curve)


def _said(curve: pd.DataFrame) -> None:
    known = curve["bytes"].dropna()
    writes = int((curve["written"] & curve["bytes"].notna()).sum())
    told = [f"written by {formats.count(writes)} of {formats.count(len(curve))} steps"]
    if len(known):
        told.append(f"largest {formats.size(float(known.max()))}")
        told.append(f"written in all {formats.size(float(curve['bytes'][curve['written']].sum()))}")
    if curve["delta"].any():
        told.append("a DeltaChannel: its value is only in snapshots, between them are its deltas")
    st.caption(" · ".join(told))


def _table(curve: pd.DataFrame) -> None:
    shown = pd.DataFrame(
        {
            "step": curve["step"],
            "source": curve["source"],
            "nodes": curve["nodes"],
            "bytes": curve["bytes"],
            "change": curve["change_bytes"],
            "elements": curve["elements"],
            "written": curve["written"],
            "at": pd.to_datetime(curve["at_us"], unit="us", utc=True).dt.tz_convert(
                filters.zone() or "UTC"
            ),
        }
    )
    config = st.column_config
    st.dataframe(
        shown, key="channel-table", hide_index=True, placeholder=formats.UNKNOWN,
        height=frame.table_height(len(shown), _TABLE_PX), alt="The channel at each step",
        column_config={
            "step": config.NumberColumn("Step", format="%d", pinned=True),
            "source": config.TextColumn("Source"),
            "nodes": config.ListColumn("Nodes that ran"),
            "bytes": config.NumberColumn("Bytes", format="bytes"),
            "change": config.NumberColumn("Change", format="bytes"),
            "elements": config.NumberColumn("Elements", format="localized"),
            "written": config.CheckboxColumn("Written"),
            "at": config.DatetimeColumn("At", format="YYYY-MM-DD HH:mm:ss.SSS"),
        },
    )  # fmt: skip
