"""The Threads page: a list to search, sort and page through, or one thread."""

from __future__ import annotations

import math
from collections.abc import Callable

import streamlit as st

from pages.ui import address, data, export, frame, states, tables, thread, thread_filters
from pages.ui.formats import count
from storage.finding import pasted

PAGE_ROWS = 25
EXPORT_ROWS = 200_000
"""Most rows of an export: it is made in the server's memory, some hundred bytes a row."""


def draw() -> None:
    """Draws the list, or the thread that the address names, again and again."""
    thread_id, saver = address.thread()
    if thread_id:
        frame.live(lambda: states.or_else(lambda: thread.draw(thread_id, saver)))
    else:
        frame.live(lambda: states.or_else(_list))


def _list() -> None:
    chosen = thread_filters.draw()
    number = max(1, int(st.session_state.get("page") or 1))
    found = data.listed(chosen, (number - 1) * PAGE_ROWS, PAGE_ROWS)
    with frame.card("threads"):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center",
            wrap=False,
        ):  # fmt: skip
            of = f"{count(found.total)} of {count(found.all)}"
            frame.title("Threads", f"{of}; tick one to open it")
            if found.total:
                export.button("threads", data.all_threads(found.chosen, EXPORT_ROWS),
                              _left_out(found.total))  # fmt: skip
        _by(chosen.search, found.by)
        if not found.total:
            _nothing_found(chosen.search)
        elif found.rows.empty:
            st.text("There are fewer threads now than this page of the list needs.")
        else:
            open_ = _opener(chosen.search, found.by)
            tables.threads(found.rows, found.curves, key="threads-table", open_=open_)
        pages = max(1, math.ceil(found.total / PAGE_ROWS))
        if pages > 1 or number > 1:
            st.pagination(max(pages, number), key="page", bind="query-params")


def _by(search: str, by: str) -> None:
    """Where the list shows something else than threads whose id has what was typed."""
    what = pasted(search)
    if by:
        st.caption(f"No thread has this id; it is the id of a {by} of:")
    elif what.thread != search.strip():
        st.caption("Searched for:")
        st.code(what.thread, language=None)


def _opener(search: str, by: str) -> Callable[[str, str], None]:
    """What a tick opens: the thread, or its history at the checkpoint that was searched for."""
    if by != "checkpoint":
        return address.ask_for_thread
    checkpoint = pasted(search).thread
    return lambda thread_id, saver: address.ask_for_history(thread_id, saver, checkpoint)


def _left_out(total: int) -> str:
    if total <= EXPORT_ROWS:
        return ""
    return (
        f"The first {count(EXPORT_ROWS)} of {count(total)} in this order. "
        "`python -m storage threads --json --limit …` has them all."
    )


def _nothing_found(search: str) -> None:
    st.text("No thread matches" + (" the search:" if search else " these filters."))
    if search:
        st.code(search, language=None)
        st.caption(
            "A checkpoint id is looked for in the threads used soonest after it, a run id in the "
            "newest runs: an older one may not be found."
        )
    st.caption("The filters at the top of the page narrow this list, too.")
