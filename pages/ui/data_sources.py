"""Attached databases as the pages show them: what was asked for, and how far it has come.

A database is attached by a file in the spool; what its reader tells is in the store. Either may be
there without the other for a moment, or for as long as no collector runs.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import streamlit as st

from pages.ui.data import FRESH_SECONDS, LONG_FRESH_SECONDS, File, engine_of, file
from statemeter import settings
from storage import queries_sources
from storage import sources as files
from storage.errors import StoreMissing
from storage.queries import now_us
from storage.queries_sources import Attached


def attached() -> list[Attached]:
    """Attached databases, the oldest first, then those that were detached.

    One that no collector has seen yet is ``waiting``; one whose file is gone is detached, whether
    a collector has taken note or not.
    """
    return _attached(file(), str(settings.spool_folder()))


def stored(key: str) -> tuple[int, int] | None:
    """Threads of a database and their bytes, see ``queries_sources.stored``."""
    return _stored(file(), key)


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=100, show_spinner=False)
def _stored(file: File, key: str) -> tuple[int, int] | None:
    try:
        return queries_sources.stored(engine_of(file), key)
    except StoreMissing:
        return None


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _attached(file: File, spool: str) -> list[Attached]:
    try:
        told = {one.key: one for one in queries_sources.attached(engine_of(file))}
    except StoreMissing:
        told = {}
    found = [_joined(source, told.pop(source.key, None)) for source in files.list_(Path(spool))]
    now = now_us()
    gone = [
        one if one.removed_us else dataclasses.replace(one, removed_us=now) for one in told.values()
    ]
    return found + sorted(gone, key=lambda one: -one.removed_us)


def _joined(source: files.Source, row: Attached | None) -> Attached:
    """As what it was attached by its file, how far it has come by the store."""
    unreadable = "" if source.backend else "Its file cannot be read: detach it, and attach it anew."
    named = {
        "backend": source.backend, "shown": source.shown, "mode": source.mode,
        "application": source.application, "added_us": source.created_us,
    }  # fmt: skip
    # A row of an earlier time says nothing of a database that was attached again since.
    if row is None or row.removed_us or max(row.added_us, row.updated_us) < source.created_us:
        return Attached(key=source.key, problem=unreadable, at_us=now_us(), **named)
    return dataclasses.replace(row, **named, problem=unreadable or row.problem)
