"""The Process page: the list of processes, and the one that the address names."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import (
    address,
    data_process,
    data_regions,
    filters,
    formats,
    frame,
    ondemand,
    process_cards,
    process_charts,
    process_list,
    process_nodes,
    process_verdict,
    states,
)
from storage.queries_processes import Process

KEY = "process"
"""Name in the address, and key of the field: the incarnation of a process."""


def draw() -> None:
    """Draws the page, each part again and again."""
    with st.container(key="address-process"):
        st.text_input("Process", key=KEY, bind="query-params")
    frame.live(lambda: states.or_else(_body))
    # Outside of what is drawn again and again: a visitor types and waits there.
    frame.guarded(lambda: states.if_any(_asked), "-asked")


def _body() -> None:
    rows = data_process.processes()
    if rows.empty:
        with frame.card("no-process"):
            st.subheader("No process was seen with these filters", anchor=False)
            st.text("Processes are those that are instrumented; databases that are attached have "
                    "none. Paste this where the graph is compiled:")  # fmt: skip
            st.code(states.SNIPPET, language="python", width=700)
        return
    chosen = _chosen(rows)
    process_list.draw(rows, chosen, KEY)
    found = data_process.process(chosen)
    if found is None:
        with frame.card("unknown-process"):
            st.subheader("The store has no such process", anchor=False)
            st.text(f"{chosen} is in none of its rows. Choose one above.")
        return
    _one(found)


def _asked() -> None:
    """Looks into the process, and regions of its code."""
    rows = data_process.processes()
    if rows.empty:
        return
    chosen = _chosen(rows)
    found = [one for one in data_regions.processes() if one.incarnation == chosen]
    if found:
        ondemand.draw(found[0])


def _chosen(rows: pd.DataFrame) -> str:
    """The process of the address, else the first of the list."""
    return str(st.session_state.get(KEY) or "").strip() or str(rows["incarnation"].iloc[0])


def _open_threads(application: str) -> None:
    if application:
        st.button(
            "Its threads", icon=":material/forum:", key="process-threads", type="tertiary",
            help=f"Those of the application {formats.plain(application)}.",
            on_click=address.ask_for, args=("threads", {"application": application}),
        )  # fmt: skip


def _one(found: Process) -> None:
    about = found.about
    name = f"{about['application'] or 'unnamed'}, pid {about['pid']} on {about['host']}"
    with st.container(horizontal=True, vertical_alignment="center", key="process-heading"):
        st.subheader(formats.plain(name), anchor=False, width="content")
        st.badge(found.ending.state, color=process_list.COLOURS[found.ending.state])
        zone = filters.zone()
        began, seen = (formats.clock(about[f"{n}_seen_us"], zone) for n in ("first", "last"))
        _open_threads(about["application"])
        st.caption(f"began {began} · seen {seen} · Python {formats.plain(about['python'])}")
    if found.ending.words:
        st.text(found.ending.words)
    if found.series.levels.empty or "rss_bytes" not in found.series.levels:
        with frame.card("no-readings"):
            st.text("Of this process there are no readings in this window: choose a longer one.")
        return
    process_cards.draw(found)
    left, right = st.columns([3, 2])
    with left:
        process_charts.memory(found)
    with right:
        process_verdict.draw(data_process.judged(about["incarnation"]))
    process_charts.others(found)
    process_nodes.draw(found)
    # Here: what is looked into on demand (ondemand.draw(found)).
