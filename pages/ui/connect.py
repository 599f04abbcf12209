"""The parts of the Connect page: databases that are attached, and the ways to measure more."""

from __future__ import annotations

import streamlit as st

from pages.ui import (
    connect_cards,
    connect_form,
    data,
    data_sources,
    filters,
    frame,
    processes,
    states,
)
from storage.errors import StoreMissing
from storage.queries import now_us
from storage.queries_health import Health


def draw() -> None:
    """Draws the page."""
    frame.live(_attached)
    left, right = st.columns([3, 2])
    with left:
        connect_form.draw()
    with right:
        _instrument()
        connect_form.draw_values()


def _attached() -> None:
    """What is attached, on top where there is anything."""
    try:
        health = data.health()
    except StoreMissing:
        health = Health(at_us=now_us())
    found = data_sources.attached()
    here = [one for one in found if not one.removed_us]
    if health.stale and (health.ever or here):
        states.stale(health, filters.zone())
    connect_cards.draw(here, not health.stale, filters.zone())
    connect_cards.draw_detached([one for one in found if one.removed_us], filters.zone())


def _instrument() -> None:
    with frame.card("instrument"):
        frame.title("Or instrument the application", "two lines; sees more")
        st.caption(
            "Latency, failed calls, nodes, caches and stores are seen from inside only, and what "
            "an InMemorySaver holds as well: it has no database to attach."
        )
        st.code(states.SNIPPET, language="python", wrap_lines=True)
        running = processes.demo_running()
        st.button(
            "The demo runs" if running else "Run the demo", icon=":material/play_arrow:",
            disabled=running, key="run_demo", on_click=processes.start_demo,
            help="Starts real LangGraph applications on this machine: no model, no network.",
        )  # fmt: skip
        states.failure("demo")
