"""What the store knows of one step beside its channels: pending writes, elements, its put."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import data_history, export, filters, formats, frame
from pages.ui.history_context import Context

_TABLE_PX = 420


def writes(context: Context) -> None:
    """The pending writes kept under the step: what its tasks wrote, before it became a step."""
    row = context.chosen
    found = data_history.writes_of(context.thread, row.ns, row.checkpoint)
    with frame.card("writes"):
        export.title(
            "Pending writes",
            f"{formats.count(len(found))}, {formats.size(float(found['bytes'].sum()))}",
            "writes", lambda: found,
        )  # fmt: skip
        st.caption(
            "What the tasks after this step wrote on top of it: the next step is made of them."
        )
        if found.empty:
            st.text("None is known under this checkpoint.")
            return
        config = st.column_config
        shown = pd.DataFrame(
            {
                "node": found["node"],
                "channel": found["channel"],
                "bytes": found["bytes"],
                "kind": found["kind"],
                "index": found["index"],
                "task": found["task"],
                "at": pd.to_datetime(found["at_us"], unit="us", utc=True).dt.tz_convert(
                    filters.zone() or "UTC"
                ),
            }
        )
        st.dataframe(
            shown, key="writes-table", hide_index=True, placeholder=formats.UNKNOWN,
            height=frame.table_height(len(shown), _TABLE_PX), alt="Pending writes of the step",
            column_config={
                "node": config.TextColumn("Node", pinned=True),
                "channel": config.TextColumn("Channel"),
                "bytes": config.NumberColumn("Bytes", format="bytes"),
                "kind": config.TextColumn("Kind", help="interrupt, resume, error or scheduled"),
                "index": config.NumberColumn("Index", format="%d"),
                "task": config.TextColumn("Task", width="medium"),
                "at": config.DatetimeColumn("At", format="YYYY-MM-DD HH:mm:ss.SSS"),
            },
        )  # fmt: skip


def elements(context: Context) -> None:
    """The largest elements of lists such as messages, which is all that sizes tell of them."""
    found = data_history.largest_elements(context.thread, context.chosen.Index)
    with frame.card("history-elements"):
        export.title(
            "Largest elements", "of each list channel, as it was last written", "elements",
            lambda: found,
        )  # fmt: skip
        if found.empty:
            st.text("No list channel of this step was seen being written.")
            return
        st.caption(
            "The store has the number of elements and the three largest of each list. The others "
            "and what they say are read on demand, where values are allowed."
        )
        config = st.column_config
        st.dataframe(
            found.drop(columns="checkpoint"), key="history-elements-table", hide_index=True,
            height=frame.table_height(len(found), _TABLE_PX), placeholder=formats.UNKNOWN,
            alt="Largest elements of lists",
            column_config={
                "channel": config.TextColumn("Channel"),
                "index": config.NumberColumn("Index", format="localized"),
                "type": config.TextColumn("Type"),
                "bytes": config.NumberColumn("Bytes", format="bytes"),
                "elements": config.NumberColumn("Elements", format="localized"),
            },
        )  # fmt: skip


def facts(context: Context) -> None:
    """What the put of the step told: ids, sizes to the byte, and times."""
    row = context.chosen
    rows = [
        ("checkpoint", row.checkpoint),
        ("parent", row.parent or "none"),
        ("namespace", row.ns or "root"),
        ("called from", row.root or formats.UNKNOWN) if row.ns else None,
        ("step", formats.UNKNOWN if pd.isna(row.step) else str(row.step)),
        ("source", row.source),
        ("graph", row.graph or formats.UNKNOWN),
        ("made by", ", ".join(row.nodes) or formats.UNKNOWN),
        ("next", ", ".join(row.next) or "none"),
        ("written at", f"{formats.clock(row.at_us, filters.zone())} {filters.zone() or 'UTC'}"),
        ("put took", formats.duration(row.duration_us)),
        ("of it serializing", formats.duration(row.serde_us)),
        ("checkpoint bytes", _exact(row.checkpoint_bytes)),
        ("written by this put", _exact(row.written_bytes)),
        ("bookkeeping in it", _exact(row.bookkeeping_bytes)),
        ("metadata beside it", _exact(row.metadata_bytes)),
        ("pending writes", f"{formats.count(row.writes)}, {_exact(row.pending_bytes)}"),
        ("held by the backend", "yes" if row.held else "no: deleted, pruned or replaced"),
    ]
    facts = pd.DataFrame([one for one in rows if one], columns=["what", "value"])
    with frame.card("facts"):
        export.title("What was measured", "of this step", "step", lambda: facts)
        st.dataframe(
            facts,
            key="facts-table", hide_index=True, alt="What was measured of the step",
            height=frame.table_height(len(facts), 700),
            column_config={
                "what": st.column_config.TextColumn("What", width="small"),
                "value": st.column_config.TextColumn("Value", width="large"),
            },
        )  # fmt: skip


def _exact(size: float | None) -> str:
    return f"{int(size):,} B" if formats.known(size) and size is not None else formats.UNKNOWN
