"""The page Tour: play the tuning of a chatbot, and see what it changes.

Both halves are ordinary applications in the store; all numbers are the store's.
"""

from __future__ import annotations

import streamlit as st

from pages.ui import data_tours, frame, processes, states, tour_halves, tour_words
from storage import tours

COMMAND = "make tour ARGS=--keep"
_WATCH_SECONDS = 1.0
_WAS_RUNNING = "statemeter_tour_running"


def draw() -> None:
    """Draws the page: what is played again and again, the words once."""
    # Whoever waits for it does not want to wait for the next refresh.
    running = processes.tour_running()
    watched = st.fragment(
        lambda: frame.guarded(_play, "-tour"), run_every=_WATCH_SECONDS if running else None
    )
    watched()
    frame.live(_halves)
    frame.guarded(tour_words.draw, "-words")


def _play() -> None:
    running = processes.tour_running()
    if st.session_state.get(_WAS_RUNNING, running) != running:
        st.session_state[_WAS_RUNNING] = running
        st.rerun()
    st.session_state[_WAS_RUNNING] = running
    with frame.card("tour"):
        st.text(
            f"The same conversation of {tours.TURNS} turns, played twice: by a chatbot as many are "
            "first written, and by one that was tuned by what is found of it. Real LangGraph, no "
            "model, no network; half a minute."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button(
                "Playing…" if running else "Play the tour", type="primary", disabled=running,
                icon=":material/play_arrow:", key="play_tour",
                help="Runs both on this machine, as the applications tour-before and tour-after "
                "of this store.",
            ):  # fmt: skip
                processes.start_tour()
                st.rerun()
            st.code(COMMAND, language="bash", width="content")
        if running:
            share, words = _progress()
            st.progress(share, words)
        states.failure("tour")


def _progress() -> tuple[float, str]:
    """How far it is: a share of 1, and in words."""
    since_us = processes.tour_since_us()
    halves = {name: half for name, half in data_tours.halves().items()
              if half.began_us >= since_us}  # fmt: skip
    before, after = halves.get("before"), halves.get("after")
    if before is None:
        return 0.02, "Before: it starts"
    if after is None:
        done = before.turns / tours.TURNS
        if done < 1:
            return 0.05 + 0.35 * done, f"Before: {before.turns} of {tours.TURNS} turns"
        return 0.4, "After tuning: it starts"
    done = after.turns / tours.TURNS
    if done < 1:
        return 0.45 + 0.35 * done, f"After tuning: {after.turns} of {tours.TURNS} turns"
    return 0.85, "Both are done; the rules look at them while they live"


def _halves() -> None:
    halves = data_tours.halves()
    if not halves:
        with frame.card("tour-empty"):
            st.text(
                "It was not played yet. What it measures will stand here side by side: bytes and "
                "time of a turn, memory, cost, and what was found."
            )
        return
    tour_halves.draw(halves)
