"""Cached designs of one thread, and the jobs that measured them; see ``pages.ui.data``."""

from __future__ import annotations

from typing import Any

import msgspec
import streamlit as st

from pages.ui import data
from statemeter import settings
from storage import design_trials, jobs, queries_jobs
from storage.design_reading import recorded
from storage.design_trials import KIND, Asked, Trials
from storage.designs import Predicted, Settings, predict
from storage.queries_jobs import Job

_GRAINS = 50
"""Into how many parts the calls of a thread are cut."""


def predicted(thread: Any, chosen: Settings) -> tuple[Predicted | None, int]:
    """Designs of a thread (a row of ``find_thread``), None: it has gone meanwhile; and how many of
    its newest checkpoints are not in them yet: they are worked out again when it has grown by some
    2 %, since that takes a second where there are thousands."""
    calls = int(thread.operations)
    grain = 1 << max((calls // _GRAINS).bit_length() - 1, 0)
    encoded = msgspec.json.encode(chosen)
    found, steps = _predicted(
        data.file(), int(thread.id), calls // grain, int(thread.steps), encoded
    )
    return found, max(int(thread.steps) - steps, 0)


def measurements(thread: Any) -> list[Job]:
    """Jobs that replayed a thread, the newest first."""
    wanted = str(thread.thread_id), str(thread.saver)
    return [
        job
        for job in _jobs(data.file())
        if (job.asked.get("thread"), job.asked.get("saver")) == wanted
    ]


def trials(job: str) -> Trials | None:
    """What a job measured so far; None: nothing."""
    found = _job(data.file(), job)
    if found is None:
        return None
    try:
        return design_trials.decode(found[1])
    except msgspec.DecodeError:
        return None


def measure(thread: Any, chosen: Settings, designs: tuple[str, ...]) -> str:
    """Ask for a replay; the id of the job.

    Raises:
        JobUnwritable: the spool cannot be written.
    """
    asked = Asked(thread=thread.thread_id, saver=thread.saver, designs=designs, settings=chosen)
    request = jobs.ask(
        settings.spool_folder(), KIND, f"designs of {thread.thread_id}",
        msgspec.to_builtins(asked), {"store": settings.store_url()},
    )  # fmt: skip
    return request.id


def cancel(job: str) -> None:
    """Ask a job to end.

    Raises:
        JobError: it cannot be asked.
    """
    jobs.cancel(settings.spool_folder(), job)


@st.cache_resource(ttl=300, max_entries=16, show_spinner=False)
def _predicted(
    file: data.File, key: int, version: int, _steps: int, chosen: bytes
) -> tuple[Predicted | None, int]:
    found = recorded(data.engine_of(file), key)
    if found is None:
        return None, _steps
    return predict(found, msgspec.json.decode(chosen, type=Settings)), _steps


@st.cache_data(ttl=data.FRESH_SECONDS, max_entries=8, show_spinner=False)
def _jobs(file: data.File) -> list[Job]:
    return queries_jobs.jobs(data.engine_of(file), KIND)


@st.cache_data(ttl=data.FRESH_SECONDS, max_entries=16, show_spinner=False)
def _job(file: data.File, job: str) -> tuple[Job, str] | None:
    return queries_jobs.job(data.engine_of(file), job)
