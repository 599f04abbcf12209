"""What the Process page asks the store, shared by all visitors; see ``data``."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import filters
from pages.ui.data import FRESH_SECONDS, LONG_FRESH_SECONDS, SHORT_WINDOW_S, File, engine_of, file
from storage import queries_processes
from storage.queries import Scope
from storage.queries_processes import Judged, Process

JUDGED_SECONDS = 15
"""How long a verdict about the newest hours serves all visitors."""
FLAGS_SHOWN = 12
"""Processes of the list that are judged, the first."""


def processes() -> pd.DataFrame:
    """The list, by the application, with ``verdict`` (empty: not judged)."""
    store, scope = file(), Scope(None, filters.scope().application)
    rows = _processes(store, scope)
    verdicts = [
        one.leaks.verdict if place < FLAGS_SHOWN and (one := _judged(store, name)) else ""
        for place, name in enumerate(rows["incarnation"])
    ]
    return rows.assign(verdict=verdicts)


def process(incarnation: str) -> Process | None:
    """One process over the window."""
    window_s = filters.window_seconds()
    read = _soon if window_s <= SHORT_WINDOW_S else _later
    return read(file(), incarnation, window_s)


def judged(incarnation: str) -> Judged | None:
    """Whether it leaks."""
    return _judged(file(), incarnation)


def of_thread(thread_key: int) -> str:
    """The process that used a thread last, see ``queries_processes.of_thread``."""
    return _of_thread(file(), thread_key)


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=64, show_spinner=False)
def _of_thread(file: File, thread_key: int) -> str:
    return queries_processes.of_thread(engine_of(file), thread_key)


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=16, show_spinner=False)
def _processes(file: File, scope: Scope) -> pd.DataFrame:
    return queries_processes.processes(engine_of(file), scope)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=32, show_spinner=False)
def _soon(file: File, incarnation: str, window_s: int) -> Process | None:
    return queries_processes.process(engine_of(file), incarnation, window_s)


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=32, show_spinner=False)
def _later(file: File, incarnation: str, window_s: int) -> Process | None:
    return queries_processes.process(engine_of(file), incarnation, window_s)


@st.cache_data(ttl=JUDGED_SECONDS, max_entries=64, show_spinner=False)
def _judged(file: File, incarnation: str) -> Judged | None:
    return queries_processes.judged(engine_of(file), incarnation)
