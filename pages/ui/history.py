"""The History page: the tree of checkpoints, a slider over the steps, and views of one step."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import (
    address,
    charts_tree,
    data,
    data_history,
    export,
    filters,
    formats,
    frame,
    history_steps,
    states,
    tables,
    thread_heading,
    values,
)
from pages.ui.history_choice import Choice, choose
from pages.ui.history_context import Context
from pages.ui.history_views import VIEWS
from pages.ui.live_plot import live_plot
from storage.queries_history import CHECKPOINTS_READ, History, to_save

RECENT = 12
"""Threads to choose from where the address names none."""

_LANE_PX, _LANES_MOST = 34, 12


def draw() -> None:
    """Draws the thread that the address names, or a choice of threads, again and again."""
    thread_id, saver = address.thread()
    if thread_id:
        frame.live(lambda: states.or_else(lambda: _thread(thread_id, saver)))
    else:
        frame.live(lambda: states.or_else(_recent))


def _recent() -> None:
    last = address.last_thread()
    if last:
        st.button(
            formats.plain(f"Back to {last}"), icon=":material/undo:", key="last-thread",
            type="tertiary", on_click=address.ask_for_last,
        )  # fmt: skip
    page, curves = data.threads(data.ListChoice(sort="recent"), 0, RECENT)
    with frame.card("history-recent"):
        export.title(
            "Threads used last", "tick one to browse its history", "threads",
            lambda: page.rows.drop(columns="id"), there=not page.rows.empty,
        )  # fmt: skip
        if page.rows.empty:
            st.text("No thread matches the filters at the top of the page.")
            return
        tables.threads(page.rows, curves, key="recent-table", open_=address.ask_for_history)
        st.caption("The Threads page finds any other.")


def _thread(thread_id: str, saver: str) -> None:
    step, with_ = address.step()
    row = thread_heading.found(thread_id, saver, address.ask_for_history)
    if row is None:
        return
    history = data_history.history(row)
    thread_heading.draw(row, thread_heading.open_thread)
    if history.table.empty:
        st.info("No checkpoint of this thread is stored here any more.", icon=":material/info:")
        return
    choice = choose(history, step, with_)
    _said(row, history, choice)
    _tree(history, choice)
    history_steps.draw(history, choice)
    context = Context(
        thread=row,
        history=history,
        chosen=_row(history.table, choice.chosen),
        compared=None if choice.compared is None else _row(history.table, choice.compared),
        path=tuple(choice.path),
        read=lambda one: values.checkpoint(row, one.ns, one.checkpoint),
    )
    _views(context)


def _said(row: Any, history: History, choice: Choice) -> None:
    """What the visitor has to know of what is not here."""
    if history.left_out:
        st.caption(
            f"The newest {formats.count(CHECKPOINTS_READ)} checkpoints; "
            f"{formats.count(history.left_out)} older ones are left out."
        )
    if choice.lost:
        st.warning(
            "The address names a checkpoint that is not in this history: it may be older than "
            "what is kept, or of another thread. The newest is shown in its place.",
            icon=":material/search_off:",
        )
        st.code(choice.lost, language=None)
    if row.deleted_us and not history.table["held"].any():
        st.info(
            "The thread was deleted: the backend holds nothing of it. Its sizes are kept here.",
            icon=":material/delete:",
        )


def _tree(history: History, choice: Choice) -> None:
    table = history.table
    with frame.card("history-tree"):
        shown = min(charts_tree.SHOWN, len(table))
        of = f" of {formats.count(len(table))}" if shown < len(table) else ""
        export.title(
            "Checkpoints", f"{formats.count(shown)}{of}; click one to see it", "history",
            lambda: to_save(history),
        )  # fmt: skip
        figure = charts_tree.tree(table, choice.chosen, choice.compared)
        low, high = figure.layout.yaxis.range
        live_plot(
            figure, key="plot-tree", label="Tree of checkpoints", on_click=address.choose_step,
            height=int(90 + _LANE_PX * min(high - low, _LANES_MOST)),
        )  # fmt: skip
        if shown < len(table):
            live_plot(
                charts_tree.overview(table, choice.chosen), key="plot-tree-overview",
                label="All checkpoints by their bytes", height=80, on_click=address.choose_step,
            )  # fmt: skip


def _views(context: Context) -> None:
    names = [name for name, parts in VIEWS.items() if parts]
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute",
        key="history-title",
    ):  # fmt: skip
        _title(context)
        view = st.segmented_control(
            "View", names, default=names[0], required=True, key="view", bind="query-params",
            label_visibility="collapsed",
        )  # fmt: skip
    for part in VIEWS.get(str(view), VIEWS[names[0]]):
        part(context)


def _title(context: Context) -> None:
    """``Step 17 → 18``, who made it, and what it gained and lost."""
    row, other = context.chosen, context.compared
    with st.container(
        horizontal=True, vertical_alignment="center", width="content", gap="small",
        key="history-step-title",
    ):  # fmt: skip
        table = context.history.table
        before = "" if other is None else f"{history_steps.step_name(table, other.Index)} → "
        st.markdown(f"**Step {before}{history_steps.step_name(table, row.Index)}**")
        for node in row.nodes[:4]:
            st.badge(formats.plain(node), color="blue")
        if not row.nodes:
            st.badge(formats.plain(row.source), color="gray")
        if other is not None:
            found = data_history.difference(context.thread, other.Index, row.Index).table
            change = found["change_bytes"].fillna(0)
            for part, color in ((change[change > 0], "green"), (change[change < 0], "red")):
                if len(part):
                    st.badge(formats.size(float(part.sum()), signed=True), color=color)
        for icon, color, text in _flags(row):
            st.badge(text, icon=f":material/{icon}:", color=color)


def _flags(row: Any) -> list[tuple[str, str, str]]:
    found = [("schedule", "gray", formats.clock(row.at_us, filters.zone()))]
    if row.next:
        names = ", ".join(dict.fromkeys(row.next))
        found.append(("skip_next", "gray", formats.plain(f"next: {names[:60]}")))
    if row.fork:
        found.append(("alt_route", "violet", "fork"))
    if row.interrupts:
        answered = "interrupted and resumed" if row.resumes else "interrupted"
        found.append(("pause_circle", "orange", answered))
    if row.errors:
        found.append(("error", "red", "failed"))
    if not row.held:
        found.append(("delete", "gray", "no longer held"))
    return found


def _row(table: pd.DataFrame, place: int) -> Any:
    return next(table.iloc[[place]].itertuples())
