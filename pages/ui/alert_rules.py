"""The rules of the Alerts page: ready-made ones with a switch, all that are kept, and silences."""

from __future__ import annotations

import uuid

import streamlit as st

from pages.ui import alert_orders, filters, formats, frame
from pages.ui.alert_orders import ORDERS
from storage.alerts import METRICS, Rule, amount, told
from storage.queries import SECOND_US, now_us
from storage.queries_alerts import Alerts, Kept
from storage.ready_alerts import READY

CHOSEN = "alert-chosen"
"""Key of the choice of the rule in the form."""
LASTS = {"1 h": 3600, "8 h": 28_800, "1 day": 86_400, "1 week": 604_800}
ANY = ""
_CLICKED = "statemeter_alert_clicked"


def draw(found: Alerts) -> None:
    """Draws the rules; they are a live part, and what is clicked there changes other parts, too."""
    if st.session_state.pop(_CLICKED, False):
        st.rerun()
    kept = {one.rule.id: one for one in found.rules}
    own = [one for one in found.rules if one.rule.id not in {rule.id for rule in READY}]
    with frame.card("alert-rules"):
        frame.title("Rules", "looked at every 10 s")
        columns = st.columns(2)
        rows: list[tuple[Rule, Kept | None]] = [
            *((kept[rule.id].rule if rule.id in kept else rule, kept.get(rule.id))
              for rule in READY),
            *((one.rule, one) for one in own),
        ]  # fmt: skip
        half = -(-len(rows) // 2)
        for place, (rule, one) in enumerate(rows):
            with columns[place >= half]:
                _rule(rule, one)


def silences(found: Alerts) -> None:
    """Draws the silences, and what makes one."""
    names = {one.rule.id: one.rule.title for one in found.rules}
    with frame.card("alert-silences", height="stretch"):
        frame.title("Silences", "nothing is sent; what still fires at the end is told then")
        for one in found.silences:
            with st.container(horizontal=True, vertical_alignment="center"):
                what = names.get(one.rule, "a rule that is gone") if one.rule else "All rules"
                about = f' · "{one.subject}"' if one.subject else ""
                st.text(
                    f"{what}{about} until {formats.clock(one.until_us, filters.zone())}: "
                    f"{one.reason}", width="stretch",
                )  # fmt: skip
                st.button(
                    "End", key=f"silence-end-{one.id}", icon=":material/notifications:",
                    on_click=ORDERS.leave,
                    args=("end silence", {"id": one.id}, "The silence ends."),
                )  # fmt: skip
        with st.form("silence-form", border=False, clear_on_submit=False):
            left, right = st.columns(2)
            with left:
                st.selectbox(
                    "Rule", [ANY, *names], key="silence-rule",
                    format_func=lambda key: names.get(key, "All rules"),
                )  # fmt: skip
                st.text_input(
                    "Only of subjects with", key="silence-subject", autocomplete="off",
                    placeholder="any", help="A part of the name of a thread, backend, …",
                )  # fmt: skip
            with right:
                st.selectbox("For", list(LASTS), key="silence-lasts")
                st.text_input("Reason", key="silence-reason", autocomplete="off",
                              placeholder="deployment")  # fmt: skip
            st.form_submit_button(
                "Silence",
                icon=":material/notifications_off:",
                key="silence-save",
                on_click=_silence,
            )


def _rule(rule: Rule, one: Kept | None) -> None:
    enabled = one is not None and one.enabled
    # What the switch shows is what the store says, after each order anew.
    key = f"alert-on-{rule.id}-{enabled}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.toggle(
            "On", value=enabled, key=key, label_visibility="collapsed", width="content",
            on_change=_switch, args=(rule, key),
        )  # fmt: skip
        with st.container(gap=None):
            st.text(rule.title)
            st.caption(f"{formats.plain(told(rule))} · {rule.severity}{_each(rule)}")
            if one is not None and enabled:
                st.caption(_state(one))
        st.button(
            "", icon=":material/edit:", key=f"alert-edit-{rule.id}", type="tertiary",
            help="Look at what it would have done, and change it", on_click=_choose,
            args=(rule.id,),
        )  # fmt: skip


def _each(rule: Rule) -> str:
    each = "" if rule.each == "all" else f" · each {rule.each}"
    only = " · ".join(name for name in (rule.application, rule.backend) if name)
    return each + (f" · {formats.plain(only)} only" if only else "")


def _state(one: Kept) -> str:
    if one.why:
        return f":red[{formats.plain(one.why)}]"
    if not one.looked_us:
        return ":gray[not looked at yet]"
    now = amount(METRICS[one.rule.metric].unit, one.value)
    words = f"now {now}" if one.value is not None else (
        "nothing past the threshold" if one.rule.each in {"thread", "finding"} else "now unknown"
    )  # fmt: skip
    if one.firing:
        words = f":red[**{one.firing} firing**] · {words}"
    if one.pending:
        words += f" · {one.pending} pending"
    return words + (f" · {formats.count(one.untold)} more not followed" if one.untold else "")


def _choose(key: str) -> None:
    st.session_state[CHOSEN] = key
    st.session_state[_CLICKED] = True


def _switch(rule: Rule, key: str) -> None:
    on = bool(st.session_state[key])
    st.session_state[_CLICKED] = True
    alert_orders.save(rule, on, f"{rule.title} is switched {'on' if on else 'off'}.")


def _silence() -> None:
    reason = str(st.session_state["silence-reason"]).strip()
    if not reason:
        ORDERS.refuse(["A silence has a reason, for whoever wonders: write one."])
        return
    until_us = now_us() + LASTS[st.session_state["silence-lasts"]] * SECOND_US
    body = {
        "id": uuid.uuid4().hex, "rule": st.session_state["silence-rule"],
        "subject": str(st.session_state["silence-subject"]).strip(), "until_us": until_us,
        "reason": reason,
    }  # fmt: skip
    ORDERS.leave("silence alerts", body, "It is silent.")
