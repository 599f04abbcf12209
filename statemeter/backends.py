"""What is particular to each backend of savers: its name, its layout, where it keeps its data, and
what a ``put`` tells of what its serializer does not see.

A class is known by the package that it, or a class that it derives from, comes from; any other is
``other`` and measured by what its serializer sees. Nothing is imported here: a saver's package is
there when its saver is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from statemeter import asides, faults, notes, places, puts
from statemeter.places import NOWHERE, Place


@dataclass(frozen=True, slots=True)
class Backend:
    """One kind of saver."""

    name: str
    """As ``events.Saver.backend``."""
    layout: str = "unknown"
    """As ``events.Saver.layout``."""
    place: Callable[[Any], Place] = lambda saver: NOWHERE
    """Where a saver keeps its data; asks no server. It may raise."""
    note_put: Callable[[Any, Any, Any, Any], Any] = notes.put
    """What is noted of the arguments of a ``put``, before the call: see ``notes.put``."""
    put: Callable[[int, Any], Any] = puts.put
    """Makes the ``Put`` event of such a call, on the probe's thread."""


_OTHER = Backend("other")
_POSTGRES_NOTES = notes.json_document(asides.jsonb, inline=True)
_SHALLOW_NOTES = notes.json_document(asides.jsonb, inline=False)

_KNOWN = {  # module → backend: the longest name that fits decides
    "langgraph.checkpoint.memory": Backend("memory", "channels"),
    "langgraph.checkpoint.sqlite": Backend(
        "sqlite",
        "whole",
        lambda saver: places.sqlite(saver.conn),
        notes.beside(asides.json_metadata),
    ),
    "langgraph.checkpoint.postgres": Backend(
        "postgres", "channels", lambda saver: places.postgres(saver.conn), _POSTGRES_NOTES
    ),
    "langgraph.checkpoint.postgres.shallow": Backend(
        "postgres", "latest", lambda saver: places.postgres(saver.conn), _SHALLOW_NOTES
    ),
    "langgraph.checkpoint.mongodb": Backend(
        "mongodb", "whole", lambda saver: places.mongodb(saver.db)
    ),
    "langgraph.checkpoint.redis": Backend("redis"),
    "langgraph_checkpoint_aws": Backend("valkey"),
}


def of(cls: type) -> Backend:
    """The backend of a saver class."""
    for ancestor in cls.__mro__:
        module = ancestor.__module__
        while module:
            if module in _KNOWN:
                return _KNOWN[module]
            module = module.rpartition(".")[0]
    return _OTHER


def place_of(saver: Any) -> Place:
    """Where a saver keeps its data, nowhere if that cannot be found."""
    try:
        return of(type(saver)).place(saver)
    except Exception:
        faults.fault("finding where a saver keeps its data")
        return NOWHERE
