"""What a visitor changes of alerts, on its way to the collector, which alone writes the store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import streamlit as st

from pages.ui import data, data_alerts
from statemeter import settings
from storage import orders
from storage.alerts import AlertError, Rule, check
from storage.errors import StoreError

_ASKED = "statemeter_alert_order"
_TOLD = "statemeter_alert_told"
WAIT_SECONDS = 0.3


def rule(made: Rule, enabled: bool, what: str) -> bool:
    """Ask for a rule to be as it is told; False, with the reasons shown, if it makes no sense."""
    try:
        check(made)
    except AlertError as error:
        refuse(error.faults)
        return False
    return leave(
        "set alert rule", {"rule": msgspec.to_builtins(made), "enabled": enabled}, what
    )  # fmt: skip


def leave(kind: str, body: dict[str, Any], what: str) -> bool:
    """Ask the collector for a change; ``what`` says it in our own words."""
    try:
        path = orders.leave(settings.spool_folder(), kind, body)
    except orders.OrderUnwritable as error:
        refuse([str(error)])
        return False
    st.session_state[_TOLD] = None
    st.session_state[_ASKED] = (str(path), what)
    return True


def refuse(faults: list[str]) -> None:
    """Say why something was not taken."""
    st.session_state[_TOLD] = ("error", faults)


def draw() -> None:
    """Draws what became of the last change."""
    if _ASKED in st.session_state:
        st.fragment(_wait, run_every=WAIT_SECONDS)()
    told = st.session_state.get(_TOLD)
    if told is None:
        return
    kind, lines = told
    if kind == "error":
        st.error("It was not saved.", icon=":material/error:")
    else:
        st.success("Saved.", icon=":material/check_circle:")
    # Of a form: never as markdown.
    st.text("\n".join(lines))


def _wait() -> None:
    path, what = st.session_state.get(_ASKED, ("", ""))
    if path and Path(path).exists():
        st.caption(f":material/hourglass_top: saving… {what}")
        try:
            away = data.health().stale
        except StoreError:
            away = True
        if away:
            st.caption(
                "The collector is not running. The change waits in the spool and is taken when "
                "it is back."
            )
        return
    st.session_state.pop(_ASKED, None)
    if not path:
        return
    if Path(path).with_suffix(".rejected").exists():
        refuse(["The collector has refused it; its log says why. Nothing was changed."])
    elif st.session_state.get(_TOLD) is None:
        st.session_state[_TOLD] = ("done", [what])
    data_alerts.forget()
    st.rerun()
