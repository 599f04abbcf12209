"""Statemeter's probe: measures what LangGraph's state costs, from inside the application.

import statemeter
graph = statemeter.instrument(builder.compile(checkpointer=saver, store=store, cache=cache))
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from statemeter.errors import NotInstrumentable, SettingError, StatemeterError, UnusableName

if TYPE_CHECKING:
    from statemeter.api import flush, instrument, stats, uninstrument, watch_cache
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


def __getattr__(name: str) -> Any:
    """What measures is imported by whoever measures: the collector and the dashboard, which read
    settings and events alone, start in half the time."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "statemeter.regions" if name == "track" else "statemeter.api"
    found = globals()[name] = getattr(_import_module(module), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
