"""Values of a checkpoint on demand, from the user's own database; nothing of them is stored.

``allowed()`` says whether they may be shown at all, ``checkpoint()`` fetches those of one
checkpoint. Both give words to show where there is nothing else to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import streamlit as st

from pages.ui import data
from pages.ui.viewer import Viewer
from statemeter import settings
from statemeter.errors import SettingError
from storage import queries_values
from storage.values import Answer, Ask

HOW_TO_ALLOW = (
    "Values are not shown: start the dashboard with STATEMETER_SHOW_VALUES=1 to read them on "
    "demand from your own database. Nothing of them is stored."
)


def allowed() -> str:
    """Empty where values may be shown, else the one line that says how to allow them."""
    try:
        return "" if settings.get("STATEMETER_SHOW_VALUES") else HOW_TO_ALLOW
    except SettingError as error:
        return str(error)


def checkpoint(
    thread: Any, ns: str, checkpoint_id: str, channels: Sequence[str] | None = None
) -> Answer:
    """The values of one checkpoint, or the problem that keeps them from being shown.

    Args:
        thread: row of the thread, of ``data.find_thread``.
        ns: checkpoint namespace.
        checkpoint_id: empty for the newest of the namespace.
        channels: of these channels alone; None: of all.
    """
    why = allowed()
    if why:
        return Answer(problem=why)
    place = queries_values.place_of(data.engine_of(data.file()), int(thread.id))
    if place is None:
        return Answer(problem="The thread is not in the store any longer.")
    try:
        spool = str(settings.spool_folder())
    except SettingError as error:
        return Answer(problem=str(error))
    answer = _viewer().ask(
        Ask(
            saver=place.saver, backend=place.backend, database=place.database,
            incarnations=list(place.incarnations), spool=spool, thread=place.thread, ns=ns,
            checkpoint=checkpoint_id, channels=None if channels is None else list(channels),
        )
    )  # fmt: skip
    if place.process and answer.origin:
        return msgspec.structs.replace(answer, origin=place.process)
    return answer


def note(answer: Answer) -> str:
    """Where the values come from, as one line to show beside them."""
    hidden = f" {answer.redacted:,} hidden by redaction." if answer.redacted else ""
    return f"Read on demand from {answer.origin}; nothing of it is stored.{hidden}"


@st.cache_resource(show_spinner=False, on_release=Viewer.close)
def _viewer() -> Viewer:
    return Viewer()
