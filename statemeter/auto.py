"""``instrument()`` without argument: every graph of this process from now on.

Two methods of LangGraph's ``Pregel``, which all graphs are, get a step more. ``validate`` ends each
construction (``StateGraph.compile``, ``entrypoint``, ``Pregel(…)``, ``copy``): the graph is
instrumented there. ``stream`` and ``astream`` begin each run: graphs compiled earlier are
instrumented at their next one. Nothing is imported for it: without LangGraph the import is awaited.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from statemeter import awaiting, faults, graphs, lending, subclass

_MODULE = "langgraph.pregel"


class _State:
    """Whether graphs are instrumented by themselves, and which ones are not."""

    on: ClassVar[bool] = False
    left_out: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()
    """Uninstrumented one by one, or impossible to instrument: a run does not try again."""
    wrappers: ClassVar[dict[str, tuple[Callable[..., Any], Callable[..., Any]]]] = {}
    """Name of a method → what is in its place, and itself."""


@faults.guarded
def start() -> None:
    """Instrument every graph from now on; doing it twice changes nothing."""
    _State.on = True
    awaiting.after_import(_MODULE, _patch)


@faults.guarded
def stop() -> None:
    """Leave graphs alone from now on; those that are instrumented stay so."""
    _State.on = False
    _rest()


def lend() -> None:
    """Instrument every graph, for a test, until ``take_back``."""
    lending.begin()
    awaiting.after_import(_MODULE, _patch)


def take_back() -> None:
    """End ``lend``: what was instrumented for the test gets its own methods back."""
    lending.end()
    _rest()


@faults.guarded
def leave_out(graph: Any) -> None:
    """Leave a graph alone that its application uninstrumented."""
    _State.left_out.add(graph)


@faults.guarded
def take_in(graph: Any) -> None:
    """Undo ``leave_out``."""
    _State.left_out.discard(graph)


def _is_on() -> bool:
    return _State.on or lending.is_on()


def _adopt(graph: Any) -> None:
    """Instrument a graph, if that is wanted and not done yet."""
    try:
        if not _is_on() or subclass.is_instrumented(graph) or graph in _State.left_out:
            return
        leave_out(graph)  # unless all goes well
        if not _State.on:
            lending.note(graph)
        graphs.instrument(graph)
        take_in(graph)
    except Exception:
        faults.fault("instrumenting a graph")


@faults.guarded
def _patch() -> None:
    pregel = sys.modules[_MODULE].Pregel
    for name, wrap in _WRAPPERS.items():
        if name not in _State.wrappers:
            original = pregel.__dict__[name]
            wrapper = wrap(original, name)
            setattr(pregel, name, wrapper)
            _State.wrappers[name] = (wrapper, original)


@faults.guarded
def _rest() -> None:
    """Take the wrappers out where nobody wants them any more."""
    if not _is_on():
        awaiting.forget(_MODULE, _patch)
        if _MODULE in sys.modules:
            _unpatch()


@faults.guarded
def _unpatch() -> None:
    pregel = sys.modules[_MODULE].Pregel
    for name, (wrapper, original) in list(_State.wrappers.items()):
        # One that somebody else wrapped stays where it is, and does nothing.
        if pregel.__dict__.get(name) is wrapper:
            setattr(pregel, name, original)
            del _State.wrappers[name]


def _validating(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def validate(self: Any, *given: Any, **named: Any) -> Any:
        valid = original(self, *given, **named)
        _adopt(self)
        return valid

    return validate


def _running(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(original)
    def run(self: Any, *given: Any, **named: Any) -> Any:
        if _is_on() and not subclass.is_instrumented(self):
            # A class with a method of its own, which called this one, must not be called again:
            # its graph is measured from the next run on.
            begins = getattr(type(self), name) is run
            _adopt(self)
            if begins and subclass.is_instrumented(self):
                return getattr(self, name)(*given, **named)
        return original(self, *given, **named)

    return run


_WRAPPERS = {"validate": _validating, "stream": _running, "astream": _running}
