"""What a visitor changes in the store, on its way to the collector.

The collector alone writes the store: a change is a file in the spool until it has taken it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui import data
from statemeter import settings
from storage import orders
from storage.errors import StoreError

WAIT_SECONDS = 0.3


class Orders:
    """The changes of one part of a page.

    Args:
        part: its name, for the state of the session.
        forget: lets go of what was read before a change.
    """

    def __init__(self, part: str, forget: Callable[[], None]) -> None:
        self._asked = f"statemeter_{part}_order"
        self._told = f"statemeter_{part}_told"
        self._forget = forget

    def leave(self, kind: str, body: dict[str, Any], what: str) -> None:
        """Ask the collector for a change; ``what`` says it in our own words."""
        try:
            path = orders.leave(settings.spool_folder(), kind, body)
        except orders.OrderUnwritable as error:
            st.session_state[self._told] = ("error", [str(error)])
            return
        st.session_state[self._told] = None
        st.session_state[self._asked] = (str(path), what)

    def refuse(self, faults: list[str]) -> None:
        """Say why something was not taken."""
        st.session_state[self._told] = ("error", faults)

    def tell(self, what: str, faults: list[str] | None = None) -> None:
        """Say something beside what is being saved."""
        st.session_state[self._told] = ("info", [what, *(faults or [])])

    def saving(self) -> bool:
        """Whether a change is on its way."""
        return self._asked in st.session_state

    def draw(self) -> None:
        """Draws what became of the last change."""
        told = st.session_state.get(self._told)
        if self.saving():
            st.fragment(self._wait, run_every=WAIT_SECONDS)()
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

    def _wait(self) -> None:
        path, what = st.session_state.get(self._asked, ("", ""))
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
        st.session_state.pop(self._asked, None)
        if not path:
            return
        if Path(path).with_suffix(".rejected").exists():
            st.session_state[self._told] = (
                "error", ["The collector has refused it; its log says why. Nothing was changed."],
            )  # fmt: skip
        elif st.session_state.get(self._told) is None:
            st.session_state[self._told] = ("done", [what])
        self._forget()
        st.rerun()
