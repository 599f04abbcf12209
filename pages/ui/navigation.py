"""The list of pages, and what is around each of them.

Streamlit also takes ``pages/`` for pages of its own kind: until a visitor has come through
``app.py``, the address ``/threads`` runs ``pages/threads.py`` alone. ``guard()`` at the top of each
page then announces the list and starts over, which runs ``app.py``. For that the address of
every page has to be its file's name.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui import access, address, filters, frame, header

_FOLDER = Path(__file__).resolve().parent.parent
_ICON = str(Path(__file__).with_name("icon.png"))
_FRAMED = "statemeter_framed"


def page_list() -> list[st.Page]:
    """All pages, in the order of the navigation.

    The first is at ``/``, where Streamlit lets it have no other address; so it is there twice.
    """
    overview, icon = _FOLDER / "overview.py", ":material/monitoring:"
    return [
        st.Page(overview, title="Overview", icon=icon, url_path="", default=True),
        st.Page(overview, title="Overview", icon=icon, url_path="overview", visibility="hidden"),
        st.Page(_FOLDER / "findings.py", title="Findings", icon=":material/troubleshoot:",
                url_path="findings"),
        st.Page(_FOLDER / "threads.py", title="Threads", icon=":material/forum:",
                url_path="threads"),
        st.Page(_FOLDER / "history.py", title="History", icon=":material/history:",
                url_path="history"),
        st.Page(_FOLDER / "backends.py", title="Backends", icon=":material/database:",
                url_path="backends"),
        st.Page(_FOLDER / "serialization.py", title="Serialization", icon=":material/data_object:",
                url_path="serialization"),
        st.Page(_FOLDER / "caches.py", title="Caches", icon=":material/bolt:", url_path="caches"),
        st.Page(_FOLDER / "costs.py", title="Costs", icon=":material/payments:", url_path="costs"),
        st.Page(_FOLDER / "alerts.py", title="Alerts", icon=":material/notifications:",
                url_path="alerts"),
        st.Page(_FOLDER / "process.py", title="Process", icon=":material/memory:",
                url_path="process"),
        st.Page(_FOLDER / "connect.py", title="Connect", icon=":material/cable:",
                url_path="connect"),
        st.Page(_FOLDER / "tour.py", title="Tour", icon=":material/school:", url_path="tour"),
    ]  # fmt: skip


def run() -> None:
    """One run of the script for a visitor: the frame, then the page of the address."""
    st.session_state[_FRAMED] = True
    page = st.navigation(page_list(), position="top")
    # Without an icon of ours, the browser would fetch the page's from a server of Google's.
    st.set_page_config(page_title=f"{page.title} · Statemeter", page_icon=_ICON, layout="wide")
    frame.style()
    frame.guarded(lambda: _inside(page), "-page")


def _inside(page: st.Page) -> None:
    if access.refused():
        return
    filters.keep(page.url_path)
    address.draw(page.url_path)
    header.draw(page.title)
    page.run()


def guard() -> None:
    """At the top of each page: start over through ``app.py`` if that did not run."""
    if not st.session_state.get(_FRAMED):
        st.navigation(page_list(), position="top")
        st.rerun()
