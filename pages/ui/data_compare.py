"""Comparisons as the pages show them: their jobs are in the store, see ``pages.ui.data``."""

from __future__ import annotations

import streamlit as st

from pages.ui.data import FRESH_SECONDS, File, engine_of, file
from statemeter import settings
from storage import comparisons, jobs, queries_jobs
from storage.comparisons import KIND, Comparison
from storage.errors import StoreMissing
from storage.queries_jobs import Job


def listed() -> list[Job]:
    """Comparisons, the newest first; those that no collector has seen yet are ``waiting``."""
    found = _listed(file())
    known = {one.id for one in found}
    left = [
        Job(one.id, one.kind, one.name, one.asked, "waiting", created_us=one.created_us)
        for one in jobs.waiting(settings.spool_folder())
        if one.kind == KIND and one.id not in known
    ]
    return sorted([*left, *found], key=lambda one: (-one.created_us, one.id))


def result(job: Job) -> Comparison | None:
    """What a comparison has found by now; None: nothing yet."""
    return _result(file(), job.id, job.updated_us)


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _listed(file: File) -> list[Job]:
    try:
        return queries_jobs.jobs(engine_of(file), KIND)
    except StoreMissing:
        return []


@st.cache_data(max_entries=32, show_spinner=False)
def _result(file: File, key: str, updated_us: int) -> Comparison | None:
    try:
        found = queries_jobs.job(engine_of(file), key)
    except StoreMissing:
        return None
    return None if found is None or found[1] == "null" else comparisons.decode(found[1])
