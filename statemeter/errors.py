"""What Statemeter raises, each with the thing, its value and the fix in its message.

StatemeterError
├── SettingError          an environment variable has a value that cannot be used
├── NotInstrumentable     instrument() was given something that it cannot measure
├── UnusableBudget        a checkpoint budget or baseline of a test cannot be used
├── UnusableName          watch_cache() or track() was given a name that cannot be used
└── SerializerError       of statemeter.serializers
    ├── CodecMissing      a compression needs a package that is not installed
    ├── DamagedValue      compressed bytes cannot be read
    └── NotAdoptable      a serializer cannot be used as it was asked for

Only calls that a user makes to Statemeter itself raise these; nothing is ever raised into a graph
that runs. ``DamagedValue`` is the exception: a serializer that the user chose raises it from a
read, as LangGraph's own does for bytes that it cannot read.
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


class UnusableBudget(StatemeterError, ValueError):
    """A test has a checkpoint budget with an unknown limit or a wrong value, or its baseline file
    cannot be read."""


class SerializerError(StatemeterError):
    """Base of what ``statemeter.serializers`` raises."""


class CodecMissing(SerializerError, ImportError):
    """A compression needs a package that is not installed; the message has the command."""


class DamagedValue(SerializerError, ValueError):
    """Compressed bytes are none, or were damaged."""


class NotAdoptable(SerializerError, TypeError):
    """A serializer cannot be used with this saver, this other serializer or these settings."""
