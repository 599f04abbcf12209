"""A page that has nothing to draw says why, and what to do next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from pages.ui import data, filters, processes
from pages.ui.formats import ago, clock
from pages.ui.live_plot import preload
from statemeter import settings
from statemeter.errors import SettingError
from storage.errors import (
    NotAStore,
    StoreAddress,
    StoreDamaged,
    StoreError,
    StoreMissing,
    StoreTooNew,
    StoreUnwritable,
    masked,
)
from storage.queries_health import Health

_PAGES = Path(__file__).resolve().parent.parent

SNIPPET = f"""\
# pip install -e {shlex.quote(str(processes.ROOT))}
import statemeter

graph = statemeter.instrument(builder.compile(checkpointer=saver))"""

COLLECT = f"cd {shlex.quote(str(processes.ROOT))} && {shlex.quote(sys.executable)} -m collector"
"""Starts a collector, wherever it is pasted."""

_WHAT: dict[type[StoreError], str] = {
    StoreAddress: "The address of the store cannot be used",
    StoreUnwritable: "The store cannot be opened",
    NotAStore: "The file is not a store of Statemeter",
    StoreDamaged: "The store is damaged",
    StoreTooNew: "The store is newer than this dashboard",
}


def or_else(body: Callable[[], None]) -> None:
    """Draws the body; where nothing was measured yet, what to do next; where it is old, says so."""
    try:
        nothing = data.is_empty()
    except StoreMissing:
        nothing = True
    if nothing:
        empty()
        return
    now = data.health()
    if now.stale:
        stale(now, filters.zone())
    body()


def if_there(body: Callable[[], None]) -> None:
    """Draws a further part of a page that needs the store, and nothing measured in it."""
    try:
        data.is_empty()
    except (StoreError, SQLAlchemyError):
        return
    body()


def if_any(body: Callable[[], None]) -> None:
    """Draws a further part of a page; nothing where its first part says that there is nothing."""
    try:
        if data.is_empty():
            return
    except (StoreError, SQLAlchemyError):
        return
    body()


def empty() -> None:
    """Nothing has been measured yet: the demo, or the line to paste."""
    with st.container(border=True, key="card-empty", horizontal_alignment="center"):
        st.subheader("Nothing has been measured yet", anchor=False, text_alignment="center")
        st.text("See it work with the demo, instrument your own graph, or attach its database.")
        running = processes.demo_running()
        st.button(
            "The demo is starting…" if running else "Run the demo",
            type="primary",
            icon=":material/play_arrow:",
            disabled=running,
            key="run_demo",
            help="Starts real LangGraph applications on this machine: no model, no network.",
            on_click=processes.start_demo,
        )
        failure("demo")
        st.page_link(
            _PAGES / "tour.py", icon=":material/school:",
            label="Or take the tour: a chatbot before and after tuning, side by side",
        )  # fmt: skip
        st.text("Your own application:")
        st.code(SNIPPET, language="python", width=640)
        st.page_link(
            _PAGES / "connect.py", label="Or attach its database: no change to the application",
            icon=":material/cable:",
        )  # fmt: skip
        st.caption("Probes write to this folder", text_alignment="center")
        st.code(str(settings.spool_folder()), language=None, width=640)
        failure("collector")
    preload()
    st.fragment(_look_again, run_every=0.5)()


def _look_again() -> None:
    """Whoever has just started something does not want to wait for the next refresh."""
    try:
        if data.is_empty():
            return
    except StoreMissing:
        return
    st.rerun()


def stale(health: Health, zone: str | None) -> None:
    """The collector is silent: since when, and how to start it."""
    with st.container(border=True, key="card-stale", gap="small"):
        if health.ever:
            since = clock(health.heartbeat_us, zone)
            st.markdown(
                ":material/warning: **The collector is not running.** What you see ended "
                f"**{ago(health.heartbeat_us, health.at_us)}** ({since}). "
                "Events wait in the spool until it is back."
            )
        else:
            st.markdown(":material/warning: **No collector has worked on this store yet.**")
        with st.container(horizontal=True, vertical_alignment="center"):
            starting = processes.collector_running()
            st.button(
                "Starting…" if starting else "Start the collector",
                icon=":material/play_arrow:",
                disabled=starting,
                key="start_collector",
                type="primary",
                on_click=processes.start_collector,
            )
            st.code(COLLECT, language="bash", width="content")
        failure("collector")


def failure(name: str) -> None:
    """Why a process that was started here ended, if it did so in error."""
    told = processes.failure(name)
    if told is None:
        return
    st.error(f"The {name} ended with exit code {told.code}.", icon=":material/error:")
    st.code(told.log or "It wrote nothing.", language=None, width="stretch")
    st.caption("Its whole log:")
    st.code(str(told.path), language=None)


def broken(error: StoreError, part: str = "") -> None:
    """The store cannot be read: what, where, the fix (the error's own words)."""
    with st.container(border=True, key=f"card-broken{part}"):
        st.subheader(_WHAT.get(type(error), "The store cannot be read"), anchor=False)
        st.text(str(error))
        st.caption("STATEMETER_STORE")
        st.code(masked(settings.store_url()), language=None)
        failure("collector")


def bad_setting(error: SettingError, part: str = "") -> None:
    """A setting cannot be used: which, its value and the fix (the error's own words)."""
    with st.container(border=True, key=f"card-broken{part}"):
        st.subheader("A setting cannot be used", anchor=False)
        st.text(str(error))


def query_failed(error: SQLAlchemyError, part: str = "") -> None:
    """The store was opened, but a query failed."""
    with st.container(border=True, key=f"card-broken{part}"):
        st.subheader("The store cannot be read", anchor=False)
        st.text(
            f"Reading {masked(settings.store_url())} failed: "
            f"{getattr(error, 'orig', None) or type(error).__name__}. "
            "If that lasts, stop all collectors and start one again: it repairs or replaces a "
            "damaged store from the spool."
        )
        st.code(COLLECT, language="bash")


def page_failed(part: str = "") -> None:
    """A fault of our own: nothing of it reaches the visitor but where to look."""
    with st.container(border=True, key=f"card-broken{part}"):
        st.subheader("This part of the page failed", anchor=False)
        st.text(
            "That is a fault of Statemeter. The terminal of `streamlit run app.py` has the "
            "details; reloading the page may help."
        )
