"""What-if over serializers: a thread is chosen, a job measures it, its result stays."""

from __future__ import annotations

import contextlib
from typing import NoReturn

import msgspec
import pandas as pd
import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from pages.ui import (
    address,
    data,
    data_serializing,
    filters,
    formats,
    frame,
    states,
    trial_result,
    values,
)
from statemeter import settings
from statemeter.errors import SettingError
from storage import jobs, orders
from storage.errors import StoreError
from storage.queries import now_us
from storage.queries_jobs import Job
from storage.serializer_trials import KIND

TRIAL = "trial"
"""Name in the address, and key of the field."""

PENDING_SECONDS = 1.0
"""How often a trial that runs is looked at, whatever the refresh of the page."""
_CHOICES = 100
"""Threads offered, those with most stored bytes."""
_NEXT, _PICKED = "statemeter_trial_next", "statemeter_trial_picked"
_GONE = "statemeter_trials_forgotten"
_PROBLEM = "statemeter_trial_problem"

ALLOW = "STATEMETER_SHOW_VALUES=1 streamlit run app.py"
_ICONS = {
    "waiting": ":material/hourglass_empty:", "running": ":material/progress_activity:",
    "done": ":material/check_circle:", "failed": ":material/error:",
    "cancelled": ":material/cancel:",
}  # fmt: skip
_COLOURS = {"done": "green", "failed": "red", "cancelled": "gray"}


def draw() -> None:
    """Draws the section."""
    if _NEXT in st.session_state:  # a part of the page cannot change a field of the whole
        st.session_state[TRIAL] = st.session_state.pop(_NEXT)
    with st.container(key="address-trial"):
        chosen = str(st.text_input("Trial", key=TRIAL, bind="query-params") or "")
    frame.guarded(lambda: states.if_any(_ask), "-ask")
    pending = _is_pending(chosen)

    def found() -> None:
        # `chosen` is of the whole page. What the browser says of the field along with a timer may
        # be what stood there before the button was pressed: a slow one has not yet taken it over.
        _found(chosen)
        if pending and not _is_pending(chosen):
            _choose(chosen)  # it has ended: from here on as often as the visitor wants it

    every = PENDING_SECONDS if pending else filters.refresh_seconds()
    st.fragment(lambda: frame.guarded(lambda: states.if_any(found), "-trials"), run_every=every)()


def _is_pending(key: str) -> bool:
    """Whether the trial of the address waits or runs."""
    if not key:
        return False
    try:
        found = data_serializing.trial(key)
    except (StoreError, SQLAlchemyError):
        return False
    return not found[0].ended if found is not None else _waits(key)


def _ask() -> None:
    with frame.card("what-if"):
        frame.title("What if", "another serializer wrote the states of a thread of yours?")
        st.caption(
            "The states are read from your own database and serialized in every way: times, bytes, "
            "and what comes back changed. Kept are sizes, times and names of types, no value."
        )
        why = values.allowed()
        if why:
            st.info(
                "Reading values is off. Start the dashboard with it, on your own machine:",
                icon=":material/lock:",
            )
            st.code(ALLOW, language="bash", width="content")
            return
        rows = data.listed(data.ListChoice(), 0, _CHOICES).rows
        if rows.empty:
            st.text("No thread matches the filters.")
            return
        names: dict[int | str, str] = {
            int(row.id): _name(row) for row in rows.itertuples(index=False)
        }
        last = address.last_thread()
        start = next((n for n, row in enumerate(rows["thread_id"]) if row == last), 0)
        for row in rows.drop_duplicates("saver").itertuples(index=False):
            names[str(row.saver)] = (
                f"all threads of {row.saver_label or row.saver} · "
                f"{formats.backend_name(str(row.backend))} · the newest steps"
            )
        keys = list(names)
        with st.container(horizontal=True, vertical_alignment="bottom", key="what-if-form"):
            st.selectbox(
                "Thread", keys, index=start, format_func=lambda key: names[key],
                key="trial-thread", width=440,
            )  # fmt: skip
            st.text_input("Name", key="trial-name", placeholder="that of the thread", width=220)
            st.button(
                "Try serializers", type="primary", icon=":material/science:", key="try-serializers",
                on_click=_start, args=(names,),
            )  # fmt: skip
        problem = st.session_state.pop(_PROBLEM, "")
        if problem:
            st.warning(formats.plain(problem), icon=":material/warning:")


def _name(row: object) -> str:
    backend = formats.backend_name(str(row.backend))  # type: ignore[attr-defined]
    size, steps = formats.size(row.stored_bytes), formats.count(row.steps)  # type: ignore[attr-defined]
    return f"{row.thread_id} · {backend} · {size} in {steps} steps"  # type: ignore[attr-defined]


