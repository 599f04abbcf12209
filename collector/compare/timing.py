"""How long calls of a saver take: a subclass, made once for each class, is given to the instance.

So the saver stays what LangGraph takes it for, and no call goes through more than one function more
than without. Only the outermost call counts: ``aput`` of some savers calls ``put``.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any

CALLS = ("put", "put_writes", "get_tuple")
_inside: ContextVar[bool] = ContextVar("statemeter_compare_inside", default=False)
_classes: dict[type, type] = {}


class Times:
    """Durations by operation, ns. ``append`` of an array holds the interpreter's lock: one object
    serves all threads."""

    def __init__(self) -> None:
        self.of: dict[str, array[int]] = {}

    def add(self, operation: str, nanoseconds: int) -> None:
        """Note one call."""
        found = self.of.get(operation)
        if found is None:
            found = self.of.setdefault(operation, array("q"))
        found.append(nanoseconds)


def timed(saver: Any, times: Times) -> Any:
    """The same saver, which from now on tells ``times`` how long its calls take."""
    cls = type(saver)
    if "_statemeter_times" not in cls.__dict__:
        made = _classes.get(cls)
        if made is None:
            made = _classes[cls] = type(cls.__name__, (cls,), _methods(cls))
        saver.__class__ = made
    saver._statemeter_times = times
    return saver


def _methods(cls: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"_statemeter_times": None, "__module__": cls.__module__}
    for name in CALLS:
        made[name] = _call(name, getattr(cls, name))
        made[f"a{name}"] = _acall(name, getattr(cls, f"a{name}"))
    return made


def _call(name: str, original: Any) -> Any:
    def call(self: Any, *given: Any, **named: Any) -> Any:
        if _inside.get():
            return original(self, *given, **named)
        token = _inside.set(True)
        start = time.perf_counter_ns()
        try:
            return original(self, *given, **named)
        finally:
            self._statemeter_times.add(name, time.perf_counter_ns() - start)
            _inside.reset(token)

    return _like(original, call)


def _acall(name: str, original: Any) -> Any:
    async def call(self: Any, *given: Any, **named: Any) -> Any:
        if _inside.get():
            return await original(self, *given, **named)
        token = _inside.set(True)
        start = time.perf_counter_ns()
        try:
            return await original(self, *given, **named)
        finally:
            self._statemeter_times.add(name, time.perf_counter_ns() - start)
            _inside.reset(token)

    return _like(original, call)


def _like(original: Any, call: Any) -> Any:
    """LangGraph looks at the signature of ``put_writes``."""
    call.__wrapped__ = original
    call.__name__ = original.__name__
    return call


def listed(saver: Any, config: dict[str, Any], limit: int | None) -> Iterator[Any]:
    """What ``list`` gives, the whole call timed."""
    start = time.perf_counter_ns()
    found = list(saver.list(config, limit=limit))
    saver._statemeter_times.add("list", time.perf_counter_ns() - start)
    return iter(found)


async def alisted(saver: Any, config: dict[str, Any], limit: int | None) -> Iterator[Any]:
    """The same of ``alist``."""
    rows: AsyncIterator[Any] = saver.alist(config, limit=limit)
    start = time.perf_counter_ns()
    found = [row async for row in rows]
    saver._statemeter_times.add("list", time.perf_counter_ns() - start)
    return iter(found)
