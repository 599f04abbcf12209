"""The methods of an instrumented store: each tells what it did, and passes on what it was given."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from statemeter import faults, store_backends, store_bytes
from statemeter.store_calls import StoreCall, inside

_CALLS = ("get", "put", "delete", "search", "list_namespaces")


def methods(follow: Callable[[Any], None]) -> Callable[[Any], dict[str, Any]]:
    """Makes the overriding methods for a store class.

    ``follow`` is called with a store after its ``setup``, which may make parts of it anew.
    """

    def of_class(cls: Any) -> dict[str, Any]:
        made = store_bytes.methods(cls, store_backends.of(cls).name)
        for name in _CALLS:
            made[name] = _sync(cls, name)
            made[f"a{name}"] = _async(cls, f"a{name}", name)
        made["batch"], made["abatch"] = _batch(cls), _abatch(cls)
        if hasattr(cls, "setup"):
            made["setup"] = _setup(cls, follow)
        return {name: _like(getattr(cls, name, None), method) for name, method in made.items()}

    return of_class


def _like(original: Any, method: Any) -> Any:
    """A method with name and signature of the one that it overrides."""
    return functools.wraps(original)(method) if inspect.isfunction(original) else method


def _sync(cls: Any, name: str) -> Callable[..., Any]:
    method = getattr(cls, name)

    def call(self: Any, *given: Any, **named: Any) -> Any:
        if inside(self):
            return method(self, *given, **named)
        with StoreCall(self, name, entry=name, given=given, named=named) as measured:
            measured.result = method(self, *given, **named)
            return measured.result

    return call


def _async(cls: Any, name: str, told: str) -> Callable[..., Any]:
    method = getattr(cls, name)

    async def call(self: Any, *given: Any, **named: Any) -> Any:
        with StoreCall(self, told, entry=name, given=given, named=named) as measured:
            measured.result = await method(self, *given, **named)
            return measured.result

    return call


def _batch(cls: Any) -> Callable[..., Any]:
    def batch(self: Any, ops: Any) -> Any:
        if inside(self):
            return cls.batch(self, ops)
        with StoreCall(self, "batch", entry="batch", passed=ops) as measured:
            measured.result = cls.batch(self, measured.passed)
            return measured.result

    return batch


def _abatch(cls: Any) -> Callable[..., Any]:
    async def abatch(self: Any, ops: Any) -> Any:
        with StoreCall(self, "batch", entry="abatch", passed=ops) as measured:
            measured.result = await cls.abatch(self, measured.passed)
            return measured.result

    return abatch


def _setup(cls: Any, follow: Callable[[Any], None]) -> Callable[..., Any]:
    if not inspect.iscoroutinefunction(cls.setup):

        def setup(self: Any, *given: Any, **named: Any) -> Any:
            done = cls.setup(self, *given, **named)
            _follow(follow, self)
            return done

        return setup

    async def asetup(self: Any, *given: Any, **named: Any) -> Any:
        done = await cls.setup(self, *given, **named)
        _follow(follow, self)
        return done

    return asetup


@faults.guarded
def _follow(follow: Callable[[Any], None], store: Any) -> None:
    follow(store)
