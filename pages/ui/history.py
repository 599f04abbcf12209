"""The History page: the tree of checkpoints, a slider over the steps, and views of one step."""

from __future__ import annotations

import streamlit as st

from pages.ui import frame, states
from pages.ui.history_context import Context
from pages.ui.history_views import VIEWS


def draw() -> None:
    """Draws the thread that the address names, again and again."""
    frame.live(lambda: states.or_else(_nothing_chosen))


def _nothing_chosen() -> None:
    with frame.card("no-thread"):
        st.text("Choose a thread on the Threads page.")


def view(name: str, context: Context) -> None:
    """Draws a view of a step."""
    for part in VIEWS[name]:
        part(context)
