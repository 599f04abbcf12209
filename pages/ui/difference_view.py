"""A difference between two values in the colours of the theme: lines that are text, never HTML."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from storage.difference_lines import Told

_HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "difference_view",
    html='<div class="lines" role="table"></div>',
    css=(_HERE / "difference_view.css").read_text(encoding="utf-8"),
    js=(_HERE / "difference_view.js").read_text(encoding="utf-8"),
)


def difference_view(told: Told, *, key: str, label: str) -> None:
    """Draws the lines where the script is.

    Args:
        told: the difference, with at least one line.
        key: names it; the same in every run.
        label: what a screen reader says.
    """
    _mount(key=key, data={"lines": [list(line) for line in told.lines], "label": label})
