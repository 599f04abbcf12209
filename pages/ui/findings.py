"""The Findings page: what is wrong, the worst first, one of them in full, and how the rules ran."""

from __future__ import annotations

import streamlit as st

from pages.ui import (
    data_findings,
    filters,
    finding_detail,
    finding_list,
    finding_rules,
    finding_words,
    formats,
    frame,
    states,
)
from storage.queries_findings import Group, RuleShown, Shown, groups

KEY = "finding"
"""Name in the address, and key of the field: the key of a finding."""
STATES = {"open": "Open", "muted": "Muted", "resolved": "Resolved"}


def draw() -> None:
    """Draws the page: the list again and again, what a visitor types in once."""
    with st.container(key="address-finding"):
        st.text_input("Finding", key=KEY, bind="query-params")
        st.text_input("Thread of the findings", key="of", bind="query-params")
    frame.live(lambda: states.or_else(_body))
    frame.guarded(lambda: states.if_any(_settle), "-settle")
    frame.guarded(lambda: states.if_any(finding_rules.draw), "rules")


def _body() -> None:
    thread = str(st.session_state.get("of") or "")
    found = data_findings.findings("open", thread)
    rules = data_findings.rules()
    _cards(found, rules)
    state = _state(thread)
    shown = found if state == "open" else data_findings.findings(state, thread)
    several = groups(shown)
    chosen = _chosen(several)
    finding_list.draw(several, chosen, KEY, state)
    if not shown and state == "open":
        _nothing(rules, thread)
    if chosen is not None:
        one, group = chosen
        finding_detail.draw(one, group, KEY)


def _settle() -> None:
    """What a visitor says of the finding that is shown."""
    key = str(st.session_state.get(KEY) or "")
    one = data_findings.finding(key) if key else None
    if one is None:
        found = data_findings.findings("open", str(st.session_state.get("of") or ""))
        one = found[0] if found else None
    if one is not None and one.state != "resolved":
        finding_detail.settle(one)


def _state(thread: str) -> str:
    with st.container(horizontal=True, vertical_alignment="center", key="finding-filter"):
        chosen = st.segmented_control(
            "State", list(STATES), default="open", required=True, key="finding-state",
            format_func=STATES.__getitem__, label_visibility="collapsed",
        )  # fmt: skip
        if thread:
            st.caption(f"of the thread {formats.plain(thread)}")
            st.button(
                "All threads", icon=":material/close:", key="all-findings", type="tertiary",
                on_click=lambda: st.session_state.update(of=""),
            )  # fmt: skip
    return str(chosen or "open")


def _cards(found: list[Shown], rules: list[RuleShown]) -> None:
    counts = dict.fromkeys(finding_words.WORST_FIRST, 0)
    for one in found:
        counts[one.finding.severity] += 1
    held = [one.finding.cost.bytes for one in found if one.finding.cost.bytes is not None]
    usd = [one.finding.cost.usd_a_month for one in found
           if one.finding.cost.usd_a_month is not None]  # fmt: skip
    ran = sum(one.ran for one in rules)
    with st.container(horizontal=True, key="cards-findings", gap="small"):
        _metric("Critical", formats.count(counts["critical"]), "data, calls, limits",
                "Data is lost, calls fail, or a limit is reached soon.")  # fmt: skip
        _metric("Warnings", formats.count(counts["warning"]), "memory, time, money",
                "It costs memory, time or money now.")  # fmt: skip
        _metric("Hints", formats.count(counts["info"]), "could be better", "Better is possible.")
        _metric("Held without need", formats.size(sum(held)) if held else formats.UNKNOWN,
                f"known of {len(held)} of {len(found)}",
                "Bytes that the best fix of each finding would free. Findings of one thread may "
                "mean the same bytes.")  # fmt: skip
        _metric("Costs", formats.money(sum(usd)) if usd else formats.UNKNOWN,
                f"a month, of {len(usd)} of {len(found)}",
                "What holding these bytes costs, by the price book.")  # fmt: skip
        _metric("Rules that looked", f"{ran} of {len(rules)}",
                "the others say why below" if ran < len(rules) else "all of them",
                "A rule that could not look says so below, and why.")  # fmt: skip


def _metric(label: str, value: str, detail: str, help: str) -> None:
    st.metric(
        label, value, detail, delta_color="off", delta_arrow="off", border=True, help=help,
        width="stretch", height="stretch",
    )  # fmt: skip


def _chosen(several: list[Group]) -> tuple[Shown, Group | None] | None:
    """The finding of the address, else the worst."""
    key = str(st.session_state.get(KEY) or "").strip()
    for group in several:
        for one in group.members:
            if one.key == key:
                return one, group
    if key:
        one = data_findings.finding(key)
        if one is not None:
            return one, None
    return (several[0].worst, several[0]) if several else None


def _nothing(rules: list[RuleShown], thread: str) -> None:
    """Which rules looked, and at how much."""
    looked = [one for one in rules if one.ran]
    with frame.card("nothing-found"):
        if not rules or not any(one.ran_us for one in rules):
            st.markdown("**The rules have not looked yet.**")
            st.caption("They look every few seconds while the collector runs.")
            return
        st.badge("Nothing found", icon=":material/check_circle:", color="green")
        threads = max((one.subjects for one in rules), default=0)
        of = f" for the thread {formats.plain(thread)}" if thread else ""
        latest = max(one.ran_us for one in rules)
        st.markdown(
            f"{len(looked)} of {len(rules)} rules looked at {formats.count(threads)} threads, and "
            f"at what is of none: pools, caches, stores, processes, checks of databases. No "
            f"problem is open{of}. Last look: {formats.clock(latest, filters.zone())}."
        )
        if len(looked) < len(rules):
            st.caption(f"{len(rules) - len(looked)} could not look: the list below says why.")
