"""What the Alerts page says of targets, of messages that went there, and of the past."""

from __future__ import annotations

import uuid

import pandas as pd
import streamlit as st

from pages.ui import export, filters, formats, frame
from pages.ui.alert_orders import ORDERS
from storage.alerts import amount
from storage.queries_alerts import Alerts

STATES = {"sent": "green", "waiting": "orange", "sending": "blue", "unknown": "gray",
          "failed": "red"}  # fmt: skip
CHANGES = {"fired": "red", "resolved": "green"}
SNIPPET = """\
# a file that only you can read: chmod 600
ops = slack://TokenA/TokenB/TokenC/#alerts
mail = mailtos://user:password@example.com
hook = jsons://example.com/path"""


def targets(found: Alerts) -> None:
    """Draws where messages go, with a button that tries it."""
    with frame.card("alert-targets", height="stretch"):
        frame.title("Targets", "names only: their addresses stay in the collector's file")
        if found.problem:
            st.text(found.problem)
        if not found.targets and not found.problem:
            st.caption(
                "None: alerts are shown here only. Write a file of them, set `STATEMETER_ALERTS` "
                "to its path, and start the collector again."
            )
            st.code(SNIPPET, language=None)
            st.caption("More than a hundred services: [Apprise](https://appriseit.com/services/)")
        for one in found.targets:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(f"{one.name} · {one.service}", width="stretch")
                st.button(
                    "Test", key=f"alert-try-{one.name}", icon=":material/send:",
                    disabled=bool(one.problem), on_click=_try, args=(one.name,),
                )  # fmt: skip
            if one.problem:
                st.text(one.problem)


def draw(found: Alerts) -> None:
    """Draws messages and history."""
    zone = filters.zone()
    with frame.card("alert-history"):
        export.title("History", f"the newest {len(found.events)}" if len(found.events) else "",
                     "alert-history", lambda: found.events, not found.events.empty)  # fmt: skip
        if found.events.empty:
            st.caption("Nothing has fired yet.")
        else:
            _history(found.events, zone)
    with frame.card("alert-deliveries"):
        export.title("Messages", "one for all that changed together", "alert-messages",
                     lambda: found.deliveries, not found.deliveries.empty)  # fmt: skip
        if found.deliveries.empty:
            st.caption("Nothing was sent yet.")
        else:
            _deliveries(found.deliveries, zone)


def _history(rows: pd.DataFrame, zone: str | None) -> None:
    config = st.column_config
    shown = pd.DataFrame({
        "at": [formats.clock(one, zone) for one in rows["at_us"]],
        "change": [[one] for one in rows["change"]],
        "alert": rows["title"],
        "subject": rows["subject"],
        "value": [amount(u, v) if formats.known(v) else formats.UNKNOWN
                  for u, v in zip(rows["unit"], rows["value"], strict=True)],
        "threshold": [amount(u, v) for u, v in zip(rows["unit"], rows["threshold"], strict=True)],
        "note": [f"silenced: {s}" if s else d
                 for s, d in zip(rows["silenced"], rows["detail"], strict=True)],
    })  # fmt: skip
    st.dataframe(
        shown, hide_index=True, key="alert-history-table", alt="History of alerts",
        height=frame.table_height(len(shown), 320),
        column_config={
            "at": config.TextColumn("When", width=150),
            "change": config.MultiselectColumn(
                "What", options=list(CHANGES), color=list(CHANGES.values()), width=90),
            "alert": config.TextColumn("Alert", width=220),
            "subject": config.TextColumn("Subject", width=200),
            "value": config.TextColumn("Value", width=90, help="Of resolved: the worst."),
            "threshold": config.TextColumn("Threshold", width=90),
            "note": config.TextColumn("Note"),
        },
    )  # fmt: skip


def _deliveries(rows: pd.DataFrame, zone: str | None) -> None:
    config = st.column_config
    shown = pd.DataFrame({
        "at": [formats.clock(one, zone) for one in rows["created_us"]],
        "state": [[one] for one in rows["state"]],
        "target": rows["target"],
        "title": rows["title"],
        "tries": rows["tries"],
        "ended": [formats.clock(one, zone, date=False) if one else formats.UNKNOWN
                  for one in rows["ended_us"]],
        "problem": rows["problem"],
    })  # fmt: skip
    st.dataframe(
        shown, hide_index=True, key="alert-messages-table", alt="Messages",
        height=frame.table_height(len(shown), 320),
        column_config={
            "at": config.TextColumn("When", width=150),
            "state": config.MultiselectColumn(
                "State", options=list(STATES), color=list(STATES.values()), width=90,
                help="**unknown**: the collector ended while it was being sent. It may have "
                     "arrived, and is not sent again."),
            "target": config.TextColumn("Target", width=90),
            "title": config.TextColumn("Message", width=300),
            "tries": config.NumberColumn("Tries", width=60),
            "ended": config.TextColumn("Sent", width=80),
            "problem": config.TextColumn("Last problem"),
        },
    )  # fmt: skip


def _try(name: str) -> None:
    body = {"id": uuid.uuid4().hex, "target": name}
    ORDERS.leave("try alert target", body, f"A test goes to {name}: see Messages below.")
