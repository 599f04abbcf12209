"""What a visitor changes of prices and settings, on its way to the collector.

The collector alone writes the store: a change is a file in the spool until it has taken it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui import data, data_costs
from statemeter import settings
from storage import orders
from storage.errors import StoreError

_ASKED = "statemeter_price_order"
_TOLD = "statemeter_price_told"
WAIT_SECONDS = 0.3


def leave(kind: str, body: dict[str, Any], what: str) -> None:
    """Ask the collector for a change; ``what`` says it in our own words."""
    try:
        path = orders.leave(settings.spool_folder(), kind, body)
    except orders.OrderUnwritable as error:
        st.session_state[_TOLD] = ("error", [str(error)])
        return
    st.session_state[_TOLD] = None
    st.session_state[_ASKED] = (str(path), what)


def refuse(faults: list[str]) -> None:
    """Say why something was not taken."""
    st.session_state[_TOLD] = ("error", faults)


def tell(what: str, faults: list[str] | None = None) -> None:
    """Say something beside what is being saved."""
    st.session_state[_TOLD] = ("info", [what, *(faults or [])])


def saving() -> bool:
    """Whether a change is on its way."""
    return _ASKED in st.session_state


def draw() -> None:
    """Draws what became of the last change."""
    told = st.session_state.get(_TOLD)
    if saving():
        st.fragment(_wait, run_every=WAIT_SECONDS)()
    if told is None:
        return
    kind, lines = told
    show = st.error if kind == "error" else st.success if kind == "done" else st.info
    show(
        {"error": "It was not saved.", "done": "Saved.", "info": "Import"}[kind],
        icon={"error": ":material/error:", "done": ":material/check_circle:"}.get(
            kind, ":material/upload_file:"
        ),
    )
    # Of a file or a form: never as markdown.
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
        st.session_state[_TOLD] = (
            "error", ["The collector has refused it; its log says why. Nothing was changed."],
        )  # fmt: skip
    elif st.session_state.get(_TOLD) is None:
        st.session_state[_TOLD] = ("done", [what])
    data_costs.forget()
    st.rerun()
