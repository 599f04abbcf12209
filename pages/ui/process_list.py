"""The list of processes; choosing a row shows that process below."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import export, formats, frame, ticked

COLOURS = {
    "alive": "green", "silent": "orange", "ended": "gray", "killed": "orange",
    "out of memory": "red",
}  # fmt: skip
"""Colour of each state of ``storage.deaths.Ending``."""

_FLAGS = {"leak": "red", "freed": "orange", "state": "orange", "steady": "green"}
_TABLE = "processes-table"
_MOST_PIXELS = 260


def draw(rows: pd.DataFrame, chosen: str, key: str) -> None:
    """Draws the card.

    Args:
        rows: as of ``data_process.processes``.
        chosen: incarnation of the process that is shown.
        key: of the field that holds it.
    """
    alive = int((rows["state"] == "alive").sum())
    with frame.card("processes"):
        export.title(
            "Processes", f"{alive} alive of {len(rows)} · tick one to look at it", "processes",
            lambda: rows.drop(columns=["id", "curve"]),
        )  # fmt: skip
        st.dataframe(
            pd.DataFrame({
                "shown": ["●" if name == chosen else "" for name in rows["incarnation"]],
                "application": rows["application"],
                "state": [[state] for state in rows["state"]],
                "leak": [[word] if word in _FLAGS else [] for word in rows["verdict"]],
                "rss": rows["rss_bytes"].astype(float),
                "curve": rows["curve"],
                "cpu": rows["cpu_percent"],
                "threads": rows["threads"].astype(float),
                "host": rows["host"],
                "pid": rows["pid"],
                "seen": pd.to_datetime(rows["last_seen_us"], unit="us", utc=True),
                "python": rows["python"],
                "langgraph": rows["langgraph"],
            }),
            key=_TABLE, hide_index=True, placeholder=formats.UNKNOWN,
            alt="Processes", height=frame.table_height(len(rows), _MOST_PIXELS),
            selection_mode="single-row",
            on_select=lambda: ticked.show(_TABLE, rows["incarnation"].astype(str).tolist(), key),
            column_config=_columns(),
        )  # fmt: skip
    ticked.follow()  # the address and the looks are beyond this part


def _columns() -> dict[str, object]:
    config = st.column_config
    return {
        "shown": config.TextColumn("", width=24, pinned=True),
        "application": config.TextColumn("Application", pinned=True),
        "state": config.MultiselectColumn(
            "State", options=list(COLOURS), color=list(COLOURS.values()), width=120
        ),
        "leak": config.MultiselectColumn(
            "Memory", options=list(_FLAGS), color=list(_FLAGS.values()), width=90,
            help="**leak**: it grows at like load, and state does not explain it.  \n**freed**: "
            "the C library keeps what was freed.  \n**state**: LangGraph's state in memory "
            "explains it.  \n**steady**: it does not grow. Empty: not judged yet, or too short.",
        ),
        "rss": config.NumberColumn("RSS", format="bytes", help="Resident memory, newest."),
        "curve": config.AreaChartColumn("Last 15 min", width="small"),
        "cpu": config.NumberColumn("CPU %", format="%.1f", help="Of one core."),
        "threads": config.NumberColumn("Threads", format="localized"),
        "host": config.TextColumn("Host"),
        "pid": config.NumberColumn("pid", format="%d"),
        "seen": config.DatetimeColumn("Seen", format="distance"),
        "python": config.TextColumn("Python"),
        "langgraph": config.TextColumn("LangGraph"),
    }  # fmt: skip
