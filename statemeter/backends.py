"""What is particular to each backend of savers: its name, its layout, where it keeps its data, and
what a ``put`` tells of what its serializer does not see.

A class is known by the package that it, or a class that it derives from, comes from; any other is
``other`` and measured by what its serializer sees. Nothing is imported here: a saver's package is
there when its saver is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from statemeter import asides, faults, notes, packages, places, puts, records, redis_savers
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
    writes: Callable[[int, Any], Any] = records.writes
    """Makes the ``Writes`` event, in the same way."""
    methods: Callable[[Any], dict[str, Any]] = lambda cls: {}
    """Overriding methods beyond those of every saver."""


_OTHER = Backend("other")
_POSTGRES_NOTES = notes.json_document(asides.jsonb, inline=True)
_SHALLOW_NOTES = notes.json_document(asides.jsonb, inline=False)
_REDIS = Backend(
    "redis", "whole", lambda saver: places.redis("redis", saver._redis),
    redis_savers.note_put, redis_savers.put, redis_savers.writes, redis_savers.methods,
)  # fmt: skip
_SHALLOW_REDIS = dataclasses.replace(_REDIS, layout="latest")

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
    "langgraph.checkpoint.redis": _REDIS,
    "langgraph.checkpoint.redis.shallow": _SHALLOW_REDIS,
    "langgraph.checkpoint.redis.ashallow": _SHALLOW_REDIS,
    "langgraph_checkpoint_aws.checkpoint.valkey": Backend(
        "valkey",
        "whole",
        lambda saver: places.redis("valkey", saver.client),
        notes.beside(asides.json_metadata),
        redis_savers.valkey_put,
        redis_savers.writes,
    ),
    "langgraph_checkpoint_aws.checkpoint.valkey.agentcore": Backend(
        "valkey", place=lambda saver: places.redis("valkey", saver.client)
    ),
}


def of(cls: type) -> Backend:
    """The backend of a saver class."""
    return packages.find(cls, _KNOWN, _OTHER)


def place_of(saver: Any) -> Place:
    """Where a saver keeps its data, nowhere if that cannot be found.

    A shallow saver is a storage of its own: what others hold in the same database, it does not.
    """
    backend = of(type(saver))
    try:
        place = backend.place(saver)
        if backend.layout == "latest" and place.identity:
            return dataclasses.replace(place, identity=f"{place.identity} {backend.layout}")
        return place
    except Exception:
        faults.fault("finding where a saver keeps its data")
        return NOWHERE
