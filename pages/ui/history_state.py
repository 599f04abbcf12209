"""State: every channel of a step with its value, its bytes and its share."""

from __future__ import annotations

import json

import streamlit as st

from pages.ui import data_history, export, formats, frame
from pages.ui import history_values as shared
from pages.ui.history_context import Context
from storage.differences import is_typed
from storage.plain_json import reduced
from storage.plain_text import clipped, visible
from storage.values import Answer, Value

ALL = ""
MOST = 40
"""Channels that are shown together; any other one can be chosen."""

SMALL_BYTES = 2_000
"""A value that is open from the start."""

LARGE_BYTES = 20_000
"""One that is closed."""

_LEVELS, _FEW, _SHORT = 4, 12, 200

_TABLE_PX = 560


def draw(context: Context) -> None:
    """Draws the sizes of all channels, and the values of all or of the one that is chosen."""
    left, right = st.columns([2, 3])
    with left, frame.card("state-sizes", height="stretch"):
        _sizes(context)
    with right, frame.card("state", height="stretch"):
        frame.title("State", f"at step {shared.step(context.chosen)}")
        answer = shared.of_chosen(context)
        if answer is not None:
            _values(answer)


def _values(answer: Answer) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        found = shared.channels(answer, bool(st.session_state.get("state-own")))
        chosen = choose(found, "state-channel", every="All channels")
        shared.own_channels("state-own")
    if not found:
        st.text("No channel holds a value at this step.")
    whole = shared.whole(found)
    shown = list(found) if chosen == ALL else [chosen]
    for name in shown[:MOST]:
        value(name, found[name], whole)
    if len(shown) > MOST:
        st.text(f"{formats.count(len(shown) - MOST)} smaller channels: choose one above.")
    shared.origin(answer)


def _sizes(context: Context) -> None:
    found = data_history.channels_at(context.thread, context.chosen.Index)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        frame.title("Channels", formats.size(context.chosen.checkpoint_bytes))
        export.button("channels", lambda: found)
    if found.empty:
        st.text("The store does not know the sizes of its channels.")
        return
    config = st.column_config
    st.dataframe(
        found.assign(share=found["share"] * 100).drop(columns="internal"),
        key="state-sizes-table", hide_index=True, placeholder=formats.UNKNOWN,
        height=frame.table_height(len(found), _TABLE_PX), alt="Channels of the step",
        column_config={
            "channel": config.TextColumn("Channel", pinned=True),
            "bytes": config.NumberColumn("Bytes", format="bytes"),
            "share": config.ProgressColumn(
                "Of the checkpoint", format="%.0f %%", min_value=0, max_value=100
            ),
            "written": config.CheckboxColumn("Written", help="By this step."),
            "elements": config.NumberColumn("Elements", format="localized"),
        },
    )  # fmt: skip


def choose(found: dict[str, Value], key: str, every: str = "") -> str:
    """A channel that the visitor picks: ``ALL`` for every one, or where there is none."""
    options = [*([ALL] if every else []), *found]
    if not options:
        return ALL
    if st.session_state.get(key) not in options:
        st.session_state.pop(key, None)  # it is no channel of this step

    def label(name: str) -> str:
        if name not in found:
            return every
        size = formats.size(found[name].bytes if found[name].bytes >= 0 else None)
        return f"{visible(clipped(name, 60))} · {size}"

    return str(st.selectbox("Channel", options, key=key, format_func=label, width=320))


def value(name: str, found: Value, whole: float = 0) -> None:
    """One channel."""
    shared.heading(name, shared.facts(found, whole))
    if not found.known:
        st.text(visible(clipped(found.problem)))
    elif isinstance(found.data, dict | list) and found.data:
        st.json(reduced(found.data), expanded=_open(found))
    elif isinstance(found.data, str) and ("\n" in found.data or len(found.data) > _SHORT):
        st.code(str(reduced(found.data, characters=20_000)), language=None, wrap_lines=True)
    elif isinstance(found.data, str):
        st.text(visible(found.data) or "(empty text)")
    else:
        st.text(json.dumps(found.data))


def _open(found: Value) -> bool | int:
    """How many levels of a tree are open from the start; of a long or large one none."""
    if found.bytes > LARGE_BYTES or (len(found.data) > _FEW and not is_typed(found.data)):
        return False
    return _LEVELS if 0 <= found.bytes <= SMALL_BYTES else 1
