"""Findings beside what they are about: on the Overview, at a thread, at a backend."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import address, data_findings, finding_words, formats, frame, ticked
from storage.queries_findings import Group, groups

TOP = 4
"""Rows on the Overview."""


def draw() -> None:
    """Draws the card of the Overview: the worst ones, or that nothing was found."""
    found = [one for one in data_findings.findings() if one.state == "open"]
    if not found:
        _quiet()
        return
    several = groups(found)
    with frame.card("top-findings"):
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            counts = {name: sum(one.finding.severity == name for one in found)
                      for name in finding_words.WORST_FIRST}  # fmt: skip
            told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
            frame.title("What to mend", f"{told} · tick one to open it")
            st.button(
                "All findings", icon=":material/arrow_forward:", icon_position="right",
                key="all-findings", type="tertiary", on_click=address.ask_for,
                args=("findings", {}),
            )  # fmt: skip
        shown = several[:TOP]
        st.dataframe(
            pd.DataFrame({
                "severity": [[one.worst.finding.severity] for one in shown],
                "title": [one.worst.finding.title for one in shown],
                "where": [finding_words.where(one.worst.finding.subject, len(one.members) == 1)
                          for one in shown],
                "alike": [len(one.members) for one in shown],
                "cost": [_cost(one) for one in shown],
            }),
            key="top-findings", hide_index=True, placeholder=formats.UNKNOWN, alt="Findings",
            height="content", selection_mode="single-row", on_select=lambda: _open(shown),
            column_config={
                "severity": st.column_config.MultiselectColumn(
                    "Severity", options=list(finding_words.COLOURS),
                    color=list(finding_words.COLOURS.values()), width=90, pinned=True,
                ),
                "title": st.column_config.TextColumn("Finding", width="large"),
                "where": st.column_config.TextColumn("Where", width="medium"),
                "alike": st.column_config.NumberColumn("Alike", format="localized", width=60),
                "cost": st.column_config.TextColumn("It costs", width="medium"),
            },
        )  # fmt: skip


def of_thread(thread_id: str, key: int) -> None:
    """A button that leads to the findings of a thread; nothing where it has none."""
    worst = data_findings.flags([key]).get(key)
    if worst is not None:
        st.button(
            "Findings", icon=finding_words.ICONS[worst], key="thread-findings", type="tertiary",
            help=f"The worst is {worst}.", on_click=address.ask_for,
            args=("findings", {"of": thread_id}),
        )  # fmt: skip


def of_backend(backend: str) -> None:
    """A badge with the number of findings of a backend; nothing where it has none."""
    found = [one.finding.severity for one in data_findings.findings()
             if one.finding.subject.backend == backend and one.state == "open"]  # fmt: skip
    if found:
        worst = next(name for name in finding_words.WORST_FIRST if name in found)
        st.badge(
            f"{formats.count(len(found))} finding{'' if len(found) == 1 else 's'}",
            icon=finding_words.ICONS[worst], color=finding_words.COLOURS[worst],
        )  # fmt: skip


def _quiet() -> None:
    rules = data_findings.rules()
    looked = sum(one.ran for one in rules)
    if not looked:
        return
    with st.container(key="top-findings"):
        st.caption(
            f":green[:material/check_circle:] Nothing to mend: {looked} of {len(rules)} rules "
            "looked. [Findings](findings)"
        )


def _cost(group: Group) -> str:
    told = []
    if group.bytes is not None:
        told.append(formats.size(group.bytes))
    if group.usd is not None and group.usd >= 0.005:
        told.append(f"{formats.money(group.usd)} a month")
    return " · ".join(told) or finding_words.cost(group.worst.finding.cost) or formats.UNKNOWN


def _open(shown: list[Group]) -> None:
    picked = ticked.row("top-findings", len(shown))
    if picked is not None:
        address.ask_for("findings", {"finding": shown[picked].worst.key})