def _start(names: dict[int | str, str]) -> None:
    key = st.session_state.get("trial-thread")
    name = str(st.session_state.get("trial-name") or "").strip()
    asked = (
        data_serializing.asked_newest(key) if isinstance(key, str)
        else data_serializing.asked(key) if key is not None else None
    )  # fmt: skip
    if asked is None or key is None:
        st.session_state[_PROBLEM] = (
            "Of these no checkpoint is known any longer: they are older than "
            "STATEMETER_RETENTION_DAYS, or were deleted. Take another thread."
        )
        return
    try:
        request = jobs.ask(
            settings.spool_folder(), KIND, name or names[key].partition(" · ")[0],
            msgspec.to_builtins(asked),
        )  # fmt: skip
    except jobs.JobUnwritable as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state["trial-name"] = ""
    st.session_state[TRIAL] = request.id


def _choose(key: str) -> NoReturn:
    """Draws the whole page anew, with this trial in its address."""
    st.session_state[_NEXT] = key
    st.rerun()


def _found(chosen: str) -> None:
    if _NEXT in st.session_state:
        st.rerun()
    gone = st.session_state.setdefault(_GONE, set())
    listed = [job for job in data_serializing.trials() if job.id not in gone]
    if chosen:
        _chosen(chosen, listed)
    if listed:
        _list(listed, chosen)


def _chosen(key: str, listed: list[Job]) -> None:
    found = data_serializing.trial(key)
    with frame.card("trial"):
        if found is None:
            _unknown(key)
            return
        job, trial = found
        _heading(job)
        if not job.ended:
            _progress(job)
        elif job.state == "failed":
            st.error("The trial failed.", icon=":material/error:")
            st.text(job.problem)
        elif job.state == "cancelled":
            st.caption("It was cancelled." + (" What it had found until then:" if trial else ""))
    if trial is not None and trial.steps:
        trial_result.draw(trial, partial=job.state != "done")


def _unknown(key: str) -> None:
    if _waits(key):
        st.text("Waiting for the collector to begin…")
        return
    st.text("There is no such trial: it was forgotten, or belongs to another store.")


def _waits(key: str) -> bool:
    """Whether a job was asked for that the collector has not taken yet."""
    with contextlib.suppress(jobs.JobMissing, SettingError):
        return jobs.path(settings.spool_folder(), key, jobs.REQUEST).exists()
    return False


def _heading(job: Job) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.markdown(f"**{formats.plain(job.name)}**", width="content")
            st.badge(job.state, icon=_ICONS[job.state], color=_COLOURS.get(job.state, "blue"))
            st.caption(formats.ago(job.created_us, now_us()), width="content")
        if job.ended:
            st.button(
                "Forget", icon=":material/delete:", type="tertiary", key="forget-trial",
                on_click=_forget, args=(job.id,),
            )  # fmt: skip
        else:
            st.button(
                "Cancel", icon=":material/cancel:", type="tertiary", key="cancel-trial",
                on_click=_cancel, args=(job.id,),
            )  # fmt: skip


def _progress(job: Job) -> None:
    if job.state == "waiting":
        st.text("It waits for its turn: one job runs at a time, or they would measure each other.")
        return
    st.progress(min(1.0, max(0.0, job.share or 0.0)), text=job.phase or "starting")


def _cancel(key: str) -> None:
    with contextlib.suppress(jobs.JobError):
        jobs.cancel(settings.spool_folder(), key)


def _forget(key: str) -> None:
    with contextlib.suppress(orders.OrderUnwritable):
        orders.leave(settings.spool_folder(), "forget job", {"id": key})
        st.session_state[_GONE].add(key)
        st.session_state[_NEXT] = ""


def _list(listed: list[Job], chosen: str) -> None:
    with frame.card("trials"):
        frame.title("Trials", "choose one to see what it found; its address can be shared")
        picked = st.dataframe(
            pd.DataFrame({
                "name": [job.name for job in listed],
                "state": [[job.state] for job in listed],
                "backend": [
                    formats.backend_name(str(job.asked.get("backend", ""))) for job in listed
                ],
                "thread": [str(job.asked.get("thread") or "all") for job in listed],
                "when": pd.to_datetime([job.created_us for job in listed], unit="us", utc=True),
            }),
            key="trials", hide_index=True, selection_mode="single-row", on_select="rerun",
            height=frame.table_height(len(listed), 240), alt="Trials of serializers",
            column_config={
                "name": st.column_config.TextColumn("Name", pinned=True),
                "state": st.column_config.MultiselectColumn(
                    "State", options=list(_ICONS),
                    color=[_COLOURS.get(state, "blue") for state in _ICONS],
                ),
                "backend": st.column_config.TextColumn("Backend"),
                "thread": st.column_config.TextColumn("Thread"),
                "when": st.column_config.DatetimeColumn("Asked", format="distance"),
            },
        )  # fmt: skip
    rows = picked["selection"]["rows"]
    key = listed[rows[0]].id if rows and rows[0] < len(listed) else ""
    # A selection stays while the address goes elsewhere: only a new one counts.
    if key and key != st.session_state.get(_PICKED):
        st.session_state[_PICKED] = key
        if key != chosen:
            _choose(key)
