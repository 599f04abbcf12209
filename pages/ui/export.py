"""Tables as CSV files that a spreadsheet opens without running anything.

A cell that begins with ``= + - @``, TAB or CR is a formula to a spreadsheet, and names of threads
come from anybody: such text gets an apostrophe before it (OWASP, "CSV injection").
"""

from __future__ import annotations

import csv
from collections.abc import Callable

import pandas as pd
import streamlit as st

_LIVE = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: object) -> object:
    """The value; text that would be a formula with an apostrophe before it."""
    if isinstance(value, list):
        value = ", ".join(str(part) for part in value)
    if isinstance(value, str) and value.startswith(_LIVE):
        return f"'{value}"
    return value


def to_csv(frame: pd.DataFrame) -> bytes:
    """The frame as CSV in UTF-8, with a header."""
    safe = {str(harmless(str(name))): frame[name].map(harmless) for name in frame.columns}
    # Text is quoted, so that a line break within it is no new line of the table.
    written = pd.DataFrame(safe).to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC)
    return str(written).encode("utf-8", "replace")


def button(name: str, frame: Callable[[], pd.DataFrame]) -> None:
    """A button that saves the frame, made when it is clicked."""
    st.download_button(
        "CSV",
        lambda: to_csv(frame()),
        file_name=f"statemeter-{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"export-{name}",
        on_click="ignore",
        type="tertiary",
        help=f"Save the {name} as a CSV file",
    )
