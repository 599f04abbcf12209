"""Pending writes and metadata of a step by value."""

from __future__ import annotations

import streamlit as st

from pages.ui import formats, frame, history_state
from pages.ui import history_values as shared
from pages.ui.history_context import Context
from storage.plain_text import clipped, visible
from storage.values import Value

MOST = 50
"""Writes that are shown."""

_NO_TASK = "00000000-0000-0000-0000-000000000000"
"""Of what no task wrote: the ``Command`` that the graph was called with."""


def writes(context: Context) -> None:
    """What each task wrote on top of the step."""
    with frame.card("writes-values"):
        frame.title("What they hold", "in the order in which LangGraph applies them")
        answer = shared.of_chosen(context)
        if answer is None:
            return
        if not answer.writes:
            st.text("The backend holds no pending write under this checkpoint.")
        for write in answer.writes[:MOST]:
            node = write.node or ("Command" if write.task == _NO_TASK else "unknown node")
            history_state.value(f"{clipped(node, 60)} → {clipped(write.channel, 60)}", write.value)
            st.caption(formats.plain(visible(f"task {write.task} · index {write.index}")))
        if len(answer.writes) > MOST:
            st.text(f"{formats.count(len(answer.writes) - MOST)} more writes.")
        shared.origin(answer)


def metadata(context: Context) -> None:
    """The metadata beside the checkpoint, and its document without channels."""
    with frame.card("metadata"):
        answer = shared.of_chosen(context)
        if answer is None:
            return
        parts: dict[str, Value] = {
            "Metadata": answer.metadata,
            "Checkpoint without its channels": answer.document,
        }
        for name, value in parts.items():
            history_state.value(name, value)
        shared.origin(answer)
