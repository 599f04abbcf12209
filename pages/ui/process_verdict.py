"""The card that says whether a process leaks, in words with numbers, and names the suspects."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import formats, frame
from storage.leaks import Growth, Leaks
from storage.queries_processes import Judged
from storage.suspects import Suspect

_HEADS = {
    "leak": (":material/error:", "red", "It leaks"),
    "freed": (":material/recycling:", "orange", "It keeps what was freed"),
    "state": (":material/trending_up:", "orange", "It grows with its state"),
    "steady": (":material/check_circle:", "green", "It does not grow"),
    "unknown": (":material/hourglass_empty:", "gray", "Too early to say"),
}
_COUNTS = {
    "saver_empty_threads": "Entries of savers without a checkpoint", "threads": "Threads",
    "fds": "Open files", "left_streams": "Streams that nobody reads on",
    "children": "Child processes",
}  # fmt: skip
_KINDS = {
    "saver": "thread of a saver", "unknown threads": "reads of unknown threads",
    "streams": "streams left", "threads": "threads", "files": "open files",
    "children": "child processes", "node": "node", "python": "small Python objects",
    "native": "large objects, native memory", "free": "free in the C heap", "other": "unknown",
}  # fmt: skip


def draw(judged: Judged | None) -> None:
    """Draws the card."""
    with frame.card("verdict", height="stretch"):
        frame.title("Does it leak?", "at like load, after warm-up")
        if judged is None:
            st.caption("Unknown.")
            return
        icon, colour, head = _HEADS[judged.leaks.verdict]
        st.badge(head, icon=icon, color=colour)
        for line in words(judged.leaks):
            st.text(line)
        if judged.suspects:
            _suspects(judged.suspects)


def words(leaks: Leaks) -> list[str]:
    """The verdict, a sentence a line: our own words and numbers."""
    if leaks.verdict == "unknown":
        return [leaks.why]
    looked = f"Looked at {formats.duration(leaks.seconds * 1e6)}"
    told = [f"{looked}, in which {formats.count(leaks.runs)} runs began."]
    if leaks.memory is None:
        told.insert(0, "Its memory shows no lasting growth that is worth telling.")
    else:
        told.insert(0, f"Its memory grows by {_rate(leaks.memory)}.")
        told.append(_explained(leaks, leaks.memory))
    told += [f"{_COUNTS[one.name]} grow by {one.per_hour:,.0f} an hour "
             f"(95 %: {one.slope.low * 3600:,.0f} to {one.slope.high * 3600:,.0f})."
             for one in leaks.counts]  # fmt: skip
    if leaks.limit_seconds is not None:
        told.append(
            f"At this rate memory is used up in {formats.duration(leaks.limit_seconds * 1e6)}."
        )
    return told


def _explained(leaks: Leaks, memory: Growth) -> str:
    """What the growth is explained by: where that of the state itself is not sure, by what is left
    of the growth without it."""
    whole = memory.slope.value
    if leaks.state is not None:
        state = leaks.state.slope.value
    else:
        assert leaks.unexplained is not None  # one of the two is told of memory that grows
        state = whole - leaks.unexplained.slope.value
    told = "LangGraph's in-memory savers, stores and caches "
    if state < whole / 100:
        told += "do not explain it."
    else:
        told += f"explain {formats.share(min(1.0, state / whole))} of it."
    if leaks.freed is None:
        return told
    share = formats.share(min(1.0, leaks.freed.slope.value / whole))
    return f"{told} Memory that was freed and that the C library keeps explains {share}."


def _rate(growth: Growth) -> str:
    low, high = (formats.size(end * 3600) for end in (growth.slope.low, growth.slope.high))
    run = f", {formats.size(growth.per_run)} a run" if growth.per_run else ""
    return f"{formats.size(growth.per_hour)} an hour (95 %: {low} to {high}){run}"


def _suspects(suspects: list[Suspect]) -> None:
    config = st.column_config
    st.dataframe(
        pd.DataFrame({
            "what": [_KINDS[one.kind] for one in suspects],
            "name": [one.name for one in suspects],
            "now": [_amount(one, one.size) for one in suspects],
            "rate": [_amount(one, one.per_hour) for one in suspects],
            "advice": [one.advice for one in suspects],
        }),
        key="suspects-table", hide_index=True, alt="Suspects", placeholder=formats.UNKNOWN,
        height=frame.table_height(len(suspects), 240),
        column_config={
            "what": config.TextColumn("Suspect"),
            "name": config.TextColumn("Name"),
            "now": config.TextColumn("Holds"),
            "rate": config.TextColumn("An hour"),
            "advice": config.TextColumn("What to do", width="large"),
        },
    )  # fmt: skip
    st.caption(suspects[0].advice)


def _amount(one: Suspect, value: float | None) -> str | None:
    if value is None:
        return None
    return formats.size(value) if one.unit == "bytes" else formats.count(value)
