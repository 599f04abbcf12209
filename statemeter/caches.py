"""Node caches, instrumented: every method, and the serializer, of which each is given a copy."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable
from typing import Any

from statemeter import faults, holdings, places, pools, probe, serde, subclass
from statemeter.accesses import INFO
from statemeter.cache_calls import TELL, CacheCall, note
from statemeter.calls import clock
from statemeter.places import NOWHERE, Place
from statemeter.resources import ResourceInfo

_SERDE = "_statemeter_serde"
_PREFIX = "langgraph:cache:"  # what RedisCache and ValkeyCache put before each key by default


def is_cache(thing: object) -> bool:
    """Whether it is a LangGraph node cache."""
    base = sys.modules.get("langgraph.cache.base")
    return base is not None and isinstance(thing, base.BaseCache)


def instrument(cache: Any, graph: str = "") -> bool:
    """Instrument a ``BaseCache``; False where it was done before."""
    if subclass.is_instrumented(cache):
        known: ResourceInfo = cache.__dict__[INFO]
        known.graph = known.graph or graph
        return False
    info = _describe(cache)
    info.graph = graph
    own = cache.__dict__
    own[INFO] = info
    try:
        measuring = _measuring(getattr(cache, "serde", None), info.backend)
        if measuring is not None:
            own[_SERDE] = own.get("serde")
            cache.serde = measuring
        subclass.instrument(cache, "cache", _methods)
    except Exception:
        _forget(cache)
        raise
    target = probe.get()
    target.resources.introduce(target, info)
    holdings.watch("cache", cache)
    pools.instrument_below(cache)
    return True


def uninstrument(cache: Any) -> bool:
    """Undo ``instrument``; False where there was nothing to undo."""
    if not subclass.is_instrumented(cache):
        return False
    pools.uninstrument_below(cache)
    subclass.restore(cache)
    probe.get().resources.withdraw(_forget(cache))
    return True


detach = faults.guarded(uninstrument)
"""The same, for users and as a part of another object: a fault of it is none of theirs."""


attach = faults.guarded(instrument)
"""The same for the cache of a graph: where it fails, the graph is still measured."""


def _forget(cache: Any) -> ResourceInfo:
    own = cache.__dict__
    original = own.pop(_SERDE, None)
    if subclass.is_instrumented(own.get("serde")):
        if original is None:
            del own["serde"]  # that of the class
        else:
            cache.serde = original
    info: ResourceInfo = own.pop(INFO)
    return info


def _describe(cache: Any) -> ResourceInfo:
    module = next((c.__module__ for c in type(cache).__mro__ if c.__module__ in _BACKENDS), "")
    backend, where = _BACKENDS.get(module, ("other", lambda cache: NOWHERE))
    place = NOWHERE
    try:
        place = where(cache)
        if place.identity.startswith("valkey:"):
            backend = "valkey"
    except Exception:
        faults.fault("finding where a cache keeps its data")
    ttl = getattr(cache, "ttl", None)
    facts = {"ttl_seconds": int(ttl)} if isinstance(ttl, int | float) else {}
    prefix = getattr(cache, "prefix", _PREFIX)
    beside = "" if prefix == _PREFIX else f" {prefix}"
    return ResourceInfo(
        "cache", backend, type(cache).__name__,
        identity=place.identity + beside if place.identity else "",
        label=place.label + beside if place.label else "",
        database=place.database, facts=facts,
    )  # fmt: skip


def _server(client: Any) -> Place:
    of_valkey = type(client).__module__.partition(".")[0] == "valkey"
    return places.redis("valkey" if of_valkey else "redis", client)


_BACKENDS: dict[str, tuple[str, Callable[[Any], Place]]] = {
    "langgraph.cache.memory": ("memory", lambda cache: NOWHERE),
    "langgraph.cache.sqlite": ("sqlite", lambda cache: places.sqlite(cache._conn)),
    "langgraph.cache.redis": ("redis", lambda cache: _server(cache.redis)),
    "langgraph_checkpoint_aws.cache.valkey.cache": (
        "valkey",
        lambda cache: _server(cache.client),
    ),
}


def _methods(cls: Any) -> dict[str, Any]:
    made = {}
    for name in TELL:
        made[name] = _sync(name, getattr(cls, name))
        made[f"a{name}"] = _async(name, getattr(cls, f"a{name}"))
    return made


def _sync(name: str, method: Any) -> Callable[..., Any]:
    @functools.wraps(method)
    def observed(self: Any, *given: Any, **named: Any) -> Any:
        with CacheCall(self, name, given=given, named=named) as call:
            call.found = method(self, *given, **named)
            return call.found

    return observed


def _async(name: str, method: Any) -> Callable[..., Any]:
    @functools.wraps(method)
    async def observed(self: Any, *given: Any, **named: Any) -> Any:
        with CacheCall(self, name, given=given, named=named) as call:
            call.found = await method(self, *given, **named)
            return call.found

    return observed


def _measuring(serializer: Any, backend: str) -> Any:
    """A copy of a serializer that notes sizes; None where it cannot be measured."""
    twin = copy.copy(serde.plain(serializer))
    framed = backend in _FRAMED
    try:
        subclass.instrument(twin, f"cache serializer {framed}", _FRAMED_METHODS[framed])
    except (AttributeError, TypeError):  # sizes are unknown then
        return None
    return twin


_FRAMED = ("redis", "valkey")
"""Backends that keep the serializer's tag and a colon before the value."""


def _serde_methods(cls: Any, framed: bool) -> dict[str, Any]:
    dumps, loads = cls.dumps_typed, cls.loads_typed

    def dumps_typed(self: Any, obj: Any) -> tuple[str, bytes]:
        start = clock()
        typed: tuple[str, bytes] = dumps(self, obj)
        note(obj, typed, clock() - start, framed)
        return typed

    def loads_typed(self: Any, data: tuple[str, bytes]) -> Any:
        start = clock()
        value = loads(self, data)
        note(value, data, clock() - start, framed)
        return value

    return {"dumps_typed": dumps_typed, "loads_typed": loads_typed}


_FRAMED_METHODS = {
    framed: functools.partial(_serde_methods, framed=framed) for framed in (False, True)
}
