"""The view Compare of the Backends page: what there is, what is asked for, and one result."""

from __future__ import annotations

import streamlit as st

from pages.ui import (
    compare_form,
    compare_list,
    compare_results,
    data,
    filters,
    frame,
    states,
)
from pages.ui.compare_form import SELECTED
from storage.errors import StoreMissing


def draw() -> None:
    """Draws the view; what changes while a comparison runs again and again."""
    asked = compare_form.asked_now()
    if asked:
        st.session_state[SELECTED] = asked
    with st.container(key="address-comparison"):
        st.text_input("Comparison", key=SELECTED, bind="query-params")
    frame.live(_collector, "-collector")
    left, right = st.columns([3, 2])
    with left:
        frame.live(compare_list.draw, "-comparisons")
    with right:
        frame.guarded(compare_form.draw, "-form")
    frame.live(_shown, "-comparison")


def _collector() -> None:
    """Where no collector works, nothing is compared."""
    try:
        health = data.health()
    except StoreMissing:
        return
    if health.stale:
        states.stale(health, filters.zone())


def _shown() -> None:
    found = compare_list.listed()
    job = compare_list.selected(found)
    if job is not None:
        compare_results.draw(job)
    elif st.session_state.get(SELECTED):
        with frame.card("compare-gone"):
            st.text("There is no comparison of this address (any longer): choose another one.")
