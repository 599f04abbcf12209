"""Statemeter's probe: measures what LangGraph's state costs, from inside the application.

import statemeter
graph = statemeter.instrument(builder.compile(checkpointer=saver))
"""

from statemeter.api import flush, instrument, stats, uninstrument
from statemeter.errors import NotInstrumentable, SettingError, StatemeterError

__all__ = [
    "NotInstrumentable",
    "SettingError",
    "StatemeterError",
    "flush",
    "instrument",
    "stats",
    "uninstrument",
]
