"""Statemeter's probe: measures what LangGraph's state costs, from inside the application.

import statemeter
graph = statemeter.instrument(builder.compile(checkpointer=saver, store=store, cache=cache))
"""

from statemeter.api import flush, instrument, stats, uninstrument, watch_cache
from statemeter.errors import NotInstrumentable, SettingError, StatemeterError, UnusableName
from statemeter.regions import track

__all__ = [
    "NotInstrumentable",
    "SettingError",
    "StatemeterError",
    "UnusableName",
    "flush",
    "instrument",
    "stats",
    "track",
    "uninstrument",
    "watch_cache",
]
