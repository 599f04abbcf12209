"""What the Serialization page asks the store, shared by all visitors; see ``data``."""

from __future__ import annotations

import streamlit as st

from pages.ui import filters
from pages.ui.data import FRESH_SECONDS, LONG_FRESH_SECONDS, SHORT_WINDOW_S, File, engine_of, file
from storage import queries_serializing, queries_trials
from storage.queries import Scope
from storage.queries_jobs import Job
from storage.queries_serializing import Serializing
from storage.serializer_trials import Asked, Trial


def serializing() -> Serializing:
    """What serializing costs, by the filters."""
    window_s = filters.window_seconds()
    read = _soon if window_s <= SHORT_WINDOW_S else _later
    return read(file(), window_s, filters.scope())


def asked(thread_key: int) -> Asked | None:
    """What a trial of a thread would measure; None: none of its checkpoints is known."""
    return queries_trials.asked(engine_of(file()), thread_key)


def asked_newest(saver: str) -> Asked | None:
    """What a trial of a storage would measure; None: none of its checkpoints is known."""
    return queries_trials.asked_newest(engine_of(file()), saver)


def trials() -> list[Job]:
    """Trials that were asked for."""
    return _trials(file())


def trial(key: str) -> tuple[Job, Trial | None] | None:
    """A trial, and what it found."""
    found = _trial(file(), key)
    if found is None:  # not kept: its job may begin, and end, before the answer is old
        _trial.clear(file(), key)
    return found


@st.cache_data(ttl=FRESH_SECONDS, max_entries=32, show_spinner=False)
def _soon(file: File, window_s: int, scope: Scope) -> Serializing:
    return queries_serializing.serializing(engine_of(file), window_s, scope)


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=32, show_spinner=False)
def _later(file: File, window_s: int, scope: Scope) -> Serializing:
    return queries_serializing.serializing(engine_of(file), window_s, scope)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _trials(file: File) -> list[Job]:
    return queries_trials.trials(engine_of(file))


@st.cache_data(ttl=FRESH_SECONDS, max_entries=32, show_spinner=False)
def _trial(file: File, key: str) -> tuple[Job, Trial | None] | None:
    return queries_trials.trial(engine_of(file), key)
