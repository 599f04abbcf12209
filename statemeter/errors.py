"""What Statemeter raises, each with the thing, its value and the fix in its message.

StatemeterError
├── SettingError          an environment variable has a value that cannot be used
├── NotInstrumentable     instrument() was given something that it cannot measure
└── UnusableName          watch_cache() or track() was given a name that cannot be used

Only calls that a user makes to Statemeter itself raise these; nothing is ever raised into a graph
that runs.
"""

from __future__ import annotations


class StatemeterError(Exception):
    """Base of all errors of Statemeter."""


class SettingError(StatemeterError, ValueError):
    """A ``STATEMETER_*`` environment variable has a value that cannot be used."""


class NotInstrumentable(StatemeterError, TypeError):
    """``instrument()`` or ``uninstrument()`` was given an object it cannot measure."""


class UnusableName(StatemeterError, ValueError):
    """``watch_cache()`` was given a name that is empty or another function's, or ``track()`` one
    that is empty or too long."""
