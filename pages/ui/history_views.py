"""The views of a step, name → parts that draw it, from top to bottom.

A part that needs values looks at ``context.values``; where there are none it draws what sizes tell,
or nothing, and says how to allow them. A part of sizes alone never touches them.
"""

from __future__ import annotations

from pages.ui.history_context import View

VIEWS: dict[str, tuple[View, ...]] = {
    "Changes": (),
    "State": (),
    "Messages": (),
    "Channel": (),
    "Writes": (),
    "Metadata": (),
    "Raw": (),
}
"""In the order of the page. Sizes come first in each, values below."""
