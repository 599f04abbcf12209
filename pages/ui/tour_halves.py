"""Before and after, side by side: what a turn takes, what the process holds, and what was found."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.ui import address, charts_tour, finding_words, formats, frame
from pages.ui.live_plot import live_plot
from storage.queries_findings import Shown
from storage.tours import Half

NAMES = {"before": "Before", "after": "After tuning"}
_NOT_YET = "Not played yet."


def draw(halves: dict[str, Half]) -> None:
    """Draws both cards, and what was stored over the turns."""
    before = halves.get("before")
    for column, (name, title) in zip(st.columns(2), NAMES.items(), strict=True):
        with column, frame.card(f"tour-{name}", height="stretch"):
            half = halves.get(name)
            if half is None:
                frame.title(title)
                st.caption(_NOT_YET)
                continue
            frame.title(title, f"{half.application}, {formats.backend_name(half.backend)}")
            _figures(half, before if name == "after" else None)
            _findings(half, name)
    curves = {NAMES[name]: half.curve for name, half in halves.items() if half.curve}
    if curves:
        figure, unit = charts_tour.stored(curves)
        with frame.card("tour-stored"):
            frame.title("Stored by the saver, by turn", unit)
            live_plot(figure, key="plot-tour-stored", label="Stored bytes over the turns")


def _figures(half: Half, before: Half | None) -> None:
    gained = None
    if half.rss_bytes is not None and half.rss_first_bytes is not None:
        gained = half.rss_bytes - half.rss_first_bytes
    turns = formats.count(half.turns)
    # Two in a row, on a wide screen and on a narrow one.
    with st.container(horizontal=True, key=f"cards-{half.application}-turn", gap="small"):
        _metric(
            "Bytes a turn", formats.size(half.bytes_a_turn),
            _less(half.bytes_a_turn, before.bytes_a_turn) if before else f"mean of {turns}",
            f"Written to the saver, the mean of {turns} turns.",
        )  # fmt: skip
        _metric(
            "A turn takes", formats.duration(half.turn_us),
            _less(half.turn_us, before.turn_us) if before else f"median of {turns}",
            f"The run of the graph, the median of {turns} turns.",
        )  # fmt: skip
    with st.container(horizontal=True, key=f"cards-{half.application}", gap="small"):
        _metric(
            "RSS", formats.size(half.rss_bytes), f"grew {formats.size(gained)}",
            "Resident memory of the process, the most that was read, and how much that is above "
            "the first reading.",
        )  # fmt: skip
        _metric(
            "A month", formats.money(half.usd), f"storage {formats.money(half.storage_usd)}",
            half.why or "On PostgreSQL, by the price book, at the rate of the hour that ended with "
            "the play; of it for storage. The smallest instance costs the same whatever one "
            "conversation stores. Of all plays in this store.",
        )  # fmt: skip


def _less(value: float | None, before: float | None) -> str:
    if not value or not before:
        return formats.UNKNOWN
    if value <= before:
        return f"{formats.factor(before / value)} less"
    return f"{formats.factor(value / before)} more"


def _metric(label: str, value: str, detail: str, help: str) -> None:
    st.metric(
        label, value, detail, delta_color="off", delta_arrow="off", border=True, help=help,
        width="stretch",
    )  # fmt: skip


def _findings(half: Half, name: str) -> None:
    found = half.findings
    now = sum(not one.resolved_us for one in found)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        frame.title("Found", f"{formats.count(len(found))}, {formats.count(now)} open")
        st.button(
            "Findings", icon=":material/arrow_forward:", icon_position="right", type="tertiary",
            key=f"tour-findings-{name}", on_click=address.ask_for,
            args=("findings", {"application": half.application}),
            help="The page Findings, of this application. What was found of a process is resolved "
            "when it ends.",
        )  # fmt: skip
    if not found:
        if half.looked:
            st.badge("Nothing found", icon=":material/check_circle:", color="green")
        else:
            st.caption("The rules have not looked yet.")
        return
    key = f"tour-found-{name}"
    st.dataframe(
        pd.DataFrame({
            "severity": [[one.finding.severity] for one in found],
            "rule": [one.finding.rule for one in found],
            "title": [one.finding.title for one in found],
            "state": [one.state for one in found],
        }),
        key=key, hide_index=True, alt=f"Found {NAMES[name].lower()}", height="content",
        selection_mode="single-row", on_select=lambda: _open(key, found),
        column_config={
            "severity": st.column_config.MultiselectColumn(
                "Severity", options=list(finding_words.COLOURS),
                color=list(finding_words.COLOURS.values()), width=80, pinned=True,
            ),
            "rule": st.column_config.TextColumn("Rule", width=130),
            "title": st.column_config.TextColumn("Finding"),
            "state": st.column_config.TextColumn("State", width=80),
        },
    )  # fmt: skip


def _open(key: str, found: Sequence[Shown]) -> None:
    picked = st.session_state[key]["selection"]["rows"]
    if picked and picked[0] < len(found):
        address.ask_for("findings", {"finding": found[picked[0]].key})
