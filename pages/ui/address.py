"""Which thread and which of its steps the address names, and the way to another address.

``?thread=…&saver=…`` belong to the Threads, History and Serialization pages, ``&step=…&with=…`` to
History: text fields that are not shown hold them, and Streamlit keeps a field and its part of the
address equal, for Back and reload too.

From another page the browser itself goes to the new address: ``st.switch_page`` would drop what the
filters have put there, and leave an address in between for Back to stop at.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

import streamlit as st

from pages.ui import filters

OF_THREADS = ("threads", "history", "serialization")
"""Pages that are about a thread."""

STEP, WITH = "step", "with"
"""Names in the address, and keys of the fields."""

_PENDING = "statemeter_go"
_HOLD_SECONDS = 10.0
"""How long a live part goes on asking the browser to go: one that is busy may not have mounted what
goes before the part is drawn again."""
_LAST, _PAGE = "statemeter_last_thread", "statemeter_address_page"
_DRAWN = "statemeter_address_drawn"

_go = st.components.v2.component(
    "go_to",
    html="",
    js="""
export default function ({ data }) {
  const now = new URL(location.href);
  const next = new URL(data.path, location.origin);
  for (const name of data.keep) {
    if (now.searchParams.has(name)) next.searchParams.set(name, now.searchParams.get(name));
  }
  for (const [name, value] of Object.entries(data.set)) next.searchParams.set(name, value);
  if (window.statemeterWent === data.asked) return;
  window.statemeterWent = data.asked;
  if (next.href === now.href) return;
  history.pushState({}, "", next);
  window.dispatchEvent(new PopStateEvent("popstate"));
}
""",
)


def draw(page: str) -> None:
    """Draws the fields of a thread, on the pages that are about one.

    By ``app.py``, not by the page: on the way from one of these pages to the other, Streamlit takes
    names out of the address that belong to fields of a page.

    Args:
        page: names the page of this run.
    """
    asked = st.session_state.get(_PENDING)
    if asked is not None and asked.part is not None:
        del st.session_state[_PENDING]  # it went there, or the visitor elsewhere
    _recall(page)
    if page in OF_THREADS:
        _fields()
        st.session_state[_DRAWN] = True


def thread() -> tuple[str, str]:
    """Thread id and key of its saver in the address, empty where missing."""
    if not st.session_state.pop(_DRAWN, False):
        _fields()  # the page runs alone
    return str(st.session_state.get("thread") or ""), str(st.session_state.get("saver") or "")


def _fields() -> None:
    with st.container(key="address"):
        thread_id = st.text_input("Thread id", key="thread", bind="query-params")
        saver = st.text_input("Saver", key="saver", bind="query-params")
    last = _last()
    if thread_id and (last.get("thread"), last.get("saver", "")) != (thread_id, saver):
        st.session_state[_LAST] = {"thread": str(thread_id), "saver": str(saver)}


def step() -> tuple[str, str]:
    """Checkpoint ids in the address of the History page: the one that is looked at and the one it
    is compared with, empty where missing."""
    with st.container(key="address-step"):
        chosen = st.text_input("Checkpoint", key=STEP, bind="query-params")
        compared = st.text_input("Compared with", key=WITH, bind="query-params")
    _last().update({STEP: str(chosen), WITH: str(compared)})
    return str(chosen), str(compared)


def last_thread() -> str:
    """Id of the thread that this visitor looked at last, empty: none."""
    return _last().get("thread", "")


def ask_for_last() -> None:
    """Goes to the step that was looked at last; as ``ask_for_thread``."""
    _ask("history", _last())


def _recall(page: str) -> None:
    """Comes back to the thread and step that were looked at last, where a link leads to the History
    page."""
    came = st.session_state.get(_PAGE, "") != page
    st.session_state[_PAGE] = page
    if came and page == "history" and "thread" not in st.query_params:
        for name, value in _last().items():
            st.session_state[name] = value


def _last() -> dict[str, str]:
    found: dict[str, str] = st.session_state.setdefault(_LAST, {})
    return found


def choose_step(checkpoint: str) -> None:
    """Looks at a checkpoint from the next run on; for callbacks of the History page."""
    st.session_state[STEP] = checkpoint


def compare_with(checkpoint: str) -> None:
    """Compares with a checkpoint from the next run on, empty: with the parent; for callbacks of
    the History page."""
    st.session_state[WITH] = checkpoint


def ask_for_thread(thread_id: str, saver: str) -> None:
    """Goes to a thread at the next ``follow()``; for callbacks, which cannot draw."""
    _ask("threads", {"thread": thread_id, "saver": saver})


def ask_for_history(thread_id: str, saver: str, checkpoint: str = "") -> None:
    """Goes to the history of a thread, and to one of its checkpoints; as ``ask_for_thread``."""
    _ask("history", {"thread": thread_id, "saver": saver, STEP: checkpoint})


def ask_for_designs(thread_id: str, saver: str) -> None:
    """Goes to the state designs of a thread, empty: to a choice; as ``ask_for_thread``."""
    _ask("serialization", {"thread": thread_id, "saver": saver})


def ask_for(page: str, names: dict[str, str]) -> None:
    """Goes to a page with these names in its address; as ``ask_for_thread``."""
    _ask(page, names)


def ask_for_list() -> None:
    """Goes to the list of threads at the next ``follow()``."""
    ask_for_thread("", "")


@dataclass
class _Asked:
    """A way to another address, which a callback has asked for."""

    page: str
    names: dict[str, str]
    at: float = field(default_factory=time.monotonic)
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    """Told to the browser, which goes once."""
    part: str | None = None
    """Of the page, that draws what goes; None: none does yet."""


def _ask(page: str, names: dict[str, str]) -> None:
    st.session_state[_PENDING] = _Asked(page, names)


def follow(part: str) -> None:
    """Goes where a callback has asked for.

    Args:
        part: of the page, which is drawn now; no other of the page has its name.
    """
    asked: _Asked | None = st.session_state.get(_PENDING)
    if asked is None:
        return
    if asked.part is None:
        asked.part = part
    elif asked.part != part or time.monotonic() - asked.at > _HOLD_SECONDS:
        return
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    _go(
        key="go",
        data={
            "path": f"/{base}/{asked.page}" if base else f"/{asked.page}",
            "keep": list(filters.SHARED),
            "set": {name: value for name, value in asked.names.items() if value},
            "asked": asked.key,
        },
    )
