"""What all pages are narrowed to, and how often they draw themselves again.

The widgets are drawn by ``app.py``, not by the pages: one that is bound to the address keeps its
value over a change of page only if it belongs to all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from storage.queries import WINDOWS, Scope

ALL = "all"
REFRESH: dict[str, float | None] = {"1s": 1.0, "2s": 2.0, "5s": 5.0, "15s": 15.0, "paused": None}
DEFAULT_WINDOW = "1h"
DEFAULT_REFRESH = "2s"

SHARED = ("window", "backend", "application", "refresh")
"""Names in the address, and keys of the widgets, that all pages share."""

_PAGE = "statemeter_page"


def draw(backends: Sequence[str], applications: Sequence[str]) -> None:
    """Draws the widgets.

    Args:
        backends: what can be chosen.
        applications: what can be chosen.
    """
    st.segmented_control(
        "Window", list(WINDOWS), default=DEFAULT_WINDOW, required=True, key="window",
        bind="query-params", label_visibility="collapsed",
    )  # fmt: skip
    _choice("Backend", "backend", backends, "All backends")
    if len(applications) > 1 or _chosen("application"):
        _choice("Application", "application", applications, "All applications")
    with st.popover("", icon=":material/tune:", help="Settings", key="settings"):
        st.segmented_control(
            "Refresh every", list(REFRESH), default=DEFAULT_REFRESH, required=True,
            key="refresh", bind="query-params",
        )  # fmt: skip


def keep(page: str) -> None:
    """Keeps what was chosen over a change of page; to be called before ``draw()``.

    On a click on a link the browser drops the names of widgets that it has not mounted yet, as on
    a page that has only just come, and shows their defaults. What is assigned here goes back into
    the address and the widgets. On Back and Forward the address wins, whatever is assigned.

    Args:
        page: names the page of this run.
    """
    if st.session_state.get(_PAGE, page) != page:
        for name in SHARED:
            if name in st.session_state and name not in st.query_params:
                st.session_state[name] = st.session_state[name]
    st.session_state[_PAGE] = page


def window() -> str:
    """The chosen window, a name of ``WINDOWS``."""
    return str(st.session_state.get("window") or DEFAULT_WINDOW)


def window_seconds() -> int:
    """The chosen window."""
    return WINDOWS[window()]


def scope() -> Scope:
    """The chosen backend and application."""
    return Scope(_chosen("backend"), _chosen("application"))


def refresh_seconds() -> float | None:
    """How often live parts draw themselves again, None: not at all."""
    return REFRESH[st.session_state.get("refresh") or DEFAULT_REFRESH]


def zone() -> str | None:
    """The visitor's time zone."""
    return st.context.timezone


def _choice(label: str, key: str, names: Sequence[str], everything: str) -> None:
    chosen = _chosen(key)
    options = [ALL, *names, *([chosen] if chosen and chosen not in names else [])]
    st.selectbox(
        label,
        options,
        # The address has what is shown, so names are shown as the store has them.
        format_func=lambda name: everything if name == ALL else name,
        key=key,
        bind="query-params",
        label_visibility="collapsed",
        width=170,
    )


def _chosen(key: str) -> str | None:
    value = st.session_state.get(key)
    return None if value in (None, ALL) else str(value)
