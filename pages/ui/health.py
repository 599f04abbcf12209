"""The Health card: is what the page shows complete, and how old is it?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import address, export, formats, frame, ticked
from storage.queries_health import Health

_TABLE = "processes"


def draw(health: Health) -> None:
    """Draws the card."""
    with frame.card("health", height="stretch"):
        alive = not health.processes.empty
        export.title(
            "Health",
            f"collector and {'processes · tick one to open it' if alive else 'processes'}",
            "processes", lambda: health.processes, there=alive,
        )  # fmt: skip
        if health.problem:
            st.error("The collector has a problem:", icon=":material/error:")
            st.code(health.problem, language=None, wrap_lines=True)
        if health.drained is not None and health.lag_seconds > 2:
            st.progress(
                health.drained,
                f"Draining a backlog: {formats.share(health.drained)} of "
                f"{formats.size(health.backlog_bytes)}",
            )
        _figures(health)
        _losses(health)
        _processes(health.processes)


def _figures(health: Health) -> None:
    stale = health.stale
    facts = [
        ("Lag", formats.UNKNOWN if stale else f"{formats.count(health.lag_events)} events"),
        ("Delay", formats.UNKNOWN if stale else f"{health.lag_seconds:.1f} s"),
        ("Events / s", formats.rate(None if stale else health.events_per_second)),
        ("Ingested", formats.count(health.ingested) if health.ever else formats.UNKNOWN),
        ("Store", formats.size(health.store_bytes or None)),
    ]
    with st.container(horizontal=True, gap="medium", key="health-figures"):
        for label, value in facts:
            with st.container(width="content", gap=None):
                st.caption(label)
                st.markdown(f"**{value}**")


def _losses(health: Health) -> None:
    """What did not arrive; one quiet line where nothing is missing."""
    told = [
        *(("red", f"{formats.count(n)} events lost in gaps") for n in [health.lost] if n),
        *(
            ("orange", f"{formats.count(n)} dropped by probes: {formats.plain(reason)}")
            for reason, n in sorted(health.dropped.items())
        ),
        *(
            ("orange", f"{formats.count(n)} unreadable records: {formats.plain(reason)}")
            for reason, n in sorted(health.dead_letters.items())
        ),
        *(("orange", f"{formats.count(n)} faults in probes") for n in [health.failures] if n),
    ]
    if not told:
        st.badge("Nothing lost, nothing dropped", icon=":material/check_circle:", color="green")
        return
    with st.container(horizontal=True, gap="xsmall", key="losses"):
        for color, words in told:
            st.badge(words, icon=":material/warning:", color=color)


def _processes(processes: pd.DataFrame) -> None:
    if processes.empty:
        st.caption("No instrumented process is running.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "application": processes["application"],
                "process": [
                    f"{pid} @ {host}"
                    for pid, host in zip(processes["pid"], processes["host"], strict=True)
                ],
                "rss": processes["rss_bytes"],
                "cpu": processes["cpu_percent"].astype(float),
                "threads": processes["threads"],
            }
        ),
        key=_TABLE,
        hide_index=True,
        selection_mode="single-row",
        on_select=lambda: _open(processes),
        height=frame.table_height(len(processes), 180),
        placeholder=formats.UNKNOWN,
        alt="Instrumented processes",
        column_config={
            "application": st.column_config.TextColumn("Application"),
            "process": st.column_config.TextColumn("Process"),
            "rss": st.column_config.NumberColumn("Memory", format="bytes"),
            "cpu": st.column_config.NumberColumn("CPU", format="%.1f %%"),
            "threads": st.column_config.NumberColumn("OS threads", format="localized"),
        },
    )


def _open(processes: pd.DataFrame) -> None:
    picked = ticked.row(_TABLE, len(processes))
    if picked is not None:
        address.ask_for("process", {"process": str(processes["incarnation"].iloc[picked])})
