"""Regions that the application marked with ``statemeter.track``."""

from __future__ import annotations

import streamlit as st

from pages.ui import data_regions, export, formats, frame
from storage.errors import StoreMissing

_SNIPPET = 'with statemeter.track("rank documents"):\n    …'


def draw(incarnation: str) -> None:
    """Draws the card of a process, live."""
    frame.live(lambda: _card(incarnation), "regions")


def _card(incarnation: str) -> None:
    try:
        table = data_regions.regions(incarnation)
    except StoreMissing:
        return
    with frame.card("regions"):
        export.title(
            "Regions", "your own code, marked: time, and memory of the process", "regions",
            lambda: table, there=not table.empty,
        )  # fmt: skip
        if table.empty:
            st.caption("Mark a part of your own code to see its time and memory here:")
            st.code(_SNIPPET, language="python")
            return
        shown = table.assign(
            node=[name or formats.UNKNOWN for name in table["node"]],
            mean_us=[formats.duration(value) for value in table["mean_us"]],
            longest_us=[formats.duration(value) for value in table["longest_us"]],
            change_bytes=[formats.size(v, signed=True) for v in table["change_bytes"]],
            most_bytes=[formats.size(v, signed=True) for v in table["most_bytes"]],
            peak_bytes=[
                formats.size(value) if looked == count else _at_least(value)
                for value, looked, count in zip(
                    table["peak_bytes"], table["looked"], table["count"], strict=True
                )
            ],
        )
        column = st.column_config
        st.dataframe(
            shown, hide_index=True, key="regions-table",
            height=frame.table_height(len(shown), 420),
            column_config={
                "name": column.TextColumn("Region"),
                "node": column.TextColumn("Node"),
                "count": column.NumberColumn("Times", format="localized"),
                "errors": column.NumberColumn("Errors", format="localized"),
                "mean_us": column.TextColumn("Mean", alignment="right"),
                "longest_us": column.TextColumn("Longest", alignment="right"),
                "change_bytes": column.TextColumn(
                    "Memory, change", alignment="right",
                    help="Resident memory after less before, all times together.",
                ),
                "most_bytes": column.TextColumn("Largest change", alignment="right"),
                "peak_bytes": column.TextColumn(
                    "Peak", alignment="right",
                    help="The highest that was read of one of them: at its beginning, at its end, "
                    "and some times a second in between.  \n**≥**: some were over before anything "
                    "was read in between, and may have had more.",
                ),
                "looked": column.NumberColumn(
                    "Looked into", format="localized",
                    help="So many of the times something was read in between.",
                ),
            },
        )  # fmt: skip


def _at_least(value: float | None) -> str:
    """Of a peak in which nothing was read."""
    return f"≥ {formats.size(value)}" if formats.known(value) else formats.UNKNOWN
