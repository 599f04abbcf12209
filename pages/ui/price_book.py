"""The price book and the settings of costs, to be edited: ``ordering`` says how that goes."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from pages.ui import cost_settings_form, data_costs, formats, frame, price_form
from pages.ui.price_orders import ORDERS
from storage import cost_settings, price_files
from storage.prices import PriceError
from storage.queries_prices import Book

DAYS = {"y": 365, "mo": 30, "d": 1}


def draw() -> None:
    """Draws both."""
    book = data_costs.book()
    with frame.card("prices"):
        frame.title("Price book", _summary(book))
        _table(book)
    left, right = st.columns(2)
    with left, frame.card("price-edit", height="stretch"):
        frame.title("Change a price", "add, change or remove")
        price_form.draw(book)
        ORDERS.draw()
        _files(book)
    with right, frame.card("cost-settings", height="stretch"):
        cost_settings_form.draw(book)


def _summary(book: Book) -> str:
    told = f"{len(book.prices)} prices"
    if book.edited:
        told += f", {len(book.edited)} edited"
    return told + (f", {book.removed} removed" if book.removed else "")


def _table(book: Book) -> None:
    today = datetime.now(UTC).date()
    oldest = cost_settings.values(book.settings)["price_age_days"]
    rows = []
    for price in book.prices:
        age = price.age_days(today)
        flags = (
            [] if age is not None and age <= oldest else ["old" if age is not None else "undated"]
        )
        flags += ["unknown"] if price.price is None else []
        flags += ["edited"] if price.key in book.edited else []
        rows.append(
            {
                "service": price.service, "item": price.item, "price": price.price,
                "currency": price.currency, "unit": price.unit,
                "age": _age(age), "flags": flags,
                "backend": formats.backend_name(price.backend), "region": price.region,
                "as_of": price.as_of, "source": price.source, "confidence": price.confidence,
            }
        )  # fmt: skip
    config = st.column_config
    st.dataframe(
        pd.DataFrame(rows), key="price-table", hide_index=True,
        height=frame.table_height(len(rows), 500), placeholder="unknown", alt="Price book",
        column_config={
            "service": config.TextColumn("Service", width=190, pinned=True),
            "item": config.TextColumn("Item", width=180),
            "price": config.NumberColumn("Price", width=90, format="%.6g"),
            "currency": config.TextColumn("Currency"),
            "unit": config.TextColumn("per"),
            "age": config.TextColumn("Age", width=90, help="Since it was looked up, at most."),
            "flags": config.MultiselectColumn(
                "Flags", width=190, options=["old", "undated", "unknown", "edited"],
                color=["orange", "orange", "red", "blue"],
                help=f"**old**: looked up more than {oldest:g} days ago (price_age_days).  \n"
                "**undated**: nobody said when.  \n**unknown**: without a figure.  \n"
                "**edited**: by you.",
            ),
            "backend": config.TextColumn("Backend"),
            "region": config.TextColumn("Region"),
            "as_of": config.TextColumn("As of"),
            "source": config.TextColumn("Source", width="medium"),
            "confidence": config.TextColumn("Confidence"),
        },
    )  # fmt: skip


def _age(days: int | None) -> str | None:
    if days is None:
        return None
    unit, length = next((u, n) for u, n in DAYS.items() if days >= n or n == 1)
    return f"{days / length:.1f} {unit}" if unit == "y" else f"{days // length} {unit}"


def _files(book: Book) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            "Export", price_files.export(book.prices), file_name="statemeter-prices.csv",
            mime="text/csv", icon=":material/download:", key="price-export", on_click="ignore",
            help="The book as CSV; a formula is text.",
        )  # fmt: skip
        st.button(
            "Reset to shipped", icon=":material/restart_alt:", key="price-reset",
            disabled=ORDERS.saving() or not (book.edited or book.removed),
            on_click=ORDERS.leave,
            args=("reset prices", {}, "All prices are as they were shipped"),
        )  # fmt: skip
    with st.form("price-import", border=False, clear_on_submit=True):
        st.file_uploader(
            "Import", type="csv", key="price-file", max_upload_size=2,
            help="CSV with the columns of the export. A price of the same service, item and region "
            "is replaced; others stay.",
        )  # fmt: skip
        st.form_submit_button(
            "Import", icon=":material/upload:", key="price-take", on_click=_take,
            disabled=ORDERS.saving(),
        )  # fmt: skip


def _take() -> None:
    file = st.session_state.get("price-file")
    if file is None:
        ORDERS.refuse(["No file was chosen."])
        return
    try:
        found = price_files.read(file.getvalue())
    except PriceError as error:
        ORDERS.refuse(list(error.faults))
        return
    if not found.prices:
        ORDERS.refuse(list(found.faults) or ["The file has no price."])
        return
    ORDERS.leave(
        "set prices", {"prices": [price.row() for price in found.prices]},
        f"{len(found.prices)} prices of the file",
    )  # fmt: skip
    if found.faults and ORDERS.saving():
        ORDERS.tell(
            f"{len(found.prices)} prices are taken, {len(found.faults)} lines are not:",
            list(found.faults),
        )
