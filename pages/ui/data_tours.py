"""What the page Tour asks the store, shared by all visitors; see ``data``."""

from __future__ import annotations

import streamlit as st

from pages.ui.data import FRESH_SECONDS, File, engine_of, file
from storage import tours
from storage.errors import StoreMissing
from storage.tours import Half


def halves() -> dict[str, Half]:
    """Both halves of the newest play, as far as they are there."""
    try:
        return _halves(file())
    except StoreMissing:
        return {}


@st.cache_data(ttl=FRESH_SECONDS, max_entries=8, show_spinner=False)
def _halves(file: File) -> dict[str, Half]:
    return tours.halves(engine_of(file))
