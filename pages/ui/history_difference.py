"""What differs between two steps by value, beside the state that came of it."""

from __future__ import annotations

import streamlit as st

from pages.ui import frame
from pages.ui import history_values as shared
from pages.ui.difference_view import difference_view
from pages.ui.history_context import Context
from storage.difference_lines import Told, told
from storage.plain_json import reduced
from storage.values import Answer


def draw(context: Context) -> None:
    """Draws the difference and the state, where values are shown."""
    if not shared.allowed():
        return
    left, right = st.columns([2, 1])
    with left, frame.card("difference", height="stretch"):
        frame.title("Difference by value", _between(context))
        before = shared.of_compared(context)
        after = shared.of_chosen(context) if before is not None else None
        if before is not None and after is not None:
            _difference(context, before, after)
    with right, frame.card("state-beside", height="stretch"):
        frame.title("State at step", shared.step(context.chosen))
        if after is None:
            st.text("It is shown where both can be read.")
        else:
            st.json(reduced(shared.state(after, internal=False)), expanded=1)


def not_shown(context: Context) -> None:
    """Says how to allow values, where they are not shown."""
    if not shared.allowed():
        with frame.card("difference"):
            frame.title("Difference by value")
            shared.of_chosen(context)


def _between(context: Context) -> str:
    after = shared.step(context.chosen)
    if context.compared is None:
        return f"step {after}: all that is in it"
    return f"step {shared.step(context.compared)} to {after}"


def _difference(context: Context, before: Answer, after: Answer) -> None:
    found = _told(context, before, after, shared.own_channels("changes-own"))
    if found.lines:
        difference_view(found, key="difference", label="Difference between two steps")
    elif context.compared is None:
        st.text("Nothing is in it yet.")
    else:
        st.text("Every channel holds the same value in both steps.")
    if found.coarse:
        st.caption(
            "A part differs too much to be matched element by element: it is shown as removed and "
            "added whole."
        )
    if any(value.cut for one in (before, after) for value in one.channels.values()):
        st.caption("Large values are compared as far as the viewer reads them.")
    shared.origin(after)


def _told(context: Context, before: Answer, after: Answer, internal: bool) -> Told:
    """The difference, kept while the page draws itself anew over the same two checkpoints."""
    key = (
        str(context.thread.saver), str(context.thread.thread_id), after.ns,
        _version(before), _version(after), internal,
    )  # fmt: skip
    return _cached(key, before, after, internal)


def _version(answer: Answer) -> tuple[str | int, ...]:
    sizes = sum(value.bytes for value in answer.channels.values())
    return answer.checkpoint, answer.origin, answer.redacted, answer.left_out, sizes


@st.cache_resource(ttl=60, max_entries=8, show_spinner=False)
def _cached(key: tuple[object, ...], _before: Answer, _after: Answer, _internal: bool) -> Told:
    return told(shared.state(_before, _internal), shared.state(_after, _internal))
