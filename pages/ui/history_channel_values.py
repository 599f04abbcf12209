"""One channel through time by value: what each step that wrote it did to it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui import data_history, formats, frame
from pages.ui import history_values as shared
from pages.ui.difference_view import difference_view
from pages.ui.history_context import Context
from storage.difference_lines import told
from storage.plain_text import clipped, visible
from storage.values import Answer

PAGE = 5
"""Steps of a page: each is read from the database."""


def draw(context: Context) -> None:
    """Draws the newest writes of the channel that is chosen above, up to the chosen step."""
    channel = str(st.session_state.get("channel") or "")
    if not channel:
        return
    with frame.card("channel-values"):
        frame.title("What each step did to it", f"up to step {shared.step(context.chosen)}")
        if not shared.allowed():
            shared.of_chosen(context)
            return
        places = context.path[: context.path.index(context.chosen.Index) + 1]
        curve = data_history.channel_curve(context.thread, places, channel)
        wrote = [at for at, one in enumerate(curve["written"]) if one and _there(curve, at)]
        if not wrote:
            st.text("No step on the way to this one wrote it.")
            return
        pages = -(-len(wrote) // PAGE)
        page = 1
        if pages > 1:
            # The newest come first. The key makes another channel another choice.
            key = f"channel-page-{channel}-{context.chosen.checkpoint}"
            page = st.pagination(pages, key=key)
        shown = wrote[::-1][(page - 1) * PAGE : page * PAGE]
        for at in shown:
            earlier = [one for one in wrote if one < at]
            _step(context, channel, places[at], places[earlier[-1]] if earlier else None)


def _there(curve: Any, at: int) -> bool:
    return bool(formats.known(curve["bytes"].iloc[at]) or curve["delta"].iloc[at])


def _step(context: Context, channel: str, place: int, before: int | None) -> None:
    row = _row(context, place)
    nodes = visible(clipped(", ".join(map(str, row.nodes)) or str(row.source), 200))
    answer = shared.of_row(context, row)
    if answer is None:
        return
    now = answer.channels.get(channel)
    shared.heading(
        f"Step {shared.step(row)} · {nodes}",
        "" if now is None else shared.facts(now),
    )
    earlier = Answer() if before is None else shared.of_row(context, _row(context, before))
    if earlier is None:
        return
    first, second = (_of(one, channel) for one in (earlier, answer))
    found = told(first, second)
    if found.lines:
        difference_view(found, key=f"channel-{place}", label=f"Step {shared.step(row)}")
    elif now is None:
        st.text("The checkpoint holds no value of it.")
    else:
        st.text("Written again with the same value.")
    if place == context.chosen.Index:
        shared.origin(answer)


def _of(answer: Answer, channel: str) -> dict[str, Any]:
    found = shared.state(answer, internal=True)
    return {channel: found[channel]} if channel in found else {}


def _row(context: Context, place: int) -> Any:
    return next(context.history.table.iloc[[place]].itertuples())
