"""Attached databases as the pages show them: what was asked for, and how far it has come.

A database is attached by a file in the spool; what its reader tells is in the store. Either may be
there without the other for a moment, or for as long as no collector runs.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import streamlit as st

from pages.ui.data import FRESH_SECONDS, File, engine_of, file
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


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _attached(file: File, spool: str) -> list[Attached]:
    try:
        told = {one.key: one for one in queries_sources.attached(engine_of(file))}
    except StoreMissing:
        told = {}
    found = []
    for source in files.list_(Path(spool)):
        row = told.pop(source.key, None)
        if row is not None and not row.removed_us and row.added_us >= source.created_us:
            found.append(row)
        else:
            found.append(_asked_for(source))
    now = now_us()
    gone = [
        one if one.removed_us else dataclasses.replace(one, removed_us=now) for one in told.values()
    ]
    return found + sorted(gone, key=lambda one: -one.removed_us)


def _asked_for(source: files.Source) -> Attached:
    unreadable = "" if source.backend else "Its file cannot be read: detach it, and attach it anew."
    return Attached(
        key=source.key, backend=source.backend, shown=source.shown, mode=source.mode,
        application=source.application, problem=unreadable, added_us=source.created_us,
        at_us=now_us(),
    )  # fmt: skip
