"""The parts of the Costs page."""

from __future__ import annotations

import streamlit as st

from pages.ui import (
    charts_costs,
    cost_cards,
    cost_model,
    cost_tables,
    data_costs,
    filters,
    frame,
    price_book,
    states,
)
from pages.ui.live_plot import live_plot
from storage.costs import Costs


def draw() -> None:
    """Draws the page; what is measured again and again, what is edited when it is."""
    frame.live(lambda: states.or_else(_body))
    # Comparisons are priced by the book, too, before anything was measured.
    frame.guarded(lambda: states.if_there(price_book.draw), "-prices")


def _body() -> None:
    found = data_costs.costs()
    cost_cards.draw(found)
    left, right = st.columns([3, 2])
    with left:
        _by_backend(found)
    with right:
        _forecast(found)
    cost_tables.elsewhere(found)
    cost_tables.in_use(found)
    left, right = st.columns([3, 2])
    with left:
        cost_tables.limits(found)
    with right:
        cost_tables.applications(found)
    cost_model.draw(found)


def _by_backend(found: Costs) -> None:
    with frame.card("costs-by-backend", height="stretch"):
        frame.title("The same threads on each backend", "USD a month, stacked")
        if not found.elsewhere:
            st.caption("Nothing is stored with these filters.")
            return
        live_plot(
            charts_costs.by_backend(found.elsewhere.values()), key="plot-costs",
            label="Monthly cost of each backend by part",
        )  # fmt: skip


def _forecast(found: Costs) -> None:
    with frame.card("costs-forecast", height="stretch"):
        if found.forecast is None:
            frame.title("Coming months")
            st.caption(f"Unknown: {found.forecast_why}.")
            st.caption("A forecast of less would be a guess. How much it takes is a setting below.")
            return
        models = ", ".join(sorted({getattr(one, "model", "") for one in found.fits.values()}))
        frame.title("Coming months", f"USD a month, 95 % range · growth: {models}")
        live_plot(
            charts_costs.forecast(found.forecast, filters.zone()), key="plot-forecast",
            label="Monthly cost in the coming months",
        )  # fmt: skip
