"""``functools.lru_cache`` and ``functools.cache``, watched under a name: ``watch_cache``.

The function is neither wrapped nor kept alive: its counters are read once a second.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, TypeVar

from statemeter import probe
from statemeter.errors import NotInstrumentable, UnusableName
from statemeter.gauges import Gauge
from statemeter.resources import ResourceInfo

F = TypeVar("F", bound=Callable[..., Any])

KIND = "lru"


def watch(name: str, function: F) -> F:
    """Read the counters of a cached function from now on; see ``statemeter.watch_cache``."""
    cached = _cached(name, function)
    target = probe.get()
    for gauge in target.gauges.of(KIND):
        if gauge.info.label != name:
            continue
        known = gauge.target()
        if known is cached:
            return function
        if known is not None and _place(known) != _place(cached):
            raise UnusableName(
                f"watch_cache({name!r}, {_place(cached)}): this name belongs to {_place(known)} "
                "already. Give each function a name of its own."
            )
        # The module was loaded again: its new function takes the place of the old one.
        target.gauges.remove(gauge)
        target.resources.withdraw(gauge.info)
    maximum = cached.cache_parameters().get("maxsize")
    info = ResourceInfo(
        KIND, "python", type(cached).__name__,
        identity=f"{target.application} {name}", label=name,
        facts={} if maximum is None else {"maximum": maximum},
    )  # fmt: skip
    target.gauges.add(Gauge(cached, info, _read))
    target.resources.introduce(target, info)
    return function


def _cached(name: object, function: Any) -> Any:
    """The cached function behind what was given: a method of an object is one of its class."""
    if not isinstance(name, str) or not name.strip():
        if callable(name):
            raise NotInstrumentable(
                "watch_cache() takes the name first, then the function: "
                f"watch_cache('{getattr(name, '__name__', 'name')}', function)."
            )
        raise UnusableName(
            f"watch_cache() was given the name {name!r}. Give it a text that is not empty, such as "
            "watch_cache('prices', get_price)."
        )
    cached = function.__func__ if isinstance(function, types.MethodType) else function
    if callable(getattr(cached, "cache_info", None)) and hasattr(cached, "cache_parameters"):
        return cached
    kind = getattr(function, "__name__", type(function).__name__)
    inner = getattr(function, "__wrapped__", None)
    advice = "Decorate it with functools.lru_cache or functools.cache first."
    if hasattr(inner, "cache_info"):
        advice = f"Another decorator lies over its cache: pass {kind}.__wrapped__ instead."
    raise NotInstrumentable(f"watch_cache({name!r}, {kind}): {kind} has no lru_cache. {advice}")


def _place(cached: Any) -> str:
    return f"{cached.__module__}.{getattr(cached, '__qualname__', type(cached).__name__)}"


def _read(cached: Any) -> dict[str, int]:
    hits, misses, maximum, size = cached.cache_info()
    values = {"hits": hits, "misses": misses, "size": size}
    return values if maximum is None else values | {"maximum": maximum}
