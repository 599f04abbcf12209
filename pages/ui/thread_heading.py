"""What stands above everything about one thread, and what stands there where it is not found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import (
    address,
    data,
    data_process,
    data_shared,
    export,
    finding_top,
    formats,
    frame,
    share,
    tables,
)

Open = Callable[[str, str], None]
"""Goes to a thread, by its id and the key of its saver."""


def found(thread_id: str, saver: str, open_: Open = address.ask_for_thread) -> Any | None:
    """The thread with this id, a row of ``data.find_thread`` by attributes; None where there is
    none or several storages have one, which is then drawn."""
    rows = data.find_thread(thread_id, saver)
    if rows.empty:
        _missing(thread_id, saver)
        return None
    if len(rows) > 1:
        _ambiguous(thread_id, rows, open_)
        return None
    return next(rows.itertuples(index=False))


def open_history(row: Any) -> None:
    """A button that leads to the history of the thread."""
    st.button(
        "Open history", icon=":material/history:", key="open-history", type="tertiary",
        on_click=address.ask_for_history, args=(row.thread_id, row.saver),
    )  # fmt: skip


def open_thread(row: Any) -> None:
    """A button that leads from the history to the thread."""
    st.button(
        "Open thread", icon=":material/forum:", key="open-thread", type="tertiary",
        on_click=address.ask_for_thread, args=(row.thread_id, row.saver),
    )  # fmt: skip


def open_designs(row: Any) -> None:
    """A button that leads to what other designs of the thread's state would take."""
    st.button(
        "State designs", icon=":material/architecture:", key="open-designs", type="tertiary",
        on_click=address.ask_for_designs, args=(row.thread_id, row.saver),
    )  # fmt: skip


def _open_process(row: Any) -> None:
    """A button that leads to the process that used the thread last, where one is instrumented."""
    process = data_process.of_thread(int(row.id))
    if process:
        st.button(
            "Its process", icon=":material/memory:", key="open-process", type="tertiary",
            help="The one that used it last: its memory, and what holds it.",
            on_click=address.ask_for, args=("process", {"process": process}),
        )  # fmt: skip


def draw(row: Any, link: Callable[[Any], None]) -> None:
    """What the thread is, with its sizes to the byte.

    Args:
        row: of ``data.find_thread``, by attributes.
        link: draws the way to the other page about it.
    """
    with st.container(key="thread-heading", gap="xsmall"):
        with st.container(horizontal=True, gap="small"):
            tables.back_to_list()
            link(row)
            open_designs(row)
            _open_process(row)
            share.button(f"thread-{row.thread_id}", "thread", data_shared.thread(row))
            finding_top.of_thread(row.thread_id, int(row.id))
        st.code(row.thread_id, language=None)
        with st.container(horizontal=True, gap="xsmall", key="thread-badges"):
            st.badge(formats.backend_name(row.backend), icon=":material/database:", color="gray")
            for icon, text in (
                ("folder", row.saver_label),
                ("apps", row.application),
                ("account_tree", row.graph),
                ("data_object", row.serializer),
            ):
                if text:
                    st.badge(formats.plain(text), icon=f":material/{icon}:", color="gray")
            st.badge(
                f"used {formats.ago(row.last_seen_us, data.health().at_us)}",
                icon=":material/schedule:", color="gray",
            )  # fmt: skip
            if row.partial:
                st.badge(
                    "seen from the middle on: earlier bytes are missing",
                    icon=":material/warning:", color="orange",
                )  # fmt: skip
            if row.deleted_us and not row.live_bytes:
                st.badge("deleted", icon=":material/delete:", color="red")
            if row.errors > 0:
                st.badge(
                    f"{formats.count(row.errors)} failed calls", icon=":material/error:",
                    color="red",
                )  # fmt: skip
    _exact(row)


def _exact(row: Any) -> None:
    """The sizes to the byte, for whoever compares them with a database."""
    with st.container(key="thread-exact"):
        st.caption(
            " · ".join(
                f"{name} {value:,} B"
                for name, value in (
                    ("live", row.live_bytes),
                    ("stored", row.stored_bytes),
                    ("written", row.written_bytes),
                    ("metadata", row.metadata_bytes),
                )
            )
        )


def _missing(thread_id: str, saver: str) -> None:
    with frame.card("no-thread"):
        st.subheader("There is no such thread", anchor=False)
        st.code(thread_id, language=None)
        if saver:
            st.text("Not in the storage with this key:")
            st.code(saver, language=None)
        st.text("It may not have arrived yet, or its id may be spelled otherwise.")
        tables.back_to_list()


def _ambiguous(thread_id: str, rows: pd.DataFrame, open_: Open) -> None:
    with frame.card("which-thread"):
        st.subheader("Several storages have a thread with this id", anchor=False)
        st.code(thread_id, language=None)
        st.text("Choose the one you mean:")
        tables.threads(rows, {}, key="which-table", storage=True, open_=open_)
        tables.back_to_list()
    export.button("threads", lambda: rows.drop(columns=["id", "channels"]))
