"""The tables of one thread: steps, channels at a step, elements, nodes, runs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import address, export, filters, formats, frame

_STEPS_KEY = "steps-table"


def selected_step(table: pd.DataFrame) -> int:
    """The row of the step that the visitor chose, the newest if none."""
    state = st.session_state.get(_STEPS_KEY)
    rows = state["selection"]["rows"] if state else []
    return rows[0] if rows and rows[0] < len(table) else len(table) - 1


def steps(table: pd.DataFrame) -> None:
    """All steps, oldest first: new ones come at the end, so that a choice keeps its row.

    Args:
        table: as of ``storage.queries_steps.Steps``, of one namespace.
    """
    milliseconds = table["duration_us"] / 1000
    serializing = table["serde_us"] / 1000
    shown = pd.DataFrame(
        {
            "step": table["step"],
            "source": table["source"],
            "namespace": table["ns"],
            "nodes": table["nodes"],
            "checkpoint": table["checkpoint_bytes"],
            "change": table["change_bytes"],
            "changed": [
                value if isinstance(value, list) else ["all"] for value in table["changed"]
            ],
            "pending": table["pending_bytes"],
            "put": milliseconds,
            "serializing": serializing,
            "share": (serializing / milliseconds.where(milliseconds > 0)) * 100,
            "error": table["error"],
            "at": pd.to_datetime(table["at_us"], unit="us", utc=True).dt.tz_convert(
                filters.zone() or "UTC"
            ),
        }
    )
    hidden = [name for name in ("namespace", "error") if not (shown[name] != "").any()]
    with frame.card("steps"):
        export.title(
            "Steps", f"{formats.count(len(table))} checkpoints; choose one to see it", "steps",
            lambda: table.drop(columns="id"),
        )  # fmt: skip
        config = st.column_config
        st.dataframe(
            shown.drop(columns=hidden),
            key=_STEPS_KEY,
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            height=frame.table_height(len(table), 390),
            placeholder=formats.UNKNOWN,
            alt="Steps of the thread",
            column_config={
                "step": config.NumberColumn("Step", format="%d", pinned=True),
                "source": config.TextColumn("Source"),
                "namespace": config.TextColumn("Namespace"),
                "nodes": config.ListColumn("Nodes that ran"),
                "checkpoint": config.NumberColumn(
                    "Checkpoint", format="bytes", help="Document and all channel blobs."
                ),
                "change": config.NumberColumn(
                    "Change", format="bytes", help="To the checkpoint before."
                ),
                "changed": config.ListColumn("Channels written", width=260),
                "pending": config.NumberColumn(
                    "Pending writes",
                    format="bytes",
                    help="What tasks wrote on top of this checkpoint.",
                ),
                "put": config.NumberColumn("Put", format="%.2f ms"),
                "serializing": config.NumberColumn("Serializing", format="%.2f ms"),
                "share": config.ProgressColumn(
                    "Share", format="%.0f %%", min_value=0, max_value=100
                ),
                "error": config.TextColumn("Error"),
                "at": config.DatetimeColumn("At", format="YYYY-MM-DD HH:mm:ss.SSS"),
            },
        )


def channels(thread: Any, table: pd.DataFrame, sizes: pd.DataFrame, row: int) -> None:
    """The channels at one step, and the way to it on the History page.

    Args:
        thread: of ``data.find_thread``, by attributes.
        table: as of ``storage.queries_steps.Steps``, of one namespace.
        sizes: its ``channels``.
        row: of the step.
    """
    now = sizes.iloc[row]
    before = sizes.iloc[row - 1] if row > 0 else None
    written = table["changed"].iloc[row]
    total = float(now.sum())
    shown = pd.DataFrame(
        {
            "channel": [str(name) for name in sizes.columns],
            "bytes": now.to_numpy(),
            "change": (now - before).to_numpy() if before is not None else None,
            "share": now.to_numpy() / total * 100 if total else None,
            "written": [not isinstance(written, list) or name in written for name in sizes.columns],
        }
    ).sort_values(["bytes", "channel"], ascending=[False, True])
    step = table["step"].iloc[row]
    with frame.card("step-channels", height="stretch"):
        newest = ", the newest" if row == len(table) - 1 else ""
        export.title(
            "Channels",
            f"at step {formats.UNKNOWN if pd.isna(step) else int(step)}{newest}",
            "channels",
            lambda: shown.rename(columns={"change": "change_bytes", "share": "share_percent"}),
        )
        config = st.column_config
        st.dataframe(
            shown,
            key="channels-table",
            hide_index=True,
            height=frame.table_height(len(shown), 320),
            placeholder=formats.UNKNOWN,
            alt="Channels at the chosen step",
            column_config={
                "channel": config.TextColumn("Channel"),
                "bytes": config.NumberColumn("Bytes", format="bytes"),
                "change": config.NumberColumn("Change", format="bytes"),
                "share": config.ProgressColumn(
                    "Share", format="%.0f %%", min_value=0, max_value=100
                ),
                "written": config.CheckboxColumn("Written"),
            },
        )
        st.button(
            "Open this step", icon=":material/history:", key="open-step", type="tertiary",
            on_click=address.ask_for_history,
            args=(thread.thread_id, thread.saver, str(table["checkpoint"].iloc[row])),
        )  # fmt: skip


def elements(found: pd.DataFrame) -> None:
    """The largest elements, as of ``storage.queries_steps.Steps``."""
    with frame.card("elements", height="stretch"):
        export.title(
            "Largest elements", "of list channels, as last written", "elements", lambda: found,
            there=not found.empty,
        )  # fmt: skip
        if found.empty:
            st.caption("No channel of this namespace holds a list.")
            return
        config = st.column_config
        st.dataframe(
            found[["channel", "index", "type", "bytes", "share", "elements"]].assign(
                share=found["share"].astype(float) * 100
            ),
            key="elements-table",
            hide_index=True,
            height=frame.table_height(len(found), 320),
            placeholder=formats.UNKNOWN,
            alt="Largest elements",
            column_config={
                "channel": config.TextColumn("Channel"),
                "index": config.NumberColumn("Index", format="localized"),
                "type": config.TextColumn("Type"),
                "bytes": config.NumberColumn("Bytes", format="bytes"),
                "share": config.ProgressColumn(
                    "Of the channel", format="%.0f %%", min_value=0, max_value=100
                ),
                "elements": config.NumberColumn("Elements", format="localized"),
            },
        )


def nodes(found: pd.DataFrame) -> None:
    """How often and how long nodes ran, as of ``storage.queries_steps.node_summary``."""
    with frame.card("nodes", height="stretch"):
        export.title("Nodes", "how often and how long they ran", "nodes", lambda: found,
                     there=not found.empty)  # fmt: skip
        if found.empty:
            st.caption("No node run of this thread was seen: instrument the graph to see them.")
            return
        shown = found.drop(columns=["p50_us", "p95_us", "total_us"])
        for name in ("p50", "p95", "total"):
            shown[name] = found[f"{name}_us"].astype(float) / 1000
        if not (shown["namespace"] != "").any():
            shown = shown.drop(columns=["namespace"])
        config = st.column_config
        st.dataframe(
            shown,
            key="nodes-table",
            hide_index=True,
            height=frame.table_height(len(shown), 320),
            placeholder=formats.UNKNOWN,
            alt="Nodes of the thread",
            column_config={
                "node": config.TextColumn("Node"),
                "namespace": config.TextColumn("Namespace"),
                "runs": config.NumberColumn("Runs", format="localized"),
                "cached": config.NumberColumn("Cached", format="localized"),
                "errors": config.NumberColumn("Errors", format="localized"),
                "p50": config.NumberColumn("p50", format="%.2f ms"),
                "p95": config.NumberColumn("p95", format="%.2f ms"),
                "total": config.NumberColumn("Total", format="%.1f ms"),
            },
        )


def runs(found: pd.DataFrame) -> None:
    """The newest runs, as of ``storage.queries_steps.runs``."""
    if found.empty:
        return
    with frame.card("runs"):
        export.title("Runs", "the newest", "runs", lambda: found)
        config = st.column_config
        st.dataframe(
            pd.DataFrame(
                {
                    "at": pd.to_datetime(found["at_us"], unit="us", utc=True).dt.tz_convert(
                        filters.zone() or "UTC"
                    ),
                    "duration": found["duration_us"] / 1000,
                    "status": found["status"],
                    "error": found["error"],
                    "graph": found["graph"],
                    "run": found["run_id"],
                }
            ),
            key="runs-table",
            hide_index=True,
            height=frame.table_height(len(found), 250),
            placeholder=formats.UNKNOWN,
            alt="Runs of the thread",
            column_config={
                "at": config.DatetimeColumn("Started", format="YYYY-MM-DD HH:mm:ss"),
                "duration": config.NumberColumn("Duration", format="%.1f ms"),
                "status": config.TextColumn("Status"),
                "error": config.TextColumn("Error"),
                "graph": config.TextColumn("Graph"),
                "run": config.TextColumn("Run id"),
            },
        )
