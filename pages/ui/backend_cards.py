"""A card for each backend, side by side: what it holds, how often it is called, how long it takes.

All cards have the same lines, so that the eye compares them across.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import charts_lines, colours, finding_top, formats, frame
from pages.ui.cards import NOW_SHARE
from pages.ui.charts_lines import Line
from pages.ui.live_plot import live_plot
from storage.queries_backends import Backends

LINES = 4
"""Operations that a card tells, those called most on any backend; the table has all."""

SPARK_HEIGHT = 56


def draw(shown: Backends, rates: pd.DataFrame, window: str, zone: str | None) -> None:
    """Draws the cards.

    Args:
        shown: the backends.
        rates: their calls over time.
        window: its name.
        zone: the visitor's time zone.
    """
    # By name, so that a card keeps its place while bytes come in.
    totals = shown.totals.sort_values(
        "backend", key=lambda names: names.map(formats.backend_name), ignore_index=True
    )
    calls = shown.operations.groupby("operation")["count"].sum()
    most = sorted(calls.index, key=lambda name: (-calls[name], name))[:LINES]
    colours.mark_cards([(slug(name), name) for name in totals["backend"]])
    with st.container(horizontal=True, key="backend-cards", gap="small"):
        for row in totals.itertuples(index=False):
            operations = shown.operations[shown.operations["backend"] == row.backend]
            with frame.card(slug(row.backend), height="stretch", gap="small"):
                mine = rates[rates["backend"] == row.backend]
                _heading(row, _now(mine), window)
                _spark(row.backend, mine, zone)
                _figures(row, window)
                st.markdown(_latencies(operations.set_index("operation"), most))
                _exact(row)


def slug(backend: str) -> str:
    """The name of a backend's card."""
    return "backend-" + "".join(c for c in backend if c.isascii() and c.isalnum())


def _now(rates: pd.DataFrame) -> float | None:
    """Calls a second lately: over the newest part of the curve."""
    newest = rates.tail(max(2, len(rates) // NOW_SHARE))
    seconds = newest["seconds"].sum()
    return float(newest["operations"].sum() / seconds) if seconds else None


def _heading(row: Any, now: float | None, window: str) -> None:
    threads = f"{formats.count(row.threads)} thread{'' if row.threads == 1 else 's'}"
    with st.container(gap=None):
        st.markdown(f"**{formats.plain(formats.backend_name(row.backend))}**")
        st.caption(
            f"{formats.count(row.savers)} storage{'' if row.savers == 1 else 's'}, {threads}"
        )
    finding_top.of_backend(row.backend)
    st.metric(
        "Operations / s", formats.rate(None if unseen(row) else now),
        "no probe saw them" if unseen(row)
        else f"{formats.rate(row.operations_per_second)} mean of {window}",
        delta_color="off", delta_arrow="off",
        help="Calls of savers, lately. The mean is that of the window, or of the time since the "
        "first one.",
    )  # fmt: skip


def _figures(row: Any, window: str) -> None:
    sized = not _unsized(row)
    why = "" if sized else " Unknown: no serializer of it was seen."
    with st.container(horizontal=True, gap="small"):
        for label, value, told in (
            ("Stored", formats.size(row.stored_bytes if sized else None),
             "What it holds now, without its own overhead." + why),
            ("Written", formats.size(row.window_written_bytes if sized else None),
             f"Sent to it in {window}." + why),
            ("Errors", formats.count(None if unseen(row) else row.errors),
             f"Calls that raised in {window}."
             + (" Unknown: its database is attached, no probe saw a call." if unseen(row) else "")),
            ("Serializing", formats.share(row.serde_share),
             "Part of the time of its calls that went into the serializer."
             + ("" if row.operations else " Unknown: no call in this window.")),
        ):  # fmt: skip
            with st.container(width=104, gap=None):
                st.caption(label, help=told)
                wrong = label == "Errors" and row.errors
                st.markdown(f":red[**{value}**]" if wrong else f"**{value}**")


def _exact(row: Any) -> None:
    """The stored bytes to the byte, for whoever compares them with the server."""
    with st.container(key=f"exact-{slug(row.backend)}"):
        told = "unknown" if _unsized(row) else f"{row.stored_bytes:,} B"
        st.caption(f":small[stored {told}]")


def unseen(row: Any) -> bool:
    """Whether all that is known of a backend's calls was found in an attached database."""
    return bool(row.found_writes) and not row.operations


def _unsized(row: Any) -> bool:
    """Whether no byte of a backend could be seen."""
    return row.backend == "other" and not row.written_bytes


def _latencies(operations: pd.DataFrame, most: list[str]) -> str:
    """A table of percentiles as markdown: its cells are our own numbers and escaped names."""
    lines = ["| :small[latency] | :small[p50] | :small[p95] | :small[p99] |", "|:--|--:|--:|--:|"]
    for name in most:
        values = [
            formats.duration(float(operations.at[name, q])) if name in operations.index
            else formats.UNKNOWN
            for q in ("p50", "p95", "p99")
        ]  # fmt: skip
        cells = " | ".join(f":small[{value}]" for value in values)
        lines.append(f"| :small[{formats.plain(name)}] | {cells} |")
    return "\n".join(lines)


def _spark(backend: str, rates: pd.DataFrame, zone: str | None) -> None:
    passed = rates[rates["seconds"] > 0]
    line = Line(
        "operations / s", colours.place(backend), passed["at_us"].to_numpy(),
        (passed["operations"] / passed["seconds"]).to_numpy(dtype=float),
    )  # fmt: skip
    live_plot(
        charts_lines.spark(line, zone), key=f"plot-spark-{slug(backend)}", height=SPARK_HEIGHT,
        label=f"Calls of {formats.backend_name(backend)} over time",
    )  # fmt: skip
