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
            peak_bytes=[formats.size(value) for value in table["peak_bytes"]],
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
                    help="Known only where the process never had as much memory before: the system "
                    "keeps one highest mark.",
                ),
            },
        )  # fmt: skip
