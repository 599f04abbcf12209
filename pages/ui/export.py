"""The control beside a table that saves it as CSV, Parquet or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pandas as pd
import streamlit as st

from pages.ui import frame
from storage import export_files

Made = pd.DataFrame | Iterable[pd.DataFrame]
"""A table, or the parts of one that is read part by part, at least one."""


class _Kind(NamedTuple):
    label: str
    ending: str
    mime: str
    write: Callable[[Iterable[pd.DataFrame], dict[str, str]], bytes]
    use: str


_KINDS = (
    _Kind("CSV", "csv", "text/csv", export_files.to_csv, "for spreadsheets; a formula is text"),
    _Kind("Parquet", "parquet", "application/vnd.apache.parquet", export_files.to_parquet,
          "typed, with units, for pandas, DuckDB, Polars"),
    _Kind("JSON", "json", "application/json", export_files.to_json,
          "a list of objects, for scripts"),
)  # fmt: skip


def title(text: str, detail: str, name: str, make: Callable[[], Made], there: bool = True) -> None:
    """The title of a card with a table (see ``frame.title``), and the control beside it if the
    table is there."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", wrap=False
    ):
        frame.title(text, detail)
        if there:
            button(name, make)


def button(name: str, make: Callable[[], Made], note: str = "") -> None:
    """The control of a table. A file is made when it is asked for, outside the page's run.

    Args:
        name: of the table, in file names and keys; one of a kind on its page.
        make: the table. Streamlit calls it in a thread of its own, where there are no widgets: what
            it needs of them has to be read before.
        note: what the file leaves out, our own words.
    """
    with st.popover(
        "Export", icon=":material/download:", key=f"export-{name}", type="tertiary",
    ):  # fmt: skip
        for kind in _KINDS:
            st.download_button(
                kind.label,
                _writing(kind, name, make, note),
                file_name=f"statemeter-{name}.{kind.ending}",
                mime=kind.mime,
                key=f"export-{name}-{kind.ending}",
                on_click="ignore",
                help=f"The {name.replace('-', ' ')}: {kind.use}",
                width="stretch",
            )
        if note:
            st.caption(note)


def _writing(kind: _Kind, name: str, make: Callable[[], Made], note: str) -> Callable[[], bytes]:
    return lambda: kind.write(_parts(make()), export_files.about(name, note))


def _parts(made: Made) -> Iterator[pd.DataFrame]:
    return iter([made] if isinstance(made, pd.DataFrame) else made)
