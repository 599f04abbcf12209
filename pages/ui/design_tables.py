"""The table of designs: today, then, saved, in bytes and time, with what a load reads."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from pages.ui import export, formats, frame
from storage.design_trials import Trial
from storage.designs import Predicted, Prediction


def table(found: Predicted, trials: dict[str, Trial]) -> pd.DataFrame:
    """A row for today and for each design that can be had: design, name, stored_bytes,
    elsewhere_bytes, saved_bytes, saved_share (of today's stored bytes), written_bytes, put_us (of
    one of today's checkpoints, predicted; missing: nobody saw the calls), read_bytes, ancestors,
    most_read_bytes, most_ancestors; measured_put_us, measured_load_us, measured_worst_load_us,
    replayed_bytes (missing: not measured)."""
    assert found.today is not None
    rows = [_row(one, found.today, trials.get(one.design.id)) for one in _possible(found)]
    return pd.DataFrame(rows)


def _possible(found: Predicted) -> Iterable[Prediction]:
    assert found.today is not None
    return [found.today, *(one for one in found.others if not one.why_not)]


def _row(one: Prediction, today: Prediction, trial: Trial | None) -> dict[str, object]:
    whole = today.stored_bytes or 0
    return {
        "design": one.design.id, "name": one.design.name, "stored_bytes": one.stored_bytes,
        "elsewhere_bytes": one.elsewhere_bytes, "saved_bytes": one.saved_bytes,
        "saved_share": (one.saved_bytes or 0) / whole if whole else None,
        "written_bytes": one.written_bytes, "put_us": one.step_us, "read_bytes": one.read_bytes,
        "ancestors": one.ancestors, "most_read_bytes": one.most_read_bytes,
        "most_ancestors": one.most_ancestors,
        "measured_put_us": trial.put_us if trial else None,
        "measured_load_us": trial.load_us if trial else None,
        "measured_worst_load_us": trial.worst_load_us if trial else None,
        "replayed_bytes": trial.stored_bytes if trial else None,
    }  # fmt: skip


def draw(found: Predicted, trials: dict[str, Trial]) -> None:
    """Draws the table, and below it why other designs cannot be had here."""
    rows = table(found, trials)
    export.title(
        "Today and then", "predicted; measured where a replay was made", "designs", lambda: rows
    )
    shown = pd.DataFrame({
        "design": rows["name"],
        "stored": rows["stored_bytes"],
        "saved": rows["saved_bytes"].where(rows["design"] != "today"),
        "share": (rows["saved_share"] * 100).where(rows["design"] != "today"),
        "written": rows["written_bytes"],
        "put": rows["put_us"].astype(float) / 1000,
        "read": rows["read_bytes"],
        "ancestors": rows["ancestors"],
        "most": rows["most_ancestors"],
        "elsewhere": rows["elsewhere_bytes"],
        "measured": rows["measured_put_us"].astype(float) / 1000,
        "load": rows["measured_load_us"].astype(float) / 1000,
        "worst": rows["measured_worst_load_us"].astype(float) / 1000,
    })  # fmt: skip
    hidden = [
        name for name in ("elsewhere", "measured", "load", "worst", "ancestors", "most", "put")
        if not shown[name].fillna(0).any()
    ]  # fmt: skip
    config = st.column_config
    st.dataframe(
        shown.drop(columns=hidden),
        key="designs-rows",
        hide_index=True,
        height=frame.table_height(len(shown), 560),
        placeholder=formats.UNKNOWN,
        alt="Designs of the thread",
        column_config={
            "design": config.TextColumn("Design", width=270),
            "stored": config.NumberColumn("Stored", format="bytes"),
            "saved": config.NumberColumn(
                "Saved", format="bytes", help="Of today's stored bytes; negative: it costs."
            ),
            "share": config.ProgressColumn(
                "Share", format="%.0f %%", min_value=0, max_value=100, width=110
            ),
            "written": config.NumberColumn("Written", format="bytes", help="Sent to the backend."),
            "put": config.NumberColumn(
                "Put", format="%.2f ms",
                help="In the saver for one of today's checkpoints; of designs worked out from the "
                "line through this thread's own calls: so much a call, so much a byte.",
            ),
            "read": config.NumberColumn(
                "Load reads", format="bytes",
                help="To load the newest checkpoint: values, pending writes, and the ancestors of "
                "a DeltaChannel back to its snapshot.",
            ),
            "ancestors": config.NumberColumn(
                "Ancestors", format="%d", help="Walked to load the newest checkpoint."
            ),
            "most": config.NumberColumn(
                "Most", format="%d", help="Walked to load the checkpoint that is worst off."
            ),
            "elsewhere": config.NumberColumn(
                "In a store", format="bytes", help="Held there in place of the saver."
            ),
            "measured": config.NumberColumn(
                "Put, measured", format="%.2f ms", help="The same, in the replay; a median."
            ),
            "load": config.NumberColumn(
                "Load, measured", format="%.2f ms", help="get_state of the newest checkpoint."
            ),
            "worst": config.NumberColumn(
                "Worst load", format="%.2f ms", help="The slowest of twelve checkpoints."
            ),
        },
    )  # fmt: skip
    refused = [one for one in found.others if one.why_not]
    if refused:
        with st.expander(f"Not here: {formats.count(len(refused))} designs", key="designs-refused"):
            for why in dict.fromkeys(one.why_not for one in refused):
                names = ", ".join(one.design.id for one in refused if one.why_not == why)
                st.text(f"{names}: {why}")
