"""Stores, instrumented: a store gets methods that tell, and so do the embeddings of its index."""

from __future__ import annotations

import sys
import weakref
from typing import Any

from statemeter import (
    embeddings,
    faults,
    holdings,
    pools,
    probe,
    settings,
    store_backends,
    subclass,
)
from statemeter import store_methods as methods
from statemeter.errors import SettingError
from statemeter.resources import ResourceInfo
from statemeter.store_calls import Measured, forget, keep, measured

_LABELS = "STATEMETER_NAMESPACE_LABELS"


def is_store(thing: object) -> bool:
    """Whether it is a LangGraph store."""
    base = sys.modules.get("langgraph.store.base")
    return base is not None and isinstance(thing, base.BaseStore)


def instrument(store: Any, graph: str = "") -> bool:
    """Instrument a ``BaseStore`` and its embeddings; False where it was done before."""
    known = measured(store)
    if known is not None:
        known.info.graph = known.info.graph or graph
        return False
    info = _describe(store)
    info.graph = graph
    made = Measured(info, store_backends.of(type(store)), weakref.ref(store), _labels())
    subclass.instrument(store, "store", _methods)
    keep(store, made)
    holdings.watch("store", store)
    probe.get().resources.introduce(probe.get(), info)
    _follow(store)
    pools.instrument_below(store)
    return True


def uninstrument(store: Any) -> bool:
    """Undo ``instrument``, for the embeddings as well; False where there was nothing to undo."""
    known = forget(store)
    if known is None:
        return False
    pools.uninstrument_below(store)
    subclass.restore(store)
    probe.get().resources.withdraw(known.info)
    inner = _embeddings(store)
    if inner is not None:
        embeddings.detach(inner)
    return True


detach = faults.guarded(uninstrument)
"""The same, for users and as a part of another object: a fault of it is none of theirs."""


attach = faults.guarded(instrument)
"""The same for the store of a graph: where it fails, the graph is still measured."""


def _follow(store: Any) -> None:
    """Instrument the embeddings of a store, or others that it has now."""
    known, inner = measured(store), _embeddings(store)
    if known is None or inner is None:
        return
    try:
        embeddings.instrument(inner, known)
    except Exception:
        faults.fault("instrumenting the embeddings of a store")


_methods = methods.methods(_follow)


def _embeddings(store: Any) -> Any:
    inner = getattr(store, "embeddings", None)
    return inner if embeddings.is_embeddings(inner) else None


def _describe(store: Any) -> ResourceInfo:
    backend, place = store_backends.of(type(store)), store_backends.place_of(store)
    facts = {}
    ttl = (getattr(store, "ttl_config", None) or {}).get("default_ttl")
    if isinstance(ttl, int | float) and ttl >= 0:
        facts["ttl_seconds"] = round(ttl * backend.ttl_unit_seconds)
    dimensions = (getattr(store, "index_config", None) or {}).get("dims")
    if isinstance(dimensions, int) and dimensions >= 0:
        facts["dimensions"] = dimensions
    return ResourceInfo(
        "store", backend.name, type(store).__name__, identity=place.identity, label=place.label,
        database=place.database, facts=facts,
    )  # fmt: skip


def _labels() -> int:
    try:
        return int(settings.get(_LABELS))
    except SettingError:
        return int(settings.SETTINGS[_LABELS].default)
