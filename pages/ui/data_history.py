"""Cached queries of one thread's history, see ``pages.ui.data``.

What is cached here is shared, not copied: a history is thousands of rows, and nobody changes them.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import data
from storage import history_sizes, history_writes, queries_history
from storage.history_sizes import Difference
from storage.queries_history import History

Version = tuple[int, int]
"""Calls and checkpoints of a thread: while they are the same, so is its history."""


def history(thread: Any) -> History:
    """The history of a thread (a row of ``find_thread``); read again when it was used."""
    return _history(data.file(), int(thread.id), _version(thread))


def difference(thread: Any, before: int, after: int) -> Difference:
    """Between two rows of the history, by their places."""
    return _difference(data.file(), int(thread.id), _version(thread), (before, after))


def channels_at(thread: Any, place: int) -> pd.DataFrame:
    """The channels of a row of the history, see ``history_sizes.channels_at``."""
    return _channels(data.file(), int(thread.id), _version(thread), place)


def channel_curve(thread: Any, places: tuple[int, ...], channel: str) -> pd.DataFrame:
    """One channel over rows of the history, see ``history_sizes.channel_curve``."""
    return _curve(data.file(), int(thread.id), _version(thread), (places, channel))


def largest_elements(thread: Any, place: int) -> pd.DataFrame:
    """The largest elements of lists, see ``history_sizes.largest_elements``."""
    return _elements(data.file(), int(thread.id), _version(thread), place)


def writes_of(thread: Any, ns: str, checkpoint: str) -> pd.DataFrame:
    """The pending writes of a checkpoint, see ``history_writes.writes_of``."""
    return _writes(data.file(), int(thread.id), _version(thread), (ns, checkpoint))


def _version(thread: Any) -> Version:
    return int(thread.operations), int(thread.steps)


@st.cache_resource(ttl=60, max_entries=16, show_spinner=False)
def _history(file: data.File, key: int, version: Version) -> History:
    return queries_history.history(data.engine_of(file), key)


@st.cache_resource(ttl=60, max_entries=64, show_spinner=False)
def _difference(file: data.File, key: int, version: Version, places: tuple[int, int]) -> Difference:
    found = _history(file, key, version)
    return history_sizes.difference(data.engine_of(file), key, found, *places)


@st.cache_resource(ttl=60, max_entries=64, show_spinner=False)
def _channels(file: data.File, key: int, version: Version, place: int) -> pd.DataFrame:
    return history_sizes.channels_at(data.engine_of(file), _history(file, key, version), place)


@st.cache_resource(ttl=60, max_entries=16, show_spinner=False)
def _curve(
    file: data.File, key: int, version: Version, chosen: tuple[tuple[int, ...], str]
) -> pd.DataFrame:
    found = _history(file, key, version)
    return history_sizes.channel_curve(data.engine_of(file), found, *chosen)


@st.cache_resource(ttl=60, max_entries=64, show_spinner=False)
def _elements(file: data.File, key: int, version: Version, place: int) -> pd.DataFrame:
    return history_sizes.largest_elements(data.engine_of(file), _history(file, key, version), place)


@st.cache_resource(ttl=60, max_entries=64, show_spinner=False)
def _writes(file: data.File, key: int, version: Version, chosen: tuple[str, str]) -> pd.DataFrame:
    return history_writes.writes_of(data.engine_of(file), key, *chosen)
