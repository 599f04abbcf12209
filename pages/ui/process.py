"""The parts of the Process page: which process, and what can be asked of it."""

from __future__ import annotations

import streamlit as st

from pages.ui import data_regions, ondemand, states
from storage.errors import StoreMissing
from storage.queries_regions import Told

_KEY = "process"


def draw() -> None:
    """Draws the page."""
    try:
        found = data_regions.processes()
    except StoreMissing:
        found = []
    if not found:
        states.empty()
        return
    by_name = {one.incarnation: one for one in found}
    if st.session_state.get(_KEY) not in by_name:
        st.session_state.pop(_KEY, None)
    chosen = st.selectbox(
        "Process", list(by_name), format_func=lambda name: _label(by_name[name]), key=_KEY,
        bind="query-params",
    )  # fmt: skip
    ondemand.draw(by_name[str(chosen)])


def _label(process: Told) -> str:
    ended = "" if process.alive else " · ended"
    return f"{process.application} · pid {process.pid} on {process.host}{ended}"
