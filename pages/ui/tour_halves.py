"""Before and after, side by side: what a turn takes, what the process holds, and what was found."""

from __future__ import annotations

import streamlit as st

from pages.ui import address, charts_tour, finding_words, formats, frame
from pages.ui.live_plot import live_plot
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
    with st.container(horizontal=True, key=f"cards-{half.application}", gap="small"):
        _metric("Bytes a turn", formats.size(half.bytes_a_turn),
                _less(half.bytes_a_turn, before and before.bytes_a_turn),
                f"Written to the saver, mean of {formats.count(half.turns)} turns.")  # fmt: skip
        _metric("A turn takes", formats.duration(half.turn_us),
                _less(half.turn_us, before and before.turn_us),
                "The run of the graph, the median of all turns.")  # fmt: skip
        gained = None
        if half.rss_bytes is not None and half.rss_first_bytes is not None:
            gained = half.rss_bytes - half.rss_first_bytes
        _metric("RSS", formats.size(half.rss_bytes),
                f"{formats.size(gained, signed=True)} since its start" if gained is not None
                else "",
                "Resident memory of the process, the most that was read; and by how much that is "
                "above the first reading.")  # fmt: skip
        storage = formats.money(half.storage_usd)
        _metric("A month", formats.money(half.usd), f"of it {storage} for storage",
                half.why or "On PostgreSQL, by the price book, at the rate of the hour that ended "
                "with the play. The smallest instance costs the same whatever one conversation "
                "stores. Of all plays in this store.")  # fmt: skip


def _less(value: float | None, before: float | None) -> str:
    if not value or not before:
        return ""
    if value <= before:
        return f"{formats.factor(before / value)} less"
    return f"{formats.factor(value / before)} more"


def _metric(label: str, value: str, detail: str, help: str) -> None:
    st.metric(
        label, value, detail or None, delta_color="off", delta_arrow="off", border=True,
        help=help, width="stretch", height="stretch",
    )  # fmt: skip


def _findings(half: Half, name: str) -> None:
    now = [one for one in half.findings if not one.resolved_us]
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        frame.title("Found", f"{formats.count(len(half.findings))}, {formats.count(len(now))} open")
        st.button(
            "Findings", icon=":material/arrow_forward:", icon_position="right", type="tertiary",
            key=f"tour-findings-{name}", on_click=address.ask_for,
            args=("findings", {"application": half.application}),
            help="The page Findings, of this application.",
        )  # fmt: skip
    if not half.findings:
        if half.looked:
            st.badge("Nothing found", icon=":material/check_circle:", color="green")
        else:
            st.caption("The rules have not looked yet.")
    for one in half.findings:
        finding = one.finding
        st.button(
            f"{formats.plain(finding.title)} :gray[{formats.plain(finding.rule)}]",
            icon=finding_words.ICONS[finding.severity], key=f"tour-finding-{one.key}",
            type="tertiary", on_click=address.ask_for, args=("findings", {"finding": one.key}),
            help="Resolved: the process has ended, or it was mended." if one.resolved_us else None,
        )  # fmt: skip
