"""The views of a step, name → parts that draw it, from top to bottom.

A part that needs values looks at ``context.values``; where there are none it draws what sizes tell,
or nothing, and says how to allow them. A part of sizes alone never touches them.
"""

from __future__ import annotations

from pages.ui import history_changes, history_channel, history_sizes
from pages.ui.history_context import View

VIEWS: dict[str, tuple[View, ...]] = {
    "Changes": (history_changes.draw,),
    "State": (),
    "Messages": (history_sizes.elements,),
    "Channel": (history_channel.draw,),
    "Writes": (history_sizes.writes,),
    "Metadata": (history_sizes.facts,),
    "Raw": (),
}
"""In the order of the page; a view without parts is not offered."""
