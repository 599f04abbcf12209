"""The header of every page: its title, whether it is live, and the filters."""

from __future__ import annotations

import streamlit as st

from pages.ui import data, filters, frame
from pages.ui.formats import ago, count
from storage.errors import StoreError

_CHOICES = "statemeter_choices"


def draw(title: str) -> None:
    """Draws the header."""
    backends, applications = _choices()
    st.session_state[_CHOICES] = (backends, applications)
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        key="header",
    ):
        left = st.container(
            horizontal=True, vertical_alignment="center", width="content", wrap=False
        )
        with st.container(
            horizontal=True, vertical_alignment="center", width="content", key="filters"
        ):
            filters.draw(backends, applications)
        with left:  # after the filters: how often it draws itself again is one of them
            st.subheader(title, anchor=False, width="content")
            frame.live(_badges, "-badges")


def _badges() -> None:
    choices = _choices()
    if choices != st.session_state.get(_CHOICES):
        st.rerun()  # a backend or an application is new: the filters offer it
    with st.container(horizontal=True, vertical_alignment="center", width="content", key="badges"):
        try:
            health = data.health()
        except StoreError:
            st.badge("No data", icon=":material/database_off:", color="gray")
            return
        if health.stale:
            since = f" since {ago(health.heartbeat_us, health.at_us)[:-4]}" if health.ever else ""
            st.badge(f"Stale{since}", icon=":material/pause_circle:", color="orange")
        elif health.problem:
            st.badge("Blocked", icon=":material/error:", color="red")
        elif filters.refresh_seconds() is None:
            st.badge("Paused", icon=":material/pause:", color="gray")
        else:
            st.badge("Live", icon=":material/radio_button_checked:", color="green")
        number = len(choices[0])
        if number:
            st.badge(
                f"{count(number)} backend{'' if number == 1 else 's'}",
                icon=":material/database:",
                color="gray",
            )


def _choices() -> tuple[list[str], list[str]]:
    try:
        return data.choices()
    except StoreError:
        return [], []  # the page tells what is wrong
