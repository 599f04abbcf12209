"""The parts of the Serialization page."""

from __future__ import annotations

from pages.ui import designs, frame, states


def draw() -> None:
    """Draws the page, each part again and again."""
    frame.live(lambda: states.or_else(lambda: None))
    designs.draw()
