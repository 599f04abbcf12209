"""A row that a visitor ticks in a table: which it is, and showing it beyond the table's part.

A part that is drawn again and again (``frame.live``) ends where it ends: what a row of its table
names is shown by the whole page, the address with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

_TICKED = "statemeter_ticked"
"""In the state of the session while a row was just ticked."""


def row(table: str, count: int) -> int | None:
    """The row of a table that a visitor ticks, for callbacks; None: it is ticked no longer, or the
    table had more rows when it was.

    Args:
        table: its key.
        count: how many rows there are.
    """
    picked = st.session_state[table]["selection"]["rows"]
    return int(picked[0]) if picked and picked[0] < count else None


def show(table: str, names: Sequence[str], key: str) -> None:
    """Shows what the ticked row names, for callbacks.

    Args:
        table: its key.
        names: what each row names.
        key: of the field that holds the name of what is shown.
    """
    picked = row(table, len(names))
    if picked is not None:
        st.session_state[key] = names[picked]
        whole_page()


def whole_page() -> None:
    """The next ``follow()`` draws the whole page; for callbacks."""
    st.session_state[_TICKED] = True


def follow() -> None:
    """Draws the whole page where a row was just ticked; after all that the part has to draw."""
    if st.session_state.pop(_TICKED, False):
        st.rerun()
