"""Query health: what looks into databases found, the statement that mends it, and a new look."""

from __future__ import annotations

import shlex
import sys

import pandas as pd
import streamlit as st

from pages.ui import access, checks, data_resources, export, formats, frame, processes
from storage.inspections import STATUSES, Check, Inspection
from storage.queries import now_us

_LOOK = "statemeter_look"
_URL = "check-url"

_BADGES = {
    "ok": (":material/check_circle:", "green", "nothing wrong"),
    "unknown": (":material/help:", "gray", "could not be seen"),
    "warning": (":material/warning:", "orange", "warning"),
    "critical": (":material/error:", "red", "critical"),
}

_LANGUAGES = {"redis": None, "mongodb": "javascript", "shell": "bash", "": None}

COMMAND = (
    f"cd {shlex.quote(str(processes.ROOT))} && {shlex.quote(sys.executable)} -m collector check -"
)
"""The same look in a terminal; it asks for the URL on standard input."""


def draw() -> None:
    """Draws the card."""
    with frame.card("query-health"):
        frame.title("Query health", "read-only looks into databases; nothing is changed by them")
        left, right = st.columns([3, 2])
        with right:
            _form()
        with left:
            found = _found()
            if not found:
                st.caption(
                    "No database was looked into yet. A look tells sizes, missing indexes, dead "
                    "rows, keys without TTL and open transactions, and how to mend what is wrong."
                )
            for one in found:
                _inspection(one)


def _found() -> list[Inspection]:
    """What is stored, and the visitor's own look while it is on its way to the store."""
    found = data_resources.inspections()
    look: checks.Look | None = st.session_state.get(_LOOK)
    if look is None or look.found is None or any(one.id == look.found.id for one in found):
        return found
    mine = look.found
    newer = [one for one in found if one.storage == mine.storage and one.at_us > mine.at_us]
    return found if newer else [mine, *(one for one in found if one.storage != mine.storage)]


def _form() -> None:
    if not access.is_loopback(st.get_option("server.address")):
        # Whoever may see the pages may not therefore reach every host and file from here.
        st.caption("Look into a database on the machine of the dashboard:")
        st.code(COMMAND, language="bash", wrap_lines=True)
        return
    look: checks.Look | None = st.session_state.get(_LOOK)
    running = look is not None and look.running
    with st.form("check", clear_on_submit=True, border=False):
        st.text_input(
            "Check a database", type="password", key=_URL, autocomplete="off",
            placeholder="postgresql://…, redis://…, mongodb://…, or the path of a SQLite file",
            help="The URL is used for this look only: it is not stored, and not shown. The look "
            "reads names, sizes and statistics, never a value of a state.",
        )  # fmt: skip
        st.form_submit_button(
            "Looking…" if running else "Look", icon=":material/troubleshoot:", disabled=running,
            on_click=_start,
        )  # fmt: skip
    if running:
        st.fragment(_wait, run_every=0.5)()
    elif look is not None and look.problem:
        st.warning("The look ended early:" if look.found is None else "Told by the look:")
        st.text(look.problem)


def _start() -> None:
    url = str(st.session_state.get(_URL) or "")
    st.session_state[_URL] = ""
    if url.strip():
        st.session_state[_LOOK] = checks.start(url)


def _wait() -> None:
    look: checks.Look | None = st.session_state.get(_LOOK)
    if look is not None and look.running:
        st.caption("Looking into the database…")
        return
    st.rerun()


def _inspection(found: Inspection) -> None:
    icon, color, said = _BADGES[found.status]
    wrong = found.wrong
    number = len(wrong)
    words = f"{number} thing{'' if number == 1 else 's'} to mend" if number else said
    label = (
        f"**{formats.plain(formats.backend_name(found.backend))}** "
        f"{formats.plain(found.label)} :{color}[{words}]"
    )
    with st.expander(label, icon=icon, key=f"inspection-{found.storage}", expanded=bool(number)):
        took = formats.duration(found.duration_us)
        when = formats.ago(found.at_us, now_us())
        with st.container(horizontal=True, horizontal_alignment="distribute", wrap=False):
            st.caption(
                formats.plain(f"{found.server or 'version unknown'}, looked {when}, took {took}")
            )
            if found.checks:
                export.button(f"checks-{found.storage}", lambda: _for_export(found))
        if found.problem:
            st.text(found.problem)
        for place, check in enumerate(wrong):
            _wrong(check, f"{found.storage}-{place}")
        _checks(found)


def _wrong(check: Check, key: str) -> None:
    icon, color, _ = _BADGES[check.status]
    with st.container(gap="xsmall", key=f"wrong-{key}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(check.status, icon=icon, color=color)
            st.markdown(
                f"**{formats.plain(check.what)}** {formats.plain(check.subject)} "
                f":gray[{formats.plain(amount(check))}]",
                width="content",
            )
        if check.why:
            st.text(check.why)
        if check.mend:
            language = _LANGUAGES.get(check.language, check.language)
            st.code(check.mend, language=language, wrap_lines=True)


def _checks(found: Inspection) -> None:
    if not found.checks:
        return
    order = sorted(found.checks, key=lambda one: (-STATUSES.index(one.status), one.what))
    config = st.column_config
    st.dataframe(
        pd.DataFrame({
            "status": [[one.status] for one in order],
            "what": [one.what for one in order],
            "subject": [one.subject for one in order],
            "value": [amount(one) for one in order],
            "why": [one.why for one in order],
        }),
        key=f"checks-{found.storage}", hide_index=True,
        height=250 if len(order) > 6 else "content", placeholder=formats.UNKNOWN,
        alt="Checks of the look",
        column_config={
            "status": config.MultiselectColumn(
                "Status", options=list(_BADGES), color=[color for _, color, _ in _BADGES.values()],
                width=100,
            ),
            "what": config.TextColumn("Check"),
            "subject": config.TextColumn("Of"),
            "value": config.TextColumn("Value"),
            "why": config.TextColumn("Meaning", width="large"),
        },
    )  # fmt: skip


def _for_export(found: Inspection) -> pd.DataFrame:
    """Values as they are: a number or a text, with its unit beside it."""
    return pd.DataFrame(
        [
            {
                "status": one.status, "check": one.what, "of": one.subject,
                "value": None if one.value is None else str(one.value), "unit": one.unit,
                "estimate": one.estimate, "error": one.error, "why": one.why, "mend": one.mend,
            }
            for one in found.checks
        ]
    )  # fmt: skip


def amount(check: Check) -> str:
    """The value with its unit, ``~`` before an estimate."""
    value = check.value
    if value is None:
        return formats.UNKNOWN
    if isinstance(value, str):
        return value
    error = "" if check.error is None else f" ± {_number(check.error, check.unit)}"
    return f"{'~' if check.estimate else ''}{_number(value, check.unit)}{error}"


def _number(value: float, unit: str) -> str:
    if unit == "bytes":
        return formats.size(value)
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return f"{shown} {unit}".strip()
