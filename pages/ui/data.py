"""Queries with a cache that all visitors share: plain values in, frames and records out.

An entry lives for a moment only, so that twenty visitors cost the store what one does. The key of
each is the file itself (its inode): a store that was replaced is a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from sqlalchemy import Engine

from pages.ui import filters
from statemeter import settings
from storage import finding, queries, queries_health, queries_steps, queries_threads
from storage.finding import Found, pasted
from storage.queries import Scope
from storage.store import open_reader, store_path
from storage.thread_filter import EVERY, Filter

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
    """As it was typed or pasted, see ``storage.finding.pasted``."""
    sort: str = "stored"
    """A name of ``queries_threads.SORTS``."""
    used: bool = False
    """Only threads used in the window."""
    within_s: int = 0
    """Only threads last used within that; 0: whenever."""
    unused_s: int = 0
    """Only threads not used for that."""
    more: Filter = EVERY
    """The conditions that have no time in them."""


@dataclass(frozen=True)
class Listed:
    """A page of the list of threads."""

    rows: pd.DataFrame
    curves: dict[int, np.ndarray]
    total: int
    """Threads that match."""
    all: int
    """Threads in the store."""
    chosen: ListChoice
    """What it shows: the choice, or the threads of a checkpoint or run."""
    by: str = ""
    """What the search was, if it named no thread: ``checkpoint`` or ``run``."""


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
    chosen: ListChoice, offset: int, limit: int
) -> tuple[queries_threads.Page, dict[int, np.ndarray]]:
    """Some rows of the list of threads by the filters, and their curves; uncounted."""
    narrowed = (filters.window_seconds(), filters.scope())
    return _threads(file(), narrowed, chosen, (offset, limit))


def listed(chosen: ListChoice, offset: int, limit: int) -> Listed:
    """A page of the list, counted; where no thread has such an id, those of such a checkpoint or
    run."""
    store, narrowed = file(), (filters.window_seconds(), filters.scope())
    total, by = _count(store, narrowed, chosen), ""
    if not total and chosen.search:
        found = _found(store, pasted(chosen.search).thread)
        if found.keys:
            chosen = replace(chosen, search="", more=replace(chosen.more, keys=found.keys))
            total, by = _count(store, narrowed, chosen), found.by
    page, curves = _threads(store, narrowed, chosen, (offset, limit))
    everything = _count(store, (0, Scope()), ListChoice())
    return Listed(page.rows, curves, total, everything, chosen, by)


def all_threads(chosen: ListChoice, most: int) -> Callable[[], Iterator[pd.DataFrame]]:
    """What reads all rows of the list, part by part; it can be called outside a page's run."""
    store, window_s, scope = file(), filters.window_seconds(), filters.scope()
    return lambda: queries_threads.read_threads(
        engine_of(store), _filter(chosen, window_s, scope), chosen.sort, most
    )


def graphs_and_storages() -> tuple[list[str], list[tuple[str, str]]]:
    """Names of graphs, and keys and labels of storages, that a filter can offer."""
    return _graphs_and_storages(file())


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


def _filter(chosen: ListChoice, window_s: int, scope: Scope) -> Filter:
    now, what = queries.now_us(), pasted(chosen.search)
    begin_us = now - window_s * queries.SECOND_US
    within_us = now - chosen.within_s * queries.SECOND_US
    found = replace(
        chosen.more,
        search=what.thread,
        scope=scope,
        begin_us=begin_us,
        used_after_us=max(begin_us * chosen.used, within_us * bool(chosen.within_s)),
        used_before_us=now - chosen.unused_s * queries.SECOND_US if chosen.unused_s else 0,
    )
    if what.whole:
        found = replace(found, match="exact", saver=what.saver or found.saver)
    return found


@st.cache_data(ttl=FRESH_SECONDS, max_entries=64, show_spinner=False)
def _threads(
    file: File, narrowed: tuple[int, Scope], chosen: ListChoice, part: tuple[int, int]
) -> tuple[queries_threads.Page, dict[int, np.ndarray]]:
    engine = engine_of(file)
    page = queries_threads.list_threads(
        engine, _filter(chosen, *narrowed), chosen.sort, *part, counted=False
    )
    keys = [int(key) for key in page.rows["id"]]
    return page, queries_threads.histories(engine, keys, narrowed[0])


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=64, show_spinner=False)
def _count(file: File, narrowed: tuple[int, Scope], chosen: ListChoice) -> int:
    return queries_threads.count_threads(engine_of(file), _filter(chosen, *narrowed), chosen.sort)


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=64, show_spinner=False)
def _found(file: File, words: str) -> Found:
    return finding.find(engine_of(file), words)


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=8, show_spinner=False)
def _graphs_and_storages(file: File) -> tuple[list[str], list[tuple[str, str]]]:
    engine = engine_of(file)
    return queries_threads.graphs(engine), queries_threads.storages(engine)


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
