"""What is particular to each backend of stores: its name, and where it keeps its data.

The counterpart of ``backends`` for savers. A class is known by the package that it, or a class that
it derives from, comes from; any other is ``other``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from statemeter import faults, packages, places
from statemeter.places import NOWHERE, Place

_MINUTE = 60


@dataclass(frozen=True, slots=True)
class StoreBackend:
    """One kind of store."""

    name: str
    """As ``events.Resource.backend``."""
    place: Callable[[Any], Place] = lambda store: NOWHERE
    """Where a store keeps its data; asks no server. It may raise."""
    ttl_unit_seconds: int = _MINUTE
    """What a time to live of 1 means."""
    sized: bool = True
    """Its values have a size: they are serialized."""


OTHER = StoreBackend("other", sized=False)


def _named(place: Place, name: str, usual: str) -> Place:
    """A place that holds several stores, each of a name of its own."""
    if not place.identity or name == usual:
        return place
    return Place(f"{place.identity} {name}", f"{place.label} {name}", place.database)


def _mongodb(store: Any) -> Place:
    collection = store.collection
    return _named(places.mongodb(collection.database), collection.name, "")


def _redis(store: Any) -> Place:
    return _named(places.redis("redis", store._redis), store.store_prefix, "store")


_KNOWN = {
    "langgraph.store.memory": StoreBackend("memory", sized=False),
    "langgraph.store.sqlite": StoreBackend("sqlite", lambda store: places.sqlite(store.conn)),
    "langgraph.store.postgres": StoreBackend("postgres", lambda store: places.postgres(store.conn)),
    "langgraph.store.redis": StoreBackend("redis", _redis),
    "langgraph.store.mongodb": StoreBackend("mongodb", _mongodb, ttl_unit_seconds=1),
}


def of(cls: type) -> StoreBackend:
    """The backend of a store class."""
    return packages.find(cls, _KNOWN, OTHER)


def place_of(store: Any) -> Place:
    """Where a store keeps its data, nowhere if that cannot be found."""
    try:
        return of(type(store)).place(store)
    except Exception:
        faults.fault("finding where a store keeps its data")
        return NOWHERE
