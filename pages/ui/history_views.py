"""The views of a step, name → parts that draw it, from top to bottom.

A part that needs values looks at ``context.values``; where there are none it draws what sizes tell,
or nothing, and says how to allow them. A part of sizes alone never touches them.
"""

from __future__ import annotations

from pages.ui import (
    history_changes,
    history_channel,
    history_channel_values,
    history_difference,
    history_messages,
    history_raw,
    history_sizes,
    history_state,
    history_step_values,
)
from pages.ui.history_context import View

VIEWS: dict[str, tuple[View, ...]] = {
    "Changes": (history_difference.draw, history_changes.draw, history_difference.not_shown),
    "State": (history_state.draw,),
    "Messages": (history_messages.draw, history_sizes.elements),
    "Channel": (history_channel.draw, history_channel_values.draw),
    "Writes": (history_sizes.writes, history_step_values.writes),
    "Metadata": (history_sizes.facts, history_step_values.metadata),
    "Raw": (history_raw.draw,),
}
"""In the order of the page; a view without parts is not offered."""
