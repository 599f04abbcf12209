"""The form that asks for a comparison of backends."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import msgspec
import streamlit as st

from pages.ui import access, address, comparing, data_sources, formats, frame, processes
from pages.ui.comparing import Comparing
from storage.comparisons import DURABILITIES, MODES
from storage.workloads import WORKLOADS, Workload

_ASKED = "statemeter_comparing"
_URLS = {
    "compare-postgres": ("PostgreSQL", "postgresql://user:password@host/database"),
    "compare-redis": ("Redis with search and JSON", "redis://:password@host:6379"),
    "compare-mongodb": ("MongoDB", "mongodb://user:password@host/database"),
    "compare-other": ("Valkey, or another one", "valkey://host:6379"),
}
CLIENTS = (1, 8, 32)
SELECTED = "comparison"
"""Name in the address, and key of the field, of the comparison that is shown."""

COMMAND = (
    f"cd {shlex.quote(str(processes.ROOT))} && {shlex.quote(sys.executable)} -m collector compare "
    "--backends memory,sqlite,-"
)
"""The same in a terminal; it asks for the URL."""


def draw() -> None:
    """Draws the card."""
    with frame.card("compare-form", height="stretch"):
        frame.title("Compare backends", "the same work on each, by turns")
        if not access.is_loopback(st.get_option("server.address")):
            # Whoever may see the pages may not therefore reach every host from here.
            st.text("On the machine of the dashboard:")
            st.code(COMMAND, language="bash", wrap_lines=True)
            return
        workload = WORKLOADS[
            st.selectbox(
                "Workload", list(WORKLOADS), key="compare-workload",
                format_func=lambda name: WORKLOADS[name].title,
            )
        ]  # fmt: skip
        st.caption(workload.what)
        asked: Comparing | None = st.session_state.get(_ASKED)
        running = asked is not None and asked.running
        with st.form("compare", border=False, enter_to_submit=False):
            _fields(workload)
            st.form_submit_button(
                "Asking…" if running else "Compare", icon=":material/compare_arrows:",
                type="primary", disabled=running, on_click=_start,
            )  # fmt: skip
        if running:
            st.fragment(_wait, run_every=0.5)()
        elif asked is not None and asked.problem:
            st.error("It was not asked for.", icon=":material/error:")
            st.text(asked.problem)


def _fields(workload: Workload) -> None:
    if workload.name == "thread":
        st.text_input(
            "Thread id", key="compare-thread", value=address.last_thread(), autocomplete="off",
            help="A thread that was measured: as the Threads page has it.",
        )  # fmt: skip
    if workload.name == "source":
        there = {one.key: one.shown for one in data_sources.attached() if not one.removed_us}
        st.selectbox(
            "Attached database", list(there), key="compare-source",
            format_func=lambda key: there.get(key, key),
            placeholder="None is attached: see the Connect page",
        )  # fmt: skip
    st.pills(
        "Backends", ["memory", "sqlite"], selection_mode="multi", default=["memory", "sqlite"],
        key="compare-backends", format_func=formats.backend_name,
    )  # fmt: skip
    left, right = st.columns(2)
    for place, (key, (label, example)) in enumerate(_URLS.items()):
        with (left, right)[place % 2]:
            st.text_input(
                label, type="password", key=key, autocomplete="off", placeholder=example,
                help="Left out where empty. A schema, database or key prefix of its own is made "
                "there, and removed in the end; what you keep there is not touched. The URL is "
                "kept until the comparison has ended, in a file that only this user can read.",
            )  # fmt: skip
    st.text_input("Name", key="compare-name", max_chars=100, autocomplete="off",
                  placeholder=workload.title)  # fmt: skip
    with st.expander("How much, and how"):
        _settings(workload)


def _settings(workload: Workload) -> None:
    numbers = [
        ("turns", "Turns of each thread" if workload.built_in else "Most super-steps", 100_000),
        ("threads", "Threads", 10_000),
    ]
    if workload.built_in:
        numbers.append(("value_bytes", "Bytes of a value", 100_000_000))
    if workload.name == "fanout":
        numbers.append(("width", "Tasks at once", 1_000))
    columns = st.columns(2)
    for place, (name, label, most) in enumerate(numbers):
        with columns[place % 2]:
            st.number_input(
                label, min_value=1, max_value=most, value=getattr(workload.size, name), step=1,
                key=f"compare-{name}-{workload.name}",
            )  # fmt: skip
    left, right = st.columns(2)
    with left:
        st.multiselect("Clients at once", list(CLIENTS), default=[1, 8], key="compare-concurrency")
        st.multiselect("Calls", list(MODES), default=["sync"], key="compare-modes")
        st.number_input("Rounds", min_value=1, max_value=50, value=5, key="compare-rounds",
                        help="With fewer than 3 everything is a tie.")  # fmt: skip
    with right:
        st.multiselect("Durability", list(DURABILITIES), default=["async"],
                       key="compare-durability")  # fmt: skip
        st.number_input("Pool", min_value=1, max_value=256, value=10, key="compare-pool",
                        help="Connections: PostgreSQL and MongoDB.")  # fmt: skip
        st.number_input("Compressed to", min_value=0.0, max_value=1.0, value=0.4, step=0.05,
                        key="compare-compressed",
                        help="Share that zlib leaves of content that is made up.")  # fmt: skip
    st.checkbox("Kill a client in mid-run, to see what survives", value=True, key="compare-kill")


def _start() -> None:
    state = st.session_state
    urls = [str(state.get(key) or "").strip() for key in _URLS]
    for key in _URLS:
        state[key] = ""
    workload = WORKLOADS[str(state["compare-workload"])]
    size = {
        name: state.get(f"compare-{name}-{workload.name}") or getattr(workload.size, name)
        for name in msgspec.to_builtins(workload.size)
    }
    asked: dict[str, Any] = {
        "workload": workload.name, "size": size,
        "durability": list(state["compare-durability"]), "modes": list(state["compare-modes"]),
        "concurrency": sorted(state["compare-concurrency"]), "pool": [state["compare-pool"]],
        "rounds": state["compare-rounds"], "compressed": state["compare-compressed"],
        "kill": state["compare-kill"],
        "thread": str(state.get("compare-thread") or "").strip(),
        "saver": str(state.get("compare-source") or "") if workload.name == "source" else "",
    }  # fmt: skip
    name = "".join(c for c in str(state["compare-name"] or "") if c.isprintable()).strip()
    backends = [*state["compare-backends"], *filter(None, urls)]
    state[_ASKED] = comparing.start(name or workload.title, backends, asked)


def _wait() -> None:
    asked: Comparing | None = st.session_state.get(_ASKED)
    if asked is not None and asked.running:
        st.caption("Checking what was asked for…")
        return
    st.rerun()


def asked_now() -> str:
    """Id of the comparison that this visitor has just asked for, once; empty: none."""
    asked: Comparing | None = st.session_state.get(_ASKED)
    if asked is None or asked.running or not asked.job:
        return ""
    del st.session_state[_ASKED]
    return asked.job
