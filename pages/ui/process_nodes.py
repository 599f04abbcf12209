"""The table of nodes with the memory of their process before, after and at its peak."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import export, filters, formats, frame
from storage.queries_processes import Process


def draw(found: Process) -> None:
    """Draws the card."""
    rows = found.nodes
    with frame.card("process-nodes"):
        export.title(
            "Nodes and memory", f"of the process, in {filters.window()}", "nodes",
            lambda: rows, there=not rows.empty,
        )  # fmt: skip
        if rows.empty:
            st.caption("No node whose memory is known ran in this window.")
            return
        st.dataframe(
            pd.DataFrame({
                "node": rows["node"],
                "graph": rows["graph"],
                "flag": [["grows"] if suspect else [] for suspect in rows["suspect"]],
                "grown": rows["grown_bytes"],
                "mean": rows["mean_bytes"] / 1000,
                "rising": rows["rising"] * 100,
                "peak": rows["peak_bytes"],
                "looked": rows["looked"],
                "before": rows["before_bytes"],
                "after": rows["after_bytes"],
                "runs": rows["runs"],
                "alone": rows["alone"],
            }),
            key="process-nodes-table", hide_index=True, alt="Nodes and memory",
            placeholder=formats.UNKNOWN, height=frame.table_height(len(rows), 420),
            column_config=_columns(),
        )  # fmt: skip
        beside = int((rows["runs"] - rows["alone"]).sum())
        if beside:
            st.caption(
                f"{formats.count(beside)} runs had others beside them: whose memory grew cannot be "
                "told apart there, so that they count in no sum."
            )


def _columns() -> dict[str, object]:
    config = st.column_config
    return {
        "node": config.TextColumn("Node", pinned=True),
        "graph": config.TextColumn("Graph"),
        "flag": config.MultiselectColumn("Flag", options=["grows"], color=["red"], width=80),
        "grown": config.NumberColumn(
            "Grown", format="bytes", help="Memory after less before, summed over runs alone."
        ),
        "mean": config.NumberColumn("KB a run", format="%.1f", help="On average, of runs alone."),
        "rising": config.ProgressColumn(
            "Runs that grew", format="%.0f %%", min_value=0, max_value=100
        ),
        "peak": config.NumberColumn(
            "Highest peak", format="bytes",
            help="Above its own beginning: the highest that was read, at its end and some times a "
            "second in between. A shorter spike is seen only if the process was never higher.",
        ),
        "looked": config.NumberColumn(
            "Looked into", format="localized",
            help="Runs in which something was read in between. Others may have had a higher peak.",
        ),
        "before": config.NumberColumn("Before", format="bytes", help="Newest run."),
        "after": config.NumberColumn("After", format="bytes", help="Newest run."),
        "runs": config.NumberColumn("Runs", format="localized"),
        "alone": config.NumberColumn("Alone", format="localized"),
    }  # fmt: skip
