"""The form that changes, adds or removes one price."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from pages.ui.price_orders import ORDERS
from storage.prices import BACKENDS, COLUMNS, CONFIDENCES, UNITS, Price, PriceError, parse
from storage.queries_prices import Book

NEW = ""
"""Key of the choice that adds a price."""

_LABELS = {
    "price": "Price", "currency": "Currency", "unit": "Unit", "as_of": "As of", "source": "Source",
    "confidence": "Confidence", "service": "Service", "backend": "Backend", "item": "Item",
    "region": "Region",
}  # fmt: skip
_CHOICES = {"unit": tuple(UNITS), "confidence": CONFIDENCES, "backend": BACKENDS}
_HELP = {
    "price": "Of one unit. Empty: unknown, which is another thing than 0.",
    "as_of": "When it was looked up: YYYY, YYYY-MM, YYYY-MM-DD or undated.",
    "item": "It may say its capacity: 2 GiB, up to 5 GB, 100 ops/s, min 1 GB, after 1 GB.",
    "backend": "A backend; archive for backups of any; model for tokens.",
}
_FIRST = {"currency": "USD", "unit": "GB-month", "confidence": "medium", "backend": "postgres"}


def draw(book: Book) -> None:
    """Draws the form."""
    by_key = {price.key: price for price in book.prices}
    chosen = st.selectbox(
        "Price", [*by_key, NEW], key="price-chosen", width="stretch",
        format_func=lambda key: _name(by_key[key]) if key in by_key else "Add a price…",
    )  # fmt: skip
    price = by_key.get(str(chosen))
    # Another price, or the same after it was saved, has fields of its own.
    mark = f"{chosen}-{book.changed_us}"
    with st.form("price-form", border=False):
        first = st.columns(3)
        for place, name in zip(first, ("price", "currency", "unit"), strict=True):
            with place:
                _field(name, price, mark)
        second = st.columns(3)
        for place, name in zip(second, ("as_of", "source", "confidence"), strict=True):
            with place:
                _field(name, price, mark)
        if price is None:
            left, right = st.columns(2)
            with left:
                _field("service", price, mark)
                _field("item", price, mark)
            with right:
                _field("backend", price, mark)
                _field("region", price, mark)
        with st.container(horizontal=True):
            st.form_submit_button(
                "Save", type="primary", icon=":material/save:", key="price-save",
                disabled=ORDERS.saving(), on_click=_save, args=(price, mark, tuple(by_key)),
            )  # fmt: skip
            if price is not None:
                st.form_submit_button(
                    "Remove", icon=":material/delete:", key="price-remove",
                    disabled=ORDERS.saving(), on_click=_remove, args=(price,),
                )  # fmt: skip


def _name(price: Price) -> str:
    return f"{price.service} · {price.item} · {price.region}"


def _key(name: str, mark: str) -> str:
    return f"price-{name}-{mark}"


def _field(name: str, price: Price | None, mark: str) -> None:
    value = getattr(price, name) if price else _FIRST.get(name, "")
    if name == "as_of" and price is None:
        value = datetime.now(UTC).date().isoformat()
    if name in _CHOICES:
        options = list(_CHOICES[name])
        st.selectbox(
            _LABELS[name], options, index=options.index(value), key=_key(name, mark),
            help=_HELP.get(name),
        )  # fmt: skip
        return
    text = "" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)
    st.text_input(
        _LABELS[name], value=text, key=_key(name, mark), help=_HELP.get(name), autocomplete="off",
        placeholder="unknown" if name == "price" else None,
    )  # fmt: skip


def _save(price: Price | None, mark: str, known: tuple[str, ...]) -> None:
    told = price.row() if price else dict.fromkeys(COLUMNS, "")
    for name in COLUMNS:
        if _key(name, mark) in st.session_state:
            told[name] = st.session_state[_key(name, mark)]
    try:
        made = parse(told)
    except PriceError as error:
        ORDERS.refuse(list(error.faults))
        return
    if price is None and made.key in known:
        ORDERS.refuse([f"{_name(made)} is in the book already: choose it above to change it."])
        return
    ORDERS.leave("set prices", {"prices": [made.row()]}, _name(made))


def _remove(price: Price) -> None:
    ORDERS.leave("set prices", {"removed": [price.key]}, f"{_name(price)} is removed")
