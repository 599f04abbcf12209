"""What the Costs page asks the store, shared by all visitors; see ``data``."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import filters
from pages.ui.data import LONG_FRESH_SECONDS, File, engine_of, file
from storage import costs as model
from storage import queries_prices
from storage.costs import Costs
from storage.queries import Scope
from storage.queries_prices import Book
from storage.queries_workload import Held

CARD_FRESH_SECONDS = 60
"""How long the Overview shows a cost: an hour's calls make no other month in a minute."""


def costs() -> Costs:
    """Costs by the filters."""
    return _costs(file(), filters.window_seconds(), filters.scope())


def card(totals: pd.DataFrame) -> Costs:
    """The same in short for the Overview, which is drawn every second or two and has summed what
    backends hold (``Overview.totals``)."""
    columns = ["backend", "threads", "live_bytes", "stored_bytes"]
    held = list(totals[columns].itertuples(index=False, name=None))
    return _card(file(), filters.window_seconds(), filters.scope(), held)


def book() -> Book:
    """The price book and the settings, as they are now."""
    return queries_prices.book(engine_of(file()))


def forget() -> None:
    """Something was edited: what is kept for a moment is old."""
    _costs.clear()
    _card.clear()


@st.cache_data(ttl=LONG_FRESH_SECONDS, max_entries=64, show_spinner=False)
def _costs(file: File, window_s: int, scope: Scope) -> Costs:
    return model.costs(engine_of(file), window_s, scope)


@st.cache_data(ttl=CARD_FRESH_SECONDS, max_entries=64, show_spinner=False)
def _card(file: File, window_s: int, scope: Scope, _held: list[Held]) -> Costs:
    return model.costs(engine_of(file), window_s, scope, brief=_held)
