"""State designs on the Serialization page: a thread today, and what it would take otherwise."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui import (
    address,
    charts_designs,
    data,
    data_designs,
    design_details,
    design_measuring,
    design_parameters,
    design_tables,
    formats,
    frame,
    states,
    tables,
    thread_heading,
)
from pages.ui.live_plot import live_plot
from storage.design_trials import Trial
from storage.designs import Predicted, Prediction, Settings

RECENT = 8
"""Threads to choose from where the address names none."""

DRAWN = 4
"""Designs with a line where the visitor has chosen none, one of a kind."""


def draw(thread: tuple[str, str] | None = None) -> None:
    """Draws the section: one thread, or a choice of threads.

    Args:
        thread: id and key of its saver, of a page that has asked for them; None: those of the
            address.
    """
    named = address.thread() if thread is None else thread
    frame.live(lambda: states.if_any(lambda: _section(*named)), "-designs")


def _section(thread_id: str, saver: str) -> None:
    if not thread_id:
        _recent()
        return
    row = thread_heading.found(thread_id, saver, address.ask_for_designs)
    if row is None:
        return
    with frame.card("designs"):
        chosen, controls = _title(row)
        found, behind = data_designs.predicted(row, chosen)
        if found is None or found.today is None:
            _nothing(found)
            return
        measured, told = design_measuring.draw(row, chosen, controls)
        trials = {one.design: one for one in told.trials} if told else {}
        _figures(found, trials)
        design_tables.draw(found, trials)
        newer = [f"{formats.count(behind)} newer checkpoints are not in it yet."] if behind else []
        _notes(found, [*newer, *(told.notes if told and measured else ())])
    left, right = st.columns([3, 2])
    with right:
        design = design_details.draw(found.others)
    with left:
        _curves(found, design)


def _recent() -> None:
    page, curves = data.threads(data.ListChoice(sort="stored"), 0, RECENT)
    with frame.card("designs-threads"):
        frame.title(
            "State designs",
            "what a thread would take with a DeltaChannel, trimmed, by reference, pruned; tick one",
        )
        if page.rows.empty:
            st.text("No thread matches the filters at the top of the page.")
            return
        tables.threads(page.rows, curves, key="designs-table", open_=address.ask_for_designs)
        st.caption("Those that store most. The Threads page finds any other.")


def _title(row: Any) -> tuple[Settings, DeltaGenerator]:
    """The thread, the way to another one, and the parameters: what these say, and where further
    controls go."""
    frame.title("State designs", "the same inputs, another state: stored, written, read")
    controls = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with controls:
        st.badge(formats.backend_name(row.backend), icon=":material/database:", color="gray")
        st.code(row.thread_id, language=None, width="content")
        st.button(
            "Other thread", icon=":material/swap_horiz:", key="designs-other", type="tertiary",
            on_click=address.ask_for_designs, args=("", ""),
        )  # fmt: skip
        return design_parameters.draw(), controls


def _nothing(found: Predicted | None) -> None:
    problem = found.thread.problem if found else "The thread has gone from the store."
    st.info(formats.plain(problem), icon=":material/info:")


def _notes(found: Predicted, more: list[str]) -> None:
    for note in (*found.notes, *more):
        st.caption(formats.plain(note))


def _figures(found: Predicted, trials: dict[str, Trial]) -> None:
    today = found.today
    assert today is not None
    possible = [one for one in found.others if not one.why_not and one.saved_bytes]
    best = possible[0] if possible else None
    kept = next((one for one in possible if one.design.kind in {"delta", "reference"}), None)
    load = trials.get("today")
    with st.container(horizontal=True, key="cards-designs", gap="small"):
        for label, value, note, told in (
            ("Stored today", formats.size(today.stored_bytes),
             f"{formats.count(today.checkpoints)} checkpoints",
             "What the backend holds of the thread, as far as its calls are known here."),
            ("Saves most", _share(best, today), best.design.name if best else "nothing does",
             "Of the stored bytes, what a store would hold in their place taken off."),
            ("Saves, and forgets nothing", _share(kept, today),
             kept.design.name if kept else "no such design",
             "The best of those that keep every checkpoint and every element: DeltaChannel and "
             "references."),
            ("Load today", formats.size(today.read_bytes),
             formats.duration(load.load_us) if load else "time not measured",
             "Read to load the newest checkpoint with its pending writes."),
        ):  # fmt: skip
            st.metric(label, value, formats.plain(note), delta_color="off", delta_arrow="off",
                      border=True, help=told, height="stretch")  # fmt: skip


def _share(one: Prediction | None, today: Prediction) -> str:
    if one is None or not today.stored_bytes:
        return formats.UNKNOWN
    return formats.share((one.saved_bytes or 0) / today.stored_bytes)


def _curves(found: Predicted, design: str) -> None:
    assert found.today is not None
    possible = {one.design.id: one for one in found.others if not one.why_not}
    first: dict[str, str] = {}
    for key, one in possible.items():
        first.setdefault(one.design.kind, key)
    with frame.card("designs-curves", height="stretch"):
        title = st.container()
        names = st.multiselect(
            "Lines", list(possible), default=list(first.values())[:DRAWN], key="lines",
            label_visibility="collapsed", placeholder="Designs to draw beside today",
        )  # fmt: skip
        if design in possible and design not in names:
            names = [*names, design]
        drawn = [found.today, *(possible[name] for name in names if name in possible)]
        figure, unit = charts_designs.stored(drawn)
        with title:
            frame.title("Stored bytes", f"{unit}, over checkpoints as they are today")
        live_plot(figure, key="plot-designs", label="Stored bytes of designs over checkpoints",
                  height=360)  # fmt: skip
