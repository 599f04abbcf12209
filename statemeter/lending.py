"""What the pytest plugin instrumented for a test, and gives back at its end.

Only that: what the application instrumented by itself, before or meanwhile, stays as it is.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, ClassVar

from statemeter import caches, faults, graphs, savers, stores, subclass

_UNDO: tuple[tuple[Callable[[Any], bool], Callable[[Any], object]], ...] = (
    (graphs.is_graph, faults.guarded(graphs.release)),
    (graphs.is_saver, savers.detach),
    (caches.is_cache, caches.detach),
    (stores.is_store, stores.detach),
)


class _State:
    lent: ClassVar[list[weakref.ref[Any]] | None] = None
    """What was instrumented for a test; None: no test wants it."""


def is_on() -> bool:
    """Whether graphs are instrumented for a test."""
    return _State.lent is not None


def begin() -> None:
    """A test wants every graph to be measured."""
    _State.lent = _State.lent or []


def end() -> None:
    """Give what was lent its own methods back."""
    lent, _State.lent = _State.lent or [], None
    for thing in [referred() for referred in lent]:
        if subclass.is_instrumented(thing):
            next((undo for is_one, undo in _UNDO if is_one(thing)), bool)(thing)


@faults.guarded
def note(graph: Any) -> None:
    """A graph is about to be instrumented for a test."""
    if _State.lent is not None:
        _State.lent += [
            weakref.ref(part) for part in _parts(graph) if not subclass.is_instrumented(part)
        ]


@faults.guarded
def keep(target: Any) -> None:
    """The application instruments it, too: ``end`` leaves it as it is."""
    if _State.lent:
        kept = {id(part) for part in (_parts(target) if graphs.is_graph(target) else [target])}
        _State.lent = [referred for referred in _State.lent if id(referred()) not in kept]


def _parts(graph: Any) -> list[Any]:
    """The graph, and its saver, cache and store as far as it has them."""
    beside = (graph.checkpointer, graph.cache, graph.store)
    return [graph, *(part for part in beside if part is not None and not isinstance(part, bool))]
