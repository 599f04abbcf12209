"""Comparisons there are: how far each is, and which one is shown."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import data_compare, formats, frame, ticked
from pages.ui.compare_form import SELECTED
from statemeter import settings
from storage import jobs, orders
from storage.jobs import JobError
from storage.orders import OrderUnwritable
from storage.queries_jobs import Job
from storage.workloads import WORKLOADS

_PROBLEM = "statemeter_compare_problem"
_TABLE = "comparisons-table"
_FORGOTTEN = "statemeter_compare_forgotten"
_STATES = {
    "waiting": "gray", "running": "blue", "done": "green", "failed": "red", "cancelled": "gray",
    "partial": "orange",
}  # fmt: skip


def listed() -> list[Job]:
    """Comparisons, the newest first, without those that were just forgotten."""
    gone: set[str] = st.session_state.get(_FORGOTTEN, set())
    return [one for one in data_compare.listed() if one.id not in gone]


def selected(found: list[Job]) -> Job | None:
    """The comparison that the address names, else the newest; None: there is no such one."""
    named = str(st.session_state.get(SELECTED) or "")
    if named:
        return next((one for one in found if one.id == named), None)
    return found[0] if found else None


def draw() -> None:
    """Draws the card."""
    found = listed()
    with frame.card("comparisons", height="stretch"):
        frame.title("Comparisons", "each stays until it is forgotten")
        problem = st.session_state.pop(_PROBLEM, "")
        if problem:
            st.error("That could not be done.", icon=":material/error:")
            st.text(problem)
        if not found:
            st.caption(
                "None yet. A comparison does the same work on each backend, by turns and several "
                "times, and tells latency, throughput, what is held, and what survives a kill. "
                "InMemorySaver and SqliteSaver need no server."
            )
            return
        for one in found:
            if not one.ended:
                _progress(one)
        _table(found)
    ticked.follow()  # the address and the result are beyond this part


def _progress(job: Job) -> None:
    with st.container(key=f"compare-running-{job.id[:8]}", gap="xsmall"):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.markdown(f"**{formats.plain(job.name)}**")
            st.button(
                "Cancel", icon=":material/stop_circle:", key=f"compare-cancel-{job.id}",
                on_click=_cancel, args=(job.id,),
            )  # fmt: skip
        if job.state == "waiting":
            st.progress(0.0, text="Waiting: one comparison runs at a time.")
        else:
            st.progress(min(1.0, job.share or 0.0), text=formats.plain(job.phase) or "running")


def _table(found: list[Job]) -> None:
    shown = selected(found)
    st.dataframe(
        pd.DataFrame({
            "name": [f"▸ {one.name}" if one == shown else one.name for one in found],
            "state": [[state_of(one)] for one in found],
            "workload": [_workload(one) for one in found],
            "backends": [_backends(one) for one in found],
            "asked": pd.to_datetime([one.created_us for one in found], unit="us", utc=True),
        }),
        key=_TABLE, hide_index=True,
        on_select=lambda: ticked.show(_TABLE, [one.id for one in found], SELECTED),
        selection_mode="single-row", height=frame.table_height(len(found), 320),
        alt="Comparisons", placeholder=formats.UNKNOWN,
        column_config={
            "name": st.column_config.TextColumn(
                "Name", pinned=True, help="▸: the one that is shown."
            ),
            "state": st.column_config.MultiselectColumn(
                "State", options=list(_STATES), color=list(_STATES.values())
            ),
            "workload": st.column_config.TextColumn("Workload"),
            "backends": st.column_config.TextColumn("Backends"),
            "asked": st.column_config.DatetimeColumn("Asked", format="distance"),
        },
    )  # fmt: skip
    if len(found) > 1:
        st.caption("Choose a row to see its result.")


def state_of(job: Job) -> str:
    """Its state in a word; ``partial``: it ended well, without a backend that failed."""
    return "partial" if job.state == "done" and job.partial else job.state


def _workload(job: Job) -> str:
    named = WORKLOADS.get(str(job.asked.get("workload")))
    return named.title if named else formats.UNKNOWN


def _backends(job: Job) -> str:
    targets = job.asked.get("targets")
    names = [str(one.get("backend", "")) for one in targets] if isinstance(targets, list) else []
    return ", ".join(map(formats.backend_name, names))


def _cancel(key: str) -> None:
    try:
        jobs.cancel(settings.spool_folder(), key)
    except JobError as error:
        st.session_state[_PROBLEM] = str(error)


def forget(job: Job) -> None:
    """Draws the button that forgets a comparison for good."""
    with st.popover("Forget", icon=":material/delete:", type="tertiary", key="compare-forget"):
        st.text("The result is deleted from the store.")
        st.button("Forget it", key="compare-forget-now", type="primary", on_click=_forget,
                  args=(job.id,))  # fmt: skip


def _forget(key: str) -> None:
    try:
        orders.leave(settings.spool_folder(), "forget job", {"id": key})
    except OrderUnwritable as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state[_FORGOTTEN] = {*st.session_state.get(_FORGOTTEN, set()), key}
    st.session_state[SELECTED] = ""
    ticked.whole_page()
