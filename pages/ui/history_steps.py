"""The way along the steps of a path: a slider, arrow keys, branches, subgraphs, the comparison."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import address, filters, formats, frame
from pages.ui.history_choice import Choice, calls_from
from storage.queries_history import History

_SLIDER, _BRANCH = "history-slider", "history-branch"
_CALLS_SHOWN = 4


def step_name(table: pd.DataFrame, place: int) -> str:
    """What a step is called: its number, which the first of a thread may not have."""
    step = table["step"].iloc[place]
    return formats.UNKNOWN if pd.isna(step) else str(int(step))


def draw(history: History, choice: Choice) -> None:
    """Draws the controls."""
    table, path, position = history.table, choice.path, choice.position
    ids = table["checkpoint"]
    with frame.card("history-steps", gap="small"):
        with st.container(horizontal=True, vertical_alignment="bottom", key="history-controls"):
            _arrow("Step before", "chevron_left", "Left", ids, path[position - 1 : position])
            with st.container(key="history-slider-box"):
                _slider(table, choice)
            _arrow("Step after", "chevron_right", "Right", ids, path[position + 1 : position + 2])
            _branch(table, choice)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _where(history, choice)


def _arrow(label: str, icon: str, key: str, ids: Any, places: list[int]) -> None:
    st.button(
        "", icon=f":material/{icon}:", key=f"history-{key.lower()}", shortcut=key, help=label,
        disabled=not places, on_click=address.choose_step,
        args=(str(ids.iloc[places[0]]) if places else "",),
    )  # fmt: skip


def _slider(table: pd.DataFrame, choice: Choice) -> None:
    path = choice.path
    if len(path) < 2:
        st.caption(f"Step {step_name(table, choice.chosen)} is the only one here.")
        return
    # Assigned only where it differs: a thumb that is being drawn stays under the finger. It is the
    # default, too, because a browser tells the default of a slider that has only just come.
    if st.session_state.get(_SLIDER) != choice.position:
        st.session_state[_SLIDER] = choice.position

    def moved() -> None:
        if st.session_state[_SLIDER] in range(len(path)):
            address.choose_step(str(table["checkpoint"].iloc[path[st.session_state[_SLIDER]]]))

    st.select_slider(
        f"Step, {formats.count(len(path))} on this path", range(len(path)), key=_SLIDER,
        value=choice.position,
        format_func=lambda position: step_name(table, path[position]), on_change=moved,
    )  # fmt: skip


def _branch(table: pd.DataFrame, choice: Choice) -> None:
    if len(choice.ends) < 2:
        return
    end = choice.path[-1]
    if st.session_state.get(_BRANCH) != end:
        st.session_state[_BRANCH] = end

    def moved() -> None:
        # A browser that is behind a growing thread names an end that is none any longer; Streamlit
        # then gives its label.
        if st.session_state[_BRANCH] in choice.ends:
            address.choose_step(str(table["checkpoint"].iloc[st.session_state[_BRANCH]]))

    st.selectbox(
        f"Branch, {formats.count(len(choice.ends))} of them", choice.ends, key=_BRANCH,
        on_change=moved, width=220,
        format_func=lambda place: (
            f"to step {step_name(table, place)}, "
            f"{formats.clock(table['at_us'].iloc[place], filters.zone(), date=False)}"
        ),
    )  # fmt: skip


def _where(history: History, choice: Choice) -> None:
    """Ways off the path, and what the step is compared with."""
    table, chosen = history.table, choice.chosen
    ids = table["checkpoint"]
    st.button(
        "Compare others with this step", icon=":material/keep:", key="history-pin",
        type="tertiary", on_click=address.compare_with, args=(str(ids.iloc[chosen]),),
        help="Then go to another step: what differs between the two is shown, over forks too.",
    )  # fmt: skip
    if choice.pinned:
        st.button(
            f"Compared with step {step_name(table, choice.compared or 0)}",
            icon=":material/close:", key="history-unpin", type="tertiary",
            help="Compare with the parent again.", on_click=address.compare_with, args=("",),
        )  # fmt: skip
    if not choice.following:
        _go("Newest step", "last_page", "history-newest", "")
    origin = int(table["from_row"].iloc[chosen])
    if table["ns"].iloc[chosen] and origin >= 0:
        _go(f"Up to step {step_name(table, origin)}", "arrow_upward", "history-up",
            str(ids.iloc[origin]))  # fmt: skip
    calls = calls_from(history, chosen)
    for place in calls[:_CALLS_SHOWN]:
        name = str(table["namespace"].iloc[place]).rpartition("|")[2]
        _go(f"Into {formats.plain(name)}", "subdirectory_arrow_right", f"history-into-{place}",
            str(ids.iloc[place]))  # fmt: skip
    if len(calls) > _CALLS_SHOWN:
        st.caption(f"and {len(calls) - _CALLS_SHOWN} more calls: click them in the tree")


def _go(label: str, icon: str, key: str, checkpoint: str) -> None:
    st.button(
        label, icon=f":material/{icon}:", key=key, type="tertiary",
        on_click=address.choose_step, args=(checkpoint,),
    )  # fmt: skip
