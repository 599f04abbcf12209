"""The colour of each backend where no chart paints it: taken from the theme, never written here."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from pages.ui.formats import BACKENDS

OTHER = 8
"""Place of what has none of its own."""


def place(backend: str) -> int:
    """The place of a backend among the chart colours of the theme."""
    return BACKENDS.get(backend, ("", OTHER))[1]


def mark_cards(names: Iterable[tuple[str, str]]) -> None:
    """Gives cards an edge in the colour of their backend.

    Args:
        names: of each card its name, of letters and digits, as ``frame.card`` has it, and its
            backend.
    """
    palettes = [
        st.get_option(f"theme.{theme}.chartCategoricalColors") for theme in ("light", "dark")
    ]
    if not all(palettes):
        return
    rules = []
    for name, backend in names:
        light, dark = (palette[place(backend) % len(palette)] for palette in palettes)
        rules.append(
            f".st-key-card-{name} {{ border-top: 3px solid light-dark({light}, {dark}); }}"
        )
    st.html(f"<style>{' '.join(rules)}</style>")
