"""The control that saves a report to share: one HTML file, or the same as JSON."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from storage import shared_html
from storage.shared_names import Names
from storage.shared_report import Report

Make = Callable[[Names], Report]


def button(of: str, key: str, make: Make) -> None:
    """The control. A file is made when it is asked for, outside the page's run.

    Args:
        of: what the report is of, for its file's name: an id or a name, as it is.
        key: one of a kind on its page.
        make: the report. Streamlit calls it in a thread of its own, where there are no widgets:
            what it needs of them has to be read before.
    """
    with st.popover("Report", icon=":material/ios_share:", key=f"share-{key}", type="tertiary"):
        files(of, key, make)


def files(of: str, key: str, make: Make) -> None:
    """The inside of the control, where the popover has more to choose; see ``button``."""
    st.caption("One file to share: it opens offline, and holds no content of states.")
    hidden = st.checkbox(
        "Short names instead of ids", key=f"share-{key}-anonymous",
        help="Thread ids, storages and addresses of databases may tell of people: they become "
        "thread 1, storage 2.",
    )  # fmt: skip
    names = Names(bool(hidden))
    for label, ending, mime, write, use in (
        ("HTML", "html", "text/html", shared_html.to_html, "for people: charts and tables"),
        ("JSON", "json", "application/json", shared_html.to_json, "the same numbers, for scripts"),
    ):
        st.download_button(
            label,
            _writing(write, make, names),
            file_name=shared_html.named(key if names.anonymous else of, ending),
            mime=mime,
            key=f"share-{key}-{ending}",
            on_click="ignore",
            help=use,
            width="stretch",
        )


def _writing(
    write: Callable[[Report], bytes], make: Make, names: Names
) -> Callable[[], bytes]:  # fmt: skip
    return lambda: write(make(names))
