"""What changed between two steps, by bytes: each channel, and the nodes that wrote it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import charts_history, data_history, export, formats, frame
from pages.ui.history_context import Context
from pages.ui.live_plot import live_plot
from storage.history_sizes import Difference

_KINDS = {
    "added": "green", "removed": "red", "changed": "blue", "rewritten": "gray", "same": "gray",
    "delta": "violet",
}  # fmt: skip
_HELP = (
    "**rewritten**: written on the way and as large as before, so its value may differ.  \n"
    "**delta**: a DeltaChannel; its change is what tasks wrote to it."
)
_TABLE_PX = 420


def draw(context: Context) -> None:
    """Draws the difference to the step it is compared with; of a first step, what it has."""
    if context.compared is None:
        _first(context)
        return
    found = data_history.difference(context.thread, context.compared.Index, context.chosen.Index)
    own = ~found.table["internal"] & (found.table["kind"] != "same")
    left, right = st.columns([3, 2])
    with left, frame.card("changes", height="stretch"):
        export.title("Changes by channel", _between(found), "changes", lambda: found.table)
        if found.unknown:
            st.caption(f"Channel sizes are not known here: {formats.plain(found.unknown)}.")
        every = st.toggle(
            "All channels", key="all-channels", bind="query-params",
            help="Also those that are the same, and LangGraph's own (branch:to:…, __start__).",
        )  # fmt: skip
        table = found.table if every else found.table[own]
        if table.empty:
            st.text("No channel of the graph changed.")
        else:
            _table(table)
        st.caption(_rest(found, own))
    with right, frame.card("changes-bars", height="stretch"):
        frame.title("Bytes gained and lost", "by channel")
        moved = table[table["change_bytes"].fillna(0) != 0]
        if moved.empty:
            st.text("Nothing was gained or lost.")
        else:
            figure, unit = charts_history.changes(moved)
            live_plot(
                figure, key="plot-changes", label=f"Change by channel, {unit}",
                height=110 + 26 * min(len(moved), charts_history.CHANGES_SHOWN),
            )  # fmt: skip


def _between(found: Difference) -> str:
    steps = len(found.way) - 1
    return (
        f"{formats.size(found.before_bytes)} → {formats.size(found.after_bytes)}, "
        f"{formats.count(steps)} step{'' if steps == 1 else 's'} apart"
    )


def _rest(found: Difference, own: pd.Series) -> str:
    """What the rows that are left out come to, so that all adds up."""
    rest = found.table[~own]
    channels = float(found.table["change_bytes"].fillna(0).sum())
    around = found.after_bytes - found.before_bytes - channels
    told = [
        f"{formats.count(int((rest['kind'] == 'same').sum()))} channels are the same",
        f"LangGraph's own channels {formats.size(_sum(rest), signed=True)}",
    ]
    if not (found.unknown or (found.table["kind"] == "delta").any()):
        told.append(f"names and bookkeeping {formats.size(around, signed=True)}")
    if not found.ancestor:
        told.append("their common ancestor is not known")
    elif len(found.way) > 2 and found.ancestor not in {found.way[0], found.way[-1]}:
        told.append("over a fork: nodes are those since the common ancestor")
    return " · ".join(told)


def _sum(table: pd.DataFrame) -> float:
    return float(table["change_bytes"].fillna(0).sum())


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "channel": table["channel"],
            "kind": [[kind] for kind in table["kind"]],
            "before": table["before_bytes"],
            "after": table["after_bytes"],
            "change": table["change_bytes"],
            "by": table["nodes"],
            "writes": table["writes"],
        }
    )


def _table(table: pd.DataFrame) -> None:
    config = st.column_config
    st.dataframe(
        _shown(table), key="changes-table", hide_index=True, placeholder=formats.UNKNOWN,
        height=frame.table_height(len(table), _TABLE_PX), alt="Changes by channel",
        column_config={
            "channel": config.TextColumn("Channel", pinned=True),
            "kind": config.MultiselectColumn(
                "Kind", options=list(_KINDS), color=list(_KINDS.values()), help=_HELP, width=110
            ),
            "before": config.NumberColumn("Before", format="bytes"),
            "after": config.NumberColumn("After", format="bytes"),
            "change": config.NumberColumn("Change", format="bytes"),
            "by": config.ListColumn(
                "Written by", help="Nodes that wrote it on the way; (update): update_state."
            ),
            "writes": config.NumberColumn(
                "Writes", format="localized", help="Steps on the way that wrote it."
            ),
        },
    )  # fmt: skip


def _first(context: Context) -> None:
    found = data_history.channels_at(context.thread, context.chosen.Index)
    with frame.card("changes"):
        export.title("Channels", "of a first step: there is nothing before it", "first-channels",
                     lambda: found, there=not found.empty)  # fmt: skip
        if found.empty:
            st.text("It has no channel, or their sizes are not known.")
            return
        config = st.column_config
        st.dataframe(
            found.assign(share=found["share"] * 100).drop(columns=["written", "internal"]),
            key="first-table", hide_index=True, placeholder=formats.UNKNOWN,
            height=frame.table_height(len(found), _TABLE_PX), alt="Channels of the first step",
            column_config={
                "channel": config.TextColumn("Channel"),
                "bytes": config.NumberColumn("Bytes", format="bytes"),
                "share": config.ProgressColumn(
                    "Of the checkpoint", format="%.0f %%", min_value=0, max_value=100
                ),
                "elements": config.NumberColumn("Elements", format="localized"),
            },
        )  # fmt: skip
