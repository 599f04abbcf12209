"""Measuring designs: a job that replays the thread, its progress, its end, and earlier ones."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui import data_designs, filters, formats
from storage.design_trials import Trials
from storage.designs import Settings
from storage.jobs import JobError
from storage.queries_jobs import Job

_ASKED, _PROBLEM = "statemeter_measuring", "statemeter_measuring_problem"
TRIAL = "measured"
"""Name in the address: the job whose numbers are shown."""


def draw(
    thread: Any, chosen: Settings, controls: DeltaGenerator
) -> tuple[Job | None, Trials | None]:
    """Draws the buttons into ``controls`` and below them how far a job is; the job that is shown,
    and what it measured so far."""
    known = data_designs.measurements(thread)
    with st.container(key="address-measured"):
        asked = str(st.text_input("Measured", key=TRIAL, bind="query-params") or "")
    job = next((one for one in known if one.id == asked), known[0] if known else None)
    waits = st.session_state.get(_ASKED)
    if waits and any(one.id == waits for one in known):
        st.session_state.pop(_ASKED)
        waits = None
    busy = bool(waits) or any(not one.ended for one in known)
    with controls:
        st.button(
            "Measure", icon=":material/timer:", key="measure", disabled=busy,
            on_click=_measure, args=(thread, chosen),
            help="Replays the thread under these designs with made-up contents of the same sizes, "
            "on a saver of its own that is thrown away, and times it. It runs in the collector.",
        )  # fmt: skip
        if job is not None and not job.ended:
            st.button("Cancel", icon=":material/close:", key="measure-cancel", type="tertiary",
                      on_click=_cancel, args=(job.id,))  # fmt: skip
        if len(known) > 1:
            _earlier(known, job)
    if st.session_state.get(_PROBLEM):
        st.error(formats.plain(st.session_state[_PROBLEM]), icon=":material/error:")
    elif waits:
        st.caption("Asked for; the collector begins it soon.")
    _state(job)
    return job, data_designs.trials(job.id) if job else None


def _earlier(known: list[Job], job: Job | None) -> None:
    with st.popover("Earlier", icon=":material/history:", type="tertiary", key="measured-earlier"):
        for one in known[:12]:
            at = formats.clock(one.created_us, filters.zone())
            st.button(
                f"{at} · {one.state}", key=f"measured-{one.id}", type="tertiary",
                disabled=job is not None and one.id == job.id, on_click=_show, args=(one.id,),
            )  # fmt: skip


def _state(job: Job | None) -> None:
    if job is None:
        return
    if not job.ended:
        st.progress(min(job.share or 0.0, 1.0), text=formats.plain(job.phase or "waiting"))
        return
    at = formats.clock(job.ended_us, filters.zone())
    if job.state == "done":
        st.caption(f"Measured {at}.")
        return
    partial = " What it measured until then is shown." if job.partial else ""
    if job.state == "cancelled":
        st.caption(f"Cancelled {at}.{partial}")
    else:
        st.error(formats.plain(f"{job.problem}{partial}"), icon=":material/error:")


def _measure(thread: Any, chosen: Settings) -> None:
    st.session_state.pop(_PROBLEM, None)
    try:
        st.session_state[_ASKED] = data_designs.measure(thread, chosen, ())
    except JobError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state[TRIAL] = ""


def _cancel(job: str) -> None:
    try:
        data_designs.cancel(job)
    except JobError as error:
        st.session_state[_PROBLEM] = str(error)


def _show(job: str) -> None:
    st.session_state[TRIAL] = job
