"""The parts of the Overview."""

from __future__ import annotations

import streamlit as st

from pages.ui import (
    address,
    cards,
    charts,
    data,
    data_shared,
    export,
    filters,
    finding_top,
    frame,
    health,
    share,
    states,
    tables,
)
from pages.ui.formats import size
from pages.ui.live_plot import live_plot
from storage.queries import Overview

LARGEST = 8


def draw() -> None:
    """Draws the page, again and again."""
    frame.live(lambda: states.or_else(_body))


def _body() -> None:
    shown = data.overview()
    cards.draw(shown, filters.window())
    finding_top.draw()
    left, right = st.columns([3, 2])
    with left:
        _stored(shown)
    with right:
        _latency(shown)
    left, right = st.columns([3, 2])
    with left:
        _largest()
    with right:
        health.draw(data.health())


def _stored(shown: Overview) -> None:
    figure, unit = charts.stored_by_backend(shown.levels, filters.zone())
    written = size(float(shown.rates["written_bytes"].sum()) + shown.found_bytes)
    with frame.card("stored", height="stretch"):
        frame.title("Stored by backend", f"{unit}, stacked · {written} written in the window")
        live_plot(figure, key="plot-stored", label="Stored bytes by backend over time")


def _latency(shown: Overview) -> None:
    figure, unit = charts.latency(shown.latency, shown.grid.slot_us, filters.zone())
    with frame.card("latency", height="stretch"):
        if shown.latency.empty:
            frame.title("Checkpoint write latency")
            st.caption(
                "Unknown: the writes of this window were found in a database, no probe saw them."
                if shown.found_writes
                else "No checkpoint was written in this window."
            )
            return
        frame.title("Checkpoint write latency", unit)
        live_plot(figure, key="plot-latency", label="Latency of checkpoint writes over time")


def _largest() -> None:
    page, curves = data.threads(data.ListChoice(), 0, LARGEST)
    with frame.card("largest", height="stretch"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            frame.title("Largest threads", "tick one to open it")
            with st.container(horizontal=True, width="content", gap="small"):
                export.button("threads", lambda: page.rows.drop(columns="id"))
                _report()
                st.button(
                    "All threads", icon=":material/arrow_forward:", icon_position="right",
                    key="all-threads", type="tertiary", on_click=address.ask_for_list,
                )  # fmt: skip
        tables.threads(page.rows, curves, key="largest", small=True)


def _report() -> None:
    """A report of the application that the page shows, or of one to choose."""
    names = data.choices()[1]
    if not names:
        return
    with st.popover(
        "Report", icon=":material/ios_share:", key="share-application", type="tertiary"
    ):
        shown = filters.scope().application
        name = shown or names[0]
        if shown is None and len(names) > 1:
            name = str(st.selectbox("Of the application", names, key="share-application-name"))
        share.files(f"application-{name}", "application", data_shared.application(name))
