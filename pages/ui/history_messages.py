"""Messages: a channel of them as a conversation, each with its bytes and where it came from."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import streamlit as st

from pages.ui import data_history, formats, frame, history_state
from pages.ui import history_values as shared
from pages.ui.history_context import Context
from storage import conversation
from storage.conversation import Message, Part
from storage.plain_json import reduced
from storage.plain_text import clipped, visible
from storage.values import Answer, Value

PAGE = 20
"""Messages of a page."""

LONGEST_TEXT = 4_000
"""Characters of a message that are shown; the State view has more of it."""

_FACES = {
    "user": ("User", ":material/person:"),
    "assistant": ("Assistant", ":material/smart_toy:"),
    "tool": ("Tool", ":material/build:"),
    "system": ("System", ":material/settings:"),
    "remove": ("Removal", ":material/delete:"),
}
_KEPT = ("messages-search", "messages-channel")
_OTHER = ":material/chat_bubble:"
_USUAL = [("status", "success")]


def draw(context: Context) -> None:
    """Draws the conversation of the chosen step."""
    for key in _KEPT:
        # A run whose values are not read draws no box, and Streamlit forgets what is in it. Only
        # then is it put back: what is assigned here overwrites what a visitor types meanwhile.
        if key not in st.session_state and f"{key}-kept" in st.session_state:
            st.session_state[key] = st.session_state[f"{key}-kept"]
    with frame.card("messages"):
        frame.title("Messages", f"at step {shared.step(context.chosen)}")
        answer = shared.of_chosen(context)
        if answer is None:
            return
        found = {
            name: value
            for name, value in shared.channels(answer, internal=False).items()
            if value.known and conversation.is_conversation(value)
        }
        if not found:
            st.text(_none(answer))
        else:
            _conversation(context, found)
        shared.origin(answer)


def added_at(elements: list[float], steps: list[str], count: int) -> list[str]:
    """The step at which each element of a list came in: where the list last grew beyond its place.

    Args:
        elements: of the list at each step on the way to this one; NaN: it has none, or unknown.
        steps: their numbers.
        count: elements to tell of.

    Returns:
        A step for each, ``formats.UNKNOWN`` where the list was as long when it was first seen, or
        where its length is not known.
    """
    found = [formats.UNKNOWN] * count
    before = 0.0 if elements and np.isnan(elements[0]) else np.inf
    if elements and steps[0] == "-1":
        before = 0.0  # the first step of a thread: nothing was there
    for now, step in zip(elements, steps, strict=True):
        if np.isnan(now):
            continue
        for at in range(int(min(before, count)), int(min(now, count))):
            found[at] = step
        before = now
    return found


def _none(answer: Answer) -> str:
    hidden = [name for name, value in answer.channels.items() if not value.known]
    if hidden:
        names = visible(clipped(", ".join(hidden), 200))
        return f"No channel that could be decoded holds messages; not decoded: {names}."
    return "No channel of this step holds messages."


def _conversation(context: Context, found: dict[str, Value]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="messages-choice"):
        channel = history_state.choose(found, "messages-channel")
        wanted = st.text_input(
            "Search", key="messages-search", placeholder="Text, name, tool or id", width=280
        )
    for key in _KEPT:
        st.session_state[f"{key}-kept"] = st.session_state.get(key)
    value = found[channel]
    every = conversation.messages(value)
    steps = _added(context, channel, len(every))
    shown = [at for at, one in enumerate(every) if _matches(one, wanted)]
    told = f"{formats.count(len(every))} messages, {formats.size(_known(value.bytes))}"
    if wanted:
        told += f"; {formats.count(len(shown))} match"
    if value.cut:
        told += "; cut by a limit, so that some are left out"
    st.caption(told)
    pages = max(1, -(-len(shown) // PAGE))
    page = pages
    if pages > 1:
        # The newest are on the last page. The key makes another conversation another choice.
        key = f"messages-page-{channel}-{context.chosen.checkpoint}-{wanted}"
        page = st.pagination(pages, default=pages, key=key)
    for at in shown[(page - 1) * PAGE : page * PAGE]:
        _message(every[at], at, steps[at], value.bytes)
    if not shown:
        st.text("No message matches.")


def _added(context: Context, channel: str, count: int) -> list[str]:
    places = context.path[: context.path.index(context.chosen.Index) + 1]
    curve = data_history.channel_curve(context.thread, places, channel)
    steps = [shared.step(row) for row in curve.itertuples()]
    return added_at(curve["elements"].astype(float).tolist(), steps, count)


def _matches(message: Message, wanted: str) -> bool:
    if not wanted:
        return True
    calls = [f"{call.name} {json.dumps(call.args, ensure_ascii=False)}" for call in message.calls]
    where = [message.text, message.name, message.id, message.role, message.answers, *calls]
    return any(wanted.casefold() in one.casefold() for one in where)


def _message(message: Message, at: int, step: str, whole: int) -> None:
    title, face = _FACES.get(message.role, (message.role or "No message", _OTHER))
    with st.chat_message("user", avatar=face):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            name = f" · {message.name}" if message.name else ""
            st.markdown(f"**{_label(title + name)}**", width="content")
            size = formats.size(_known(message.bytes))
            if message.bytes >= 0 and whole > 0:
                size += f" · {shared.part(message.bytes, whole)}"
            told = [f"{at + 1:,}", size, f"step {step}", message.id]
            st.caption(" · ".join(_label(one) for one in told if one), width="content")
        for part in message.parts:
            _part(part)
        for call in message.calls:
            st.text(visible(f"calls {clipped(call.name, 200)}"))
            st.code(_json(call.args), language="json", wrap_lines=True)
        _details(message)


def _part(part: Part) -> None:
    if part.kind != "text":
        size = formats.size(part.bytes) if part.bytes >= 0 else ""
        told = [one for one in (part.kind, part.media, size) if one]
        st.badge(_label(" · ".join(told)), icon=":material/attachment:", color="gray")
    if part.text:
        st.text(visible_lines(clipped(part.text, LONGEST_TEXT)))
    if part.beyond:
        rest = formats.size(part.beyond) if part.beyond > 0 else "The rest"
        st.caption(f"{rest} of it left out by a limit")


def _details(message: Message) -> None:
    if message.answers:
        st.caption(_label(f"answers the call {message.answers}"))
    if not message.role:
        st.json(reduced(message.data, nodes=500), expanded=1)
        return
    facts = {name: one for name, one in message.extras.items() if (name, one) not in _USUAL}
    if facts:
        with st.expander("Details"):
            st.json(reduced(facts, nodes=500), expanded=1)


def visible_lines(text: str) -> str:
    """Text whose line breaks stay, and in which nothing else is hidden."""
    return "\n".join(visible(line) for line in text.split("\n"))


def _json(data: Any) -> str:
    if isinstance(data, str):
        return visible_lines(clipped(data, LONGEST_TEXT))
    return clipped(json.dumps(reduced(data, nodes=500), ensure_ascii=False), LONGEST_TEXT)


def _label(text: str) -> str:
    return formats.plain(visible(clipped(text, 200)))


def _known(size: int) -> int | None:
    return size if size >= 0 else None
