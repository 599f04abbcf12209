"""How the figures of the Costs page are worked out, with the user's own numbers in them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import export, filters, formats, frame
from storage import cost_settings
from storage.costs import Costs
from storage.growth import Fit

WORDS = (
    "A month has 730 hours. Calls are those of the window, as if it were like that all month. "
    "What is stored is counted as savers hand it over, translated to the layout of each backend, "
    "times its overhead on disk or in memory. Growth is fitted to bytes gained in each "
    "hour (from two weeks on: each day): flat, linear or quadratic, by AICc; the range is the 95 % "
    "prediction interval. An unknown part is never counted as 0: the total is then a lower bound."
)


def draw(found: Costs) -> None:
    """Draws the card."""
    table = pd.DataFrame([
        {
            "backend": formats.backend_name(cost.backend),
            "part": part.name,
            "usd_a_month": part.usd,
            "how": part.how,
        }
        for cost in found.elsewhere.values()
        for part in cost.parts
    ])  # fmt: skip
    with frame.card("costs-model"):
        export.title(
            "How it is worked out", "with your numbers", "costs-model", lambda: table,
            there=not table.empty,
        )  # fmt: skip
        st.caption(WORDS)
        if table.empty:
            return
        st.dataframe(
            frame.in_dollars(table, "usd_a_month"), key="costs-model-table", hide_index=True,
            height=frame.table_height(8, 330),
            placeholder="unknown", alt="How costs are worked out",
            column_config={
                "backend": st.column_config.TextColumn("Backend", pinned=True),
                "part": st.column_config.TextColumn("Part"),
                "usd_a_month": st.column_config.NumberColumn("USD / month"),
                "how": st.column_config.TextColumn("How, or why it is unknown", width="large"),
            },
        )  # fmt: skip
        left, right = st.columns(2)
        with left:
            _assumptions(found)
        with right:
            _context(found)


def _assumptions(found: Costs) -> None:
    rows = [
        {"what": f"{formats.backend_name(name)}: overhead", "value": f"{one.ratio:.2f}×",
         "from": ("measured: " if one.measured else "assumed: ") + one.how}
        for name, one in found.physical.overheads.items()
    ]  # fmt: skip
    for name, one in found.fits.items():
        told = (
            f"{one.slots} slots of {one.slot_seconds / 3600:g} h, "
            f"{formats.size(one.rate / one.slot_seconds * 86_400, signed=True)} a day now"
            if isinstance(one, Fit) else one
        )  # fmt: skip
        model = one.model if isinstance(one, Fit) else "unknown"
        rows.append({"what": f"{formats.backend_name(name)}: growth", "value": model, "from": told})
    for name, setting in cost_settings.SETTINGS.items():
        rows.append({
            "what": setting.label, "value": f"{found.figures[name]:g} {setting.unit}",
            "from": "set by you" if name in found.book.settings else "default",
        })  # fmt: skip
    frame.title("Assumptions", "measured, assumed, or set by you")
    st.dataframe(
        pd.DataFrame(rows), key="costs-assumptions", hide_index=True,
        height=frame.table_height(8, 330), alt="Assumptions",
        column_config={
            "what": st.column_config.TextColumn("What", pinned=True),
            "value": st.column_config.TextColumn("Value"),
            "from": st.column_config.TextColumn("From", width="large"),
        },
    )  # fmt: skip


def _context(found: Costs) -> None:
    context, figures = found.context, found.figures
    frame.title("Messages as model context", "an estimate, beside the other figures")
    if context.tokens_a_month is None:
        st.caption(f"Unknown: {context.why}.")
        return
    usd = (
        f"{formats.money(context.usd_a_month)} a month"
        if context.usd_a_month is not None
        else f"unknown: {context.why}"
    )
    st.text(
        f"{formats.tokens(context.calls_a_month)} calls of models a month "
        f"({figures['calls_per_write']:g} for each step that writes messages)\n"
        f"× {formats.tokens(context.tokens_a_call)} tokens sent with each "
        f"({figures['bytes_per_token']:g} bytes a token, less {figures['message_bytes']:g} bytes "
        "a message)\n"
        f"= {formats.tokens(context.tokens_a_month)} tokens a month\n"
        f"Cost: {usd}"
    )
    st.caption(
        "Usage metadata lie inside messages, whose content is never read: so it is estimated from "
        f"bytes, at the rate of the last {filters.window()}. A provider's cache of prompts may "
        "charge less for what was sent before."
    )
