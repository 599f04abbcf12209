"""How the rules ran: which looked, at how much, which could not and why; and their thresholds."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import data_findings, filters, formats, frame, ordering
from storage.findings import Threshold
from storage.queries_findings import RuleShown

_STATES = {"found": "orange", "silent": "green", "could not look": "gray"}
_MOST_PIXELS = 620
_ORDERS = ordering.Orders("threshold", data_findings.forget)


def draw() -> None:
    """Draws the card; nothing where no rule has run yet."""
    rules = data_findings.rules()
    if not rules:
        return
    with frame.card("rules"):
        looked = sum(one.ran for one in rules)
        frame.title("Rules", f"{looked} of {len(rules)} looked")
        zone = filters.zone()
        st.dataframe(
            pd.DataFrame({
                "rule": [one.about.id for one in rules],
                "state": [[_state(one)] for one in rules],
                "open": [one.open for one in rules],
                "title": [one.about.title for one in rules],
                "why": [one.why or None for one in rules],
                "looks": [one.looks for one in rules],
                "subjects": [one.subjects or None for one in rules],
                "took": [one.took_us / one.looks / 1000 if one.looks else None for one in rules],
                "ran": pd.to_datetime(
                    [one.ran_us or None for one in rules], unit="us", utc=True
                ),
                "reads": [one.about.looks_at for one in rules],
            }),
            key="rules-table", hide_index=True, placeholder=formats.UNKNOWN, alt="Rules",
            height=frame.table_height(len(rules), _MOST_PIXELS), column_config=_columns(),
        )  # fmt: skip
        untold = [one for one in rules if one.untold]
        for one in untold:
            st.caption(f"{one.about.id}: {formats.count(one.untold)} more were found than are "
                       "kept; the oldest ones are.")  # fmt: skip
        with st.expander("Thresholds", icon=":material/tune:"):
            _ORDERS.draw()
            _thresholds(rules)
        st.caption(f"In {zone or 'UTC'}. Rules look at threads with new calls, every 3 s; at what "
                   "is of no thread every 10 s.")  # fmt: skip


def _state(one: RuleShown) -> str:
    if not one.ran:
        return "could not look"
    return "found" if one.open else "silent"


def _thresholds(rules: list[RuleShown]) -> None:
    names = [one.about.id for one in rules if one.about.thresholds]
    if not names:
        return
    chosen = st.selectbox("Rule", names, key="threshold-rule")
    rule = next(one for one in rules if one.about.id == chosen)
    st.caption(rule.about.looks_at)
    with st.form("thresholds", border=False):
        for one in rule.about.thresholds:
            key = f"threshold-{rule.about.id}-{one.name}"
            st.number_input(
                f"{one.name.replace('_', ' ')} ({one.unit})", min_value=float(one.least),
                max_value=float(one.most), value=float(rule.value(one.name)), key=key, format="%g",
                help=f"{one.why} Default: {one.default:g}.",
            )  # fmt: skip
        with st.container(horizontal=True):
            st.form_submit_button("Save", on_click=_save, args=(rule,))
            st.form_submit_button("Defaults", on_click=_reset, args=(rule,))


def _save(rule: RuleShown) -> None:
    for one in rule.about.thresholds:
        value = float(st.session_state[f"threshold-{rule.about.id}-{one.name}"])
        if value != rule.value(one.name):
            _leave(rule, one, None if value == one.default else value)


def _reset(rule: RuleShown) -> None:
    for one in rule.about.thresholds:
        st.session_state.pop(f"threshold-{rule.about.id}-{one.name}", None)
        if one.name in rule.changed:
            _leave(rule, one, None)


def _leave(rule: RuleShown, one: Threshold, value: float | None) -> None:
    body = {"name": f"{rule.about.id}.{one.name}", "value": value}
    told = f"{rule.about.id}: {one.name} is {one.default if value is None else value:g} {one.unit}."
    _ORDERS.leave("set threshold", body, told)


def _columns() -> dict[str, object]:
    config = st.column_config
    return {
        "rule": config.TextColumn("Rule", pinned=True, width=160),
        "state": config.MultiselectColumn(
            "State", options=list(_STATES), color=list(_STATES.values()), width=120
        ),
        "open": config.NumberColumn("Open", format="localized", width=60),
        "title": config.TextColumn("Looks for", width="medium"),
        "why": config.TextColumn("Why it could not look", width="medium"),
        "looks": config.NumberColumn("Looks", format="localized"),
        "subjects": config.NumberColumn("Threads", format="localized",
                                        help="That are there and that it has looked at."),
        "took": config.NumberColumn("ms a look", format="%.2f", help="CPU, mean."),
        "ran": config.DatetimeColumn("Last", format="distance"),
        "reads": config.TextColumn("Reads", width="large"),
    }  # fmt: skip
