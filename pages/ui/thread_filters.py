"""What the Threads page looks for: the search, the order, and a popover with all other filters.

Each field is in the address, so that what was found can be linked to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pages.ui import data, formats
from pages.ui.filters import ALL
from storage import amounts
from storage.thread_filter import Filter

_ORDERS = {
    "most stored": "stored",
    "most live": "live",
    "most written": "written",
    "most gained": "gained",
    "most written / live": "amplification",
    "most steps": "steps",
    "most errors": "errors",
    "used last": "recent",
    "unused longest": "oldest",
    "newest": "newest",
    "by id": "name",
}
"""What the order is called on the page and in the address → ``queries_threads.SORTS``."""

_MATCHES = {"part of the id": "part", "its beginning": "prefix", "the whole id": "exact"}
_DELETED = {ALL: None, "only deleted": True, "without deleted": False}
_ORIGINS = {
    ALL: "",
    "instrumented processes": "instrumented",
    "an attached database": "attached",
}

_AMOUNTS = {
    "stored_min": "Stored, at least",
    "stored_max": "Stored, at most",
    "live_min": "Live, at least",
    "live_max": "Live, at most",
    "gained": "Gained in the window, at least",
}
_SPANS = {"within": "Last used within", "unused": "Not used for"}
_PICKED = ("match", "graph", "storage", "deleted", "origin")
_SWITCHES = ("used", "errors")


def draw() -> data.ListChoice:
    """Draws the fields.

    Returns:
        what they say; a field that cannot be read is told of, and narrows nothing.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", key="list-filters"):
        search = st.text_input(
            "Search", key="q", bind="query-params", icon=":material/search:", width=340,
            placeholder="Part of a thread id; a checkpoint or run id", on_change=first_page,
        )  # fmt: skip
        sort = st.selectbox(
            "Order", list(_ORDERS), key="sort", bind="query-params", on_change=first_page,
            width=210,
        )  # fmt: skip
        set_ = _set()
        label = f"Filters · {len(set_)}" if set_ else "Filters"
        with st.popover(label, icon=":material/filter_list:", key="more-filters", width="content"):
            found, told = _more()
        if set_ or search:
            st.button("Clear", icon=":material/close:", key="clear", type="tertiary",
                      on_click=_clear)  # fmt: skip
    for problem in told:
        st.error(formats.plain(problem), icon=":material/error:")
    return data.ListChoice(
        search=str(search),
        sort=_ORDERS[sort],
        used=bool(st.session_state.get("used")),
        within_s=found["within"],
        unused_s=found["unused"],
        more=Filter(
            match=_MATCHES[_value("match", next(iter(_MATCHES)))],
            errors_only=bool(st.session_state.get("errors")),
            graph=_unless_all("graph"),
            saver=_unless_all("storage"),
            stored_at_least=found["stored_min"],
            stored_at_most=found["stored_max"],
            live_at_least=found["live_min"],
            live_at_most=found["live_max"],
            gained_at_least=found["gained"],
            deleted=_DELETED[_value("deleted", ALL)],
            origin=_ORIGINS[_value("origin", ALL)],
        ),
    )


def first_page() -> None:
    """Back to the first page of the list: what it shows is another list now."""
    if "page" in st.session_state:
        st.session_state["page"] = 1


def _more() -> tuple[dict[str, int], list[str]]:
    """Draws the popover's fields; what the amounts are, and what is wrong with them."""
    graphs, storages = data.graphs_and_storages()
    # The address has what is shown: a storage's name, or its key where two have that name.
    labels = [label for _, label in storages]
    names = [label if labels.count(label) == 1 and label else key for key, label in storages]
    left, right = st.columns(2)
    with left:
        _pick("The search is", "match", list(_MATCHES))
        _pick("Graph", "graph", [ALL, *graphs], "All graphs")
        _pick("Storage", "storage", [ALL, *names], "All storages")
    with right:
        _pick("Deleted", "deleted", list(_DELETED), "With deleted")
        _pick("Known from", "origin", list(_ORIGINS), "All")
        for key, label in (("used", "Used in the window"), ("errors", "With errors")):
            st.toggle(label, key=key, bind="query-params", on_change=first_page)
    told: list[str] = []
    found: dict[str, int] = {}
    sides = st.columns(2)
    for number, (key, label) in enumerate((_AMOUNTS | _SPANS).items()):
        reader, example = (
            (amounts.size, "1.5 MB") if key in _AMOUNTS else (amounts.seconds, "2h, 7d")
        )
        with sides[number % 2]:
            found[key] = _read(key, label, reader, example, told)
    return found, told


def _read(key: str, label: str, reader: Callable[[str], int], example: str, told: list[str]) -> int:
    text = st.text_input(
        label, key=key, bind="query-params", placeholder=f"e.g. {example}", on_change=first_page
    )
    if not str(text).strip():
        return 0
    try:
        return reader(str(text))
    except amounts.NotAnAmount as error:
        told.append(f"{label}: {error}")
        return 0


def _pick(label: str, key: str, options: Sequence[str], everything: str = "") -> None:
    """A choice; one that the address names stays, though nothing here has it (any more)."""
    chosen = st.session_state.get(key, st.query_params.get(key))
    st.selectbox(
        label,
        [*options, *([chosen] if chosen and chosen not in (*options, everything) else [])],
        key=key, bind="query-params", on_change=first_page,
        format_func=lambda name: everything if name == ALL else name,
    )  # fmt: skip


def _value(key: str, default: str) -> str:
    value = st.session_state.get(key)
    known = {"match": _MATCHES, "deleted": _DELETED, "origin": _ORIGINS}[key]
    return str(value) if value in known else default


def _unless_all(key: str) -> str:
    value = st.session_state.get(key)
    return "" if value in (None, ALL) else str(value)


def _set() -> list[str]:
    """Keys of the popover's fields that narrow the list.

    In the first run, the fields have not yet taken what the address says.
    """
    standing = {ALL, next(iter(_MATCHES)), None, "", False, "false"}
    return [
        key for key in (*_PICKED, *_AMOUNTS, *_SPANS, *_SWITCHES)
        if st.session_state.get(key, st.query_params.get(key)) not in standing
    ]  # fmt: skip


def _clear() -> None:
    for key in ("q", *_AMOUNTS, *_SPANS):
        st.session_state[key] = ""
    for key in _PICKED:
        st.session_state[key] = next(iter(_MATCHES)) if key == "match" else ALL
    for key in _SWITCHES:
        st.session_state[key] = False
    first_page()
