"""The form that attaches a database, and what came of it."""

from __future__ import annotations

import shlex
import sys

import streamlit as st

from pages.ui import (
    access,
    attaching,
    connect_cards,
    connect_rights,
    formats,
    frame,
    processes,
    values,
)
from pages.ui.attaching import Attaching
from storage.sources import Mode

_ASKED = "statemeter_attaching"
_URL, _NAME, _MODE = "attach-url", "attach-name", "attach-mode"
NAME_CHARACTERS = 100

COMMAND = (
    f"cd {shlex.quote(str(processes.ROOT))} && {shlex.quote(sys.executable)} -m collector attach -"
)
"""The same in a terminal; it asks for the URL on standard input."""

MODES: dict[Mode, str] = {
    "attach": "Read its history and keep up",
    "values": "Only values on demand",
}


def draw() -> None:
    """Draws the card."""
    with frame.card("attach", height="stretch"):
        frame.title("Attach a database", "read-only; its application needs no change")
        st.caption(
            "Every thread, checkpoint and pending write of a LangGraph application that never "
            "heard of this page, with sizes and growth, from what it left in its database. Then "
            "new ones as they land."
        )
        if not access.is_loopback(st.get_option("server.address")):
            # Whoever may see the pages may not therefore reach every host and file from here.
            st.text("On the machine of the dashboard:")
            st.code(COMMAND, language="bash", wrap_lines=True)
            return
        asked: Attaching | None = st.session_state.get(_ASKED)
        running = asked is not None and asked.running
        with st.form("attach", border=False, enter_to_submit=True):
            _fields(running)
        if running:
            st.fragment(_wait, run_every=0.5)()
        elif asked is not None:
            _ended(asked)
        connect_rights.draw()


def _fields(running: bool) -> None:
    st.text_input(
        "Database", type="password", key=_URL, autocomplete="off",
        placeholder="postgresql://…, redis://…, mongodb://…, or the path of a SQLite file",
        help="As its application has it. The URL is kept in a file of the spool that only this "
        "user can read, until the database is detached; it is not shown, and not logged.",
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        st.text_input(
            "Application", key=_NAME, max_chars=NAME_CHARACTERS, autocomplete="off",
            placeholder="as the database is called",
            help="The name under which its threads are shown.",
        )  # fmt: skip
    with right:
        st.selectbox(
            "What for", list(MODES), key=_MODE, format_func=MODES.__getitem__,
            help="Values on demand are shown for either. An application that is instrumented "
            "needs no more than these; if both are told, all is counted once.",
        )  # fmt: skip
    st.form_submit_button(
        "Looking…" if running else "Attach", icon=":material/cable:", disabled=running,
        type="primary", on_click=_start,
    )  # fmt: skip


def _start() -> None:
    url = str(st.session_state.get(_URL) or "")
    st.session_state[_URL] = ""
    if not url.strip():
        st.session_state[_ASKED] = Attaching(
            running=False, problem="No database is named. Give a path or a URL."
        )
        return
    name = str(st.session_state.get(_NAME) or "")
    name = "".join(c for c in name if c.isprintable()).strip()[:NAME_CHARACTERS]
    st.session_state[_ASKED] = attaching.start(url, name, st.session_state.get(_MODE) or "attach")


def _wait() -> None:
    asked: Attaching | None = st.session_state.get(_ASKED)
    if asked is not None and asked.running:
        st.caption("Opening the database…")
        return
    st.rerun()


def _ended(asked: Attaching) -> None:
    if asked.source is None:
        st.error("It was not attached.", icon=":material/error:")
        st.text(asked.problem)
        return
    shown = formats.plain(asked.source.shown)
    if asked.known:
        as_what = formats.plain(asked.source.application)
        st.info(
            f"{shown} is attached already, as {as_what}: its card is on this page. To attach it in "
            "another way, detach it first.",
            icon=":material/link:",
        )
        connect_cards.threads_link(asked.source.key)
    else:
        st.success(f"{shown} is attached.", icon=":material/check_circle:")


def draw_values() -> None:
    """Draws whether values of checkpoints are shown, and how to change that."""
    why_not = values.allowed()
    with frame.card("values"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            frame.title("Values on demand")
            if not why_not:
                st.badge("allowed", icon=":material/visibility:", color="orange")
            else:
                st.badge("not shown", icon=":material/visibility_off:", color="green")
        if not why_not:
            st.caption(
                "The History page reads values of a checkpoint from your own database when you "
                "ask for them. They are kept nowhere. To end that, start the dashboard without "
                "STATEMETER_SHOW_VALUES."
            )
            return
        st.caption("Sizes and times are shown always.")
        st.caption(formats.plain(why_not))
        st.code("STATEMETER_SHOW_VALUES=1 streamlit run app.py", language="bash", wrap_lines=True)
