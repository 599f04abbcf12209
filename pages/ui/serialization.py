"""The sections of the Serialization page, one after the other; each is a module of its own."""

from __future__ import annotations

from pages.ui import designs, serializing, trials


def draw() -> None:
    """Draws the page."""
    serializing.draw()
    trials.draw()
    designs.draw()
