"""Queries with a cache that all visitors share: plain values in, frames and records out.

An entry lives for a moment only, so that twenty visitors cost the store what one does. The key of
each is the file itself (its inode): a store that was replaced is a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from sqlalchemy import Engine

from pages.ui import filters
from statemeter import settings
from storage import queries, queries_health, queries_steps, queries_threads
from storage.queries import Scope
from storage.store import open_reader, store_path

FRESH_SECONDS = 0.9
"""How long a result serves all visitors: less than the fastest refresh."""

SHORT_WINDOW_S = 3600
LONG_FRESH_SECONDS = 5
"""The same for windows longer than that: their points are minutes apart, and cost more to read."""

File = tuple[str, int]
"""URL of a store and inode of its file, 0 where there is none."""


@dataclass(frozen=True)
class ListChoice:
    """What the list of threads shows, beside the filters of all pages."""

    search: str = ""
    """Part of a thread id."""
    sort: str = "stored"
    """A name of ``queries_threads.SORTS``."""
    used: bool = False
    """Only threads used in the window."""
    errors_only: bool = False
    """Only threads with failed calls."""


def file() -> File:
    """The store that is set."""
    url = settings.store_url()
    try:
        return url, store_path(url).stat().st_ino
    except OSError:
        return url, 0


def is_empty() -> bool:
    """Whether nothing was ever measured."""
    return _is_empty(file())


def choices() -> tuple[list[str], list[str]]:
    """Backends and applications that were seen."""
    return _choices(file())


def health() -> queries_health.Health:
    """The collector and the processes that report to it."""
    return _health(file())


def overview() -> queries.Overview:
    """The Overview, by the filters."""
    window_s, scope = filters.window_seconds(), filters.scope()
    read = _overview if window_s <= SHORT_WINDOW_S else _long_overview
    return read(file(), window_s, scope)


def threads(
    chosen: ListChoice, offset: int, limit: int, counted: bool = True
) -> tuple[queries_threads.Page, dict[int, np.ndarray]]:
    """Some rows of the list of threads by the filters, and their curves."""
    narrowed = (filters.window_seconds(), filters.scope())
    return _threads(file(), narrowed, chosen, (offset, limit, counted))


def find_thread(thread_id: str, saver: str) -> pd.DataFrame:
    """The threads with this id, see ``queries_threads.find_thread``."""
    return _find_thread(file(), thread_id, saver)


def steps(thread: Any) -> queries_steps.Steps:
    """The checkpoints of a thread (a row of ``find_thread``); read again when it was used."""
    return _steps(file(), int(thread.id), int(thread.operations), int(thread.steps))


def nodes(thread: Any) -> pd.DataFrame:
    """The nodes of a thread (a row of ``find_thread``)."""
    return _nodes(file(), int(thread.id))


def runs(thread: Any) -> pd.DataFrame:
    """The newest runs of a thread (a row of ``find_thread``)."""
    return _runs(file(), int(thread.id))


@st.cache_resource(max_entries=4, show_spinner=False, on_release=lambda engine: engine.dispose())
def engine_of(file: File) -> Engine:
    """The reader of a store, kept open."""
    return open_reader(file[0])


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _is_empty(file: File) -> bool:
    return queries.is_empty(engine_of(file))


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _choices(file: File) -> tuple[list[str], list[str]]:
    return queries.choices(engine_of(file))


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _health(file: File) -> queries_health.Health:
    return queries_health.health(engine_of(file))


@st.cache_data(ttl=FRESH_SECONDS, max_entries=64, show_spinner=False)
def _overview(file: File, window_s: int, scope: Scope) -> queries.Overview:
    return queries.overview(engine_of(file), window_s, scope)


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=64, show_spinner=False)
def _long_overview(file: File, window_s: int, scope: Scope) -> queries.Overview:
    return queries.overview(engine_of(file), window_s, scope)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=64, show_spinner=False)
def _threads(
    file: File, narrowed: tuple[int, Scope], chosen: ListChoice, part: tuple[int, int, bool]
) -> tuple[queries_threads.Page, dict[int, np.ndarray]]:
    window_s, scope = narrowed
    offset, limit, counted = part
    engine = engine_of(file)
    begin_us = queries.now_us() - window_s * queries.SECOND_US
    page = queries_threads.list_threads(
        engine,
        queries_threads.Filter(
            chosen.search, scope, begin_us if chosen.used else 0, chosen.errors_only
        ),
        chosen.sort,
        offset,
        limit,
        counted=counted,
    )
    keys = [int(key) for key in page.rows["id"]]
    return page, queries_threads.histories(engine, keys, window_s)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=64, show_spinner=False)
def _find_thread(file: File, thread_id: str, saver: str) -> pd.DataFrame:
    return queries_threads.find_thread(engine_of(file), thread_id, saver)


@st.cache_data(ttl=60, max_entries=32, show_spinner=False)
def _steps(file: File, key: int, operations: int, steps: int) -> queries_steps.Steps:
    # The two counts stand in the key: a thread that was not used is not read again.
    return queries_steps.steps(engine_of(file), key)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=32, show_spinner=False)
def _nodes(file: File, key: int) -> pd.DataFrame:
    return queries_steps.node_summary(engine_of(file), key)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=32, show_spinner=False)
def _runs(file: File, key: int) -> pd.DataFrame:
    return queries_steps.runs(engine_of(file), key)
