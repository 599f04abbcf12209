"""What ``instrument()`` takes: each kind of object with how it is recognized, measured and freed.

A kind is recognized by the class that LangGraph or a library gives it, found in ``sys.modules``:
nothing is imported, because an object is only there when its package is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from statemeter import caches, embeddings, faults, graphs, pools, savers, stores

logger = logging.getLogger("statemeter")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object that can be measured."""

    name: str
    """As a message names it."""
    is_one: Callable[[object], bool]
    instrument: Callable[[Any], object]
    """Doing it twice changes nothing."""
    uninstrument: Callable[[Any], object]
    """It may not raise."""


def _instrument_graph(graph: Any) -> None:
    graphs.instrument(graph)
    if graph.checkpointer is None:
        logger.warning(
            "statemeter: the graph %s was compiled without a checkpointer: it keeps no state, so "
            "none of its threads will show up. Use builder.compile(checkpointer=saver).",
            graph.get_name(),
        )


KINDS = (
    Kind("compiled LangGraph graph", graphs.is_graph, _instrument_graph, graphs.detach),
    Kind("checkpoint saver", graphs.is_saver, savers.instrument, savers.detach),
    Kind("store", stores.is_store, stores.instrument, stores.detach),
    Kind("embeddings", embeddings.is_embeddings, embeddings.instrument, embeddings.detach),
    Kind("node cache", caches.is_cache, caches.instrument, caches.detach),
    Kind("connection pool", pools.is_pool, pools.instrument, pools.detach),
)
"""In the order in which an object is asked; the first that fits decides."""


_UNKNOWN = Kind("object of unknown kind", bool, bool, bool)
"""Of what could not be looked at: left as it is."""


def of(target: object) -> Kind | None:
    """The kind of an object, None where it cannot be measured."""
    without = None
    for kind in KINDS:
        try:
            if kind.is_one(target):
                return kind
        except Exception:  # a property of the application may fail, too
            faults.fault(f"recognizing a {kind.name}")
            without = _UNKNOWN
    return without


def names() -> str:
    """All kinds, for a message: ``compiled LangGraph graph, checkpoint saver or …``."""
    *most, last = (kind.name for kind in KINDS)
    return f"{', '.join(most)} or {last}"
