"""One finding in full: numbers, what they mean, the fixes with their code, and its history."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import (
    address,
    data_findings,
    filters,
    finding_words,
    formats,
    frame,
    ordering,
    ticked,
)
from storage.findings import Finding, Fix
from storage.queries_findings import Group, Shown

MEMBERS_SHOWN = 100
_MEMBERS = "finding-members"
_MEMBERS_PIXELS = 260
_ORDERS = ordering.Orders("finding", data_findings.forget)


def draw(one: Shown, group: Group | None, key: str) -> None:
    """Draws the card.

    Args:
        one: the finding.
        group: those that are alike; None: not read.
        key: of the field that holds the key of the finding that is shown.
    """
    finding = one.finding
    with frame.card("finding"):
        _heading(one)
        left, right = st.columns([2, 3], gap="medium")
        with left:
            _measured(finding)
            st.text(finding.why)
            _links(finding)
            if group is not None and len(group.members) > 1:
                _members(group, one, key)
            _history(one)
        with right:
            for number, fix in enumerate(finding.fixes):
                _fix(fix, number)
            if not finding.fixes:
                st.caption("There is no fix that could be told.")


def _heading(one: Shown) -> None:
    finding = one.finding
    with st.container(horizontal=True, vertical_alignment="center", key="finding-heading"):
        st.badge(
            finding.severity, icon=finding_words.ICONS[finding.severity],
            color=finding_words.COLOURS[finding.severity],
        )  # fmt: skip
        st.subheader(formats.plain(finding.title), anchor=False, width="content")
    zone = filters.zone()
    told = [finding_words.where(finding.subject), f"since {formats.clock(one.since_us, zone)}"]
    if one.opened > 1:
        told.append(f"opened {one.opened} times")
    if one.resolved_us:
        told.append(f"resolved {formats.clock(one.resolved_us, zone)}")
    told.append(f"rule {finding.rule}")
    st.caption(formats.plain(" · ".join(part for part in told if part)))
    lost = finding_words.cost(finding.cost)
    if lost:
        st.markdown(f"**It costs** {formats.plain(lost)}")
    if one.state in {"acknowledged", "muted"}:
        st.text(f"{one.state.capitalize()}: {one.reason}")


def _measured(finding: Finding) -> None:
    st.dataframe(
        pd.DataFrame({
            "name": [one.name for one in finding.measured],
            "value": [finding_words.amount(one.value, one.unit) for one in finding.measured],
            "limit": [finding_words.limit(one) for one in finding.measured],
        }),
        hide_index=True, key="finding-measured", alt="What was measured",
        height=frame.table_height(len(finding.measured), 320),
        column_config={
            "name": st.column_config.TextColumn("Measured"),
            "value": st.column_config.TextColumn("Value"),
            "limit": st.column_config.TextColumn("Threshold"),
        },
    )  # fmt: skip


def _links(finding: Finding) -> None:
    for number, one in enumerate(finding.evidence):
        st.button(
            one.words, icon=":material/query_stats:", key=f"evidence-{number}", type="tertiary",
            on_click=address.ask_for, args=(one.page, dict(one.names)),
        )  # fmt: skip


def _fix(fix: Fix, number: int) -> None:
    st.markdown(f"**{'Fix' if number == 0 else 'Or'}:** {formats.plain(fix.words)}")
    saves = finding_words.cost(fix.saving) if fix.saving is not None else ""
    if saves:
        st.markdown(f":green[:material/savings: saves {formats.plain(saves)}] (predicted)")
    if fix.code:
        st.code(fix.code, language=_LANGUAGES.get(fix.language, fix.language or None))
    if fix.loss:
        st.caption(formats.plain(f"Given up: {fix.loss}"))


_LANGUAGES = {"redis": "bash", "shell": "bash", "mongodb": "javascript"}
"""How code is coloured."""


def _members(group: Group, shown: Shown, key: str) -> None:
    rows = list(group.members[:MEMBERS_SHOWN])
    frame.title("Alike", f"{formats.count(len(group.members))}, the worst first")
    st.dataframe(
        pd.DataFrame({
            "thread": [
                f"{'▸ ' if one.key == shown.key else ''}"
                f"{one.finding.subject.thread or finding_words.where(one.finding.subject)}"
                for one in rows
            ],
            "bytes": [one.finding.cost.bytes for one in rows],
            "title": [one.finding.title for one in rows],
        }),
        key=_MEMBERS, hide_index=True, selection_mode="single-row", alt="Alike",
        height=frame.table_height(len(rows), _MEMBERS_PIXELS), placeholder=formats.UNKNOWN,
        on_select=lambda: ticked.show(_MEMBERS, [one.key for one in rows], key),
        column_config={
            "thread": st.column_config.TextColumn("Thread", pinned=True),
            "bytes": st.column_config.NumberColumn("Bytes", format="bytes"),
            "title": st.column_config.TextColumn("Finding", width="large"),
        },
    )  # fmt: skip


def _history(one: Shown) -> None:
    zone = filters.zone()
    with st.expander("History"):
        for line in data_findings.changes(one.id):
            detail = f": {line.detail}" if line.detail else ""
            st.text(f"{formats.clock(line.at_us, zone)}  {line.change}{detail}")


def settle(one: Shown) -> None:
    """What a visitor says of the finding: drawn once, because somebody types here."""
    with frame.card("settle"):
        frame.title("Settle it", one.finding.title[:80])
        _ORDERS.draw()
        if one.state in {"acknowledged", "muted"}:
            back = f"un{one.state}"
            st.button(
                "End the mute" if one.muted else "Take the acknowledgement back",
                key="settle-back", on_click=_leave, args=(one.key, back, ""),
            )  # fmt: skip
            return
        with st.form("settle", border=False, clear_on_submit=True):
            st.text_input(
                "Reason", key="settle-reason", max_chars=500,
                placeholder="planned for sprint 12 · a test system · …",
            )  # fmt: skip
            with st.container(horizontal=True):
                st.form_submit_button(
                    "Acknowledge", on_click=_submit, args=(one.key, "acknowledged"),
                    help="It stays in the list, and counts as known until it is resolved.",
                )  # fmt: skip
                st.form_submit_button(
                    "Mute", on_click=_submit, args=(one.key, "muted"),
                    help="It is left out of lists, counts and alerts until you end it.",
                )  # fmt: skip


def _submit(key: str, change: str) -> None:
    reason = str(st.session_state.get("settle-reason") or "").strip()
    if not reason:
        _ORDERS.refuse(["Say why: a reason is kept with it, for whoever looks next."])
        return
    _leave(key, change, reason)


def _leave(key: str, change: str, reason: str) -> None:
    body = {"change": change, "keys": [key], "reason": reason}
    _ORDERS.leave("settle findings", body, f"The finding is {change}.")
