"""The Threads page: a list to search, sort and page through, or one thread."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from pages.ui import address, data, export, frame, states, tables, thread
from pages.ui.formats import count

PAGE_ROWS = 25
EXPORT_ROWS = 10_000
"""Most rows of an export."""

_ORDERS = {
    "most stored": "stored",
    "most live": "live",
    "most written": "written",
    "most written / live": "amplification",
    "most steps": "steps",
    "most errors": "errors",
    "used last": "recent",
    "unused longest": "oldest",
}
"""What the order is called on the page and in the address → ``queries_threads.SORTS``."""


def draw() -> None:
    """Draws the list, or the thread that the address names, again and again."""
    thread_id, saver = address.thread()
    if thread_id:
        frame.live(lambda: states.or_else(lambda: thread.draw(thread_id, saver)))
    else:
        frame.live(lambda: states.or_else(_list))


def _list() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="list-filters"):
        search = st.text_input(
            "Search", key="q", bind="query-params", placeholder="Part of a thread id",
            icon=":material/search:", on_change=_first_page, width=280,
        )  # fmt: skip
        sort = st.selectbox(
            "Order", list(_ORDERS), key="sort", bind="query-params", on_change=_first_page,
            width=210,
        )  # fmt: skip
        used = st.toggle(
            "Used in the window", key="used", bind="query-params", on_change=_first_page
        )
        errors = st.toggle("With errors", key="errors", bind="query-params", on_change=_first_page)
    number = max(1, int(st.session_state.get("page") or 1))
    chosen = data.ListChoice(search.strip(), _ORDERS[sort], used, errors)
    page, curves = data.threads(chosen, (number - 1) * PAGE_ROWS, PAGE_ROWS)
    with frame.card("threads"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            frame.title("Threads", f"{count(page.total)} found; tick one to open it")
            export.button("threads", lambda: _for_export(chosen))
        if not page.total:
            _nothing_found(chosen.search)
        elif page.rows.empty:
            st.text("There are fewer threads now than this page of the list needs.")
        else:
            tables.threads(page.rows, curves, key="threads-table")
        pages = max(1, math.ceil(page.total / PAGE_ROWS))
        if pages > 1 or number > 1:
            st.pagination(max(pages, number), key="page", bind="query-params")


def _nothing_found(search: str) -> None:
    st.text("No thread matches" + (" the search:" if search else " these filters."))
    if search:
        st.code(search, language=None)
    st.caption("The filters at the top of the page narrow this list, too.")


def _first_page() -> None:
    if "page" in st.session_state:
        st.session_state["page"] = 1


def _for_export(chosen: data.ListChoice) -> pd.DataFrame:
    page, _ = data.threads(chosen, 0, EXPORT_ROWS)
    return page.rows.drop(columns="id")
