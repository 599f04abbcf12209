"""The parts of the Alerts page."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from pages.ui import (
    alert_form,
    alert_rules,
    alert_sent,
    data_alerts,
    filters,
    formats,
    frame,
    states,
)
from pages.ui.alert_orders import ORDERS
from storage.alerts import amount
from storage.errors import StoreError
from storage.queries_alerts import Alerts

SEVERITIES = {"critical": "red", "warning": "orange", "info": "blue"}


def draw() -> None:
    """Draws the page; what happens again and again, what is edited when it is."""
    frame.live(lambda: states.or_else(_now))
    frame.guarded(lambda: states.if_any(ORDERS.draw), "-orders")
    frame.live(lambda: states.if_any(_rules), "-rules")
    frame.guarded(lambda: states.if_any(_edited), "-form")
    frame.live(lambda: states.if_any(_happened), "-history")


def _now() -> None:
    found = data_alerts.alerts()
    if not found.there:
        st.info("The store is of an older version. Its collector adds alerts when it starts.")
        return
    _cards(found)
    with frame.card("alerts-now"):
        frame.title("Now", "firing first")
        if found.unreadable:
            st.warning(
                f"{formats.count(found.unreadable)} "
                f"rule{' was' if found.unreadable == 1 else 's were'} written by another version, "
                "with a metric that this one does not have: not looked at. Update Statemeter."
            )
        if found.states.empty:
            on = sum(one.enabled for one in found.rules)
            st.caption(
                f"Nothing fires, and nothing is pending: {formats.count(on)} "
                f"rule{'' if on == 1 else 's'} {'is' if on == 1 else 'are'} looked at every 10 s."
                if on else "No rule is switched on. Choose some below: each says what it would "
                "have done before you switch it on."
            )  # fmt: skip
            return
        _table(found)


def _kept() -> Alerts | None:
    """What a further part shows; None where the first one says why there is nothing."""
    try:
        found = data_alerts.alerts()
    except (StoreError, SQLAlchemyError):
        return None
    return found if found.there else None


def _happened() -> None:
    found = _kept()
    if found is not None:
        alert_sent.draw(found)


def _rules() -> None:
    found = _kept()
    if found is not None:
        alert_rules.draw(found)


def _edited() -> None:
    found = _kept()
    if found is None:
        return
    alert_form.draw(found)
    left, right = st.columns(2)
    with left:
        alert_rules.silences(found)
    with right:
        alert_sent.targets(found)


def _cards(found: Alerts) -> None:
    state = found.states["state"]
    critical = ((state == "firing") & (found.states["severity"] == "critical")).sum()
    day_us = found.at_us - 86_400_000_000
    fired = found.events[
        (found.events["change"] == "fired") & (found.events["at_us"] >= day_us)
    ]  # fmt: skip
    waits = found.deliveries["state"].isin(["waiting", "sending"]).sum()
    with st.container(horizontal=True, key="cards-alerts"):
        for label, value, help in (
            ("Firing", (state == "firing").sum(), f"{critical} of them critical."),
            ("Pending", (state == "pending").sum(), "Past the threshold, not yet for long enough."),
            ("Fired in 24 h", len(fired), "Of the newest 200 events."),
            ("Silences", len(found.silences), "That hold now."),
            ("Messages waiting", waits, "They are tried again with longer and longer waits."),
        ):
            st.metric(label, formats.count(float(value)), border=True, help=help)


def _table(found: Alerts) -> None:
    rows, zone = found.states, filters.zone()
    config = st.column_config
    shown = pd.DataFrame({
        "state": [[one] for one in rows["state"]],
        "severity": [[one] for one in rows["severity"]],
        "alert": rows["title"],
        "subject": rows["subject"],
        "value": [amount(u, v) for u, v in zip(rows["unit"], rows["value"], strict=True)],
        "worst": [
            amount(u, v) if formats.known(v) else formats.UNKNOWN
            for u, v in zip(rows["unit"], rows["peak"], strict=True)
        ],
        "since": [formats.clock(one, zone) for one in rows["since_us"]],
        "silenced": rows["silenced"],
    })  # fmt: skip
    st.dataframe(
        shown, hide_index=True, key="alerts-now-table", alt="Alerts now",
        height=frame.table_height(len(shown), 400),
        column_config={
            "state": config.MultiselectColumn(
                "State", options=["firing", "pending"], color=["red", "gray"], width=80),
            "severity": config.MultiselectColumn(
                "Severity", options=list(SEVERITIES), color=list(SEVERITIES.values()), width=90),
            "alert": config.TextColumn("Alert", width=220),
            "subject": config.TextColumn("Subject", width=200),
            "value": config.TextColumn("Now", width=90),
            "worst": config.TextColumn("Worst", width=90),
            "since": config.TextColumn("Since", width=150),
            "silenced": config.TextColumn("Silenced", help="Reason: nothing is sent."),
        },
    )  # fmt: skip
