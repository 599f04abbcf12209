"""What users call; the package's ``__init__`` names it."""

from __future__ import annotations

import inspect
import logging
from typing import Any, TypeVar

from statemeter import faults, graphs, probe, savers, settings
from statemeter.errors import NotInstrumentable, SettingError

logger = logging.getLogger("statemeter")
T = TypeVar("T")


def instrument(target: T) -> T:
    """Measure a compiled graph (with its saver, nodes and node cache) or a checkpoint saver.

    The object itself is returned, the same as before: identity, ``isinstance`` and behaviour stay.
    Doing it twice changes nothing. ``STATEMETER_ENABLED=0`` makes it do nothing at all.

    Raises:
        NotInstrumentable: the object is neither a compiled graph nor a saver.
    """
    is_graph = graphs.is_graph(target)
    if not is_graph and not graphs.is_saver(target):
        raise NotInstrumentable(_advice(target))
    try:
        if not _enabled():
            return target
        if is_graph:
            graphs.instrument(target)
            _warn_of_no_saver(target)
        else:
            savers.instrument(target)
    except Exception:
        faults.fault(f"instrument({type(target).__name__})")
    return target


def uninstrument(target: T) -> T:
    """Give a graph or saver its own methods back; events already taken are still written.

    Raises:
        NotInstrumentable: the object is neither a compiled graph nor a saver.
    """
    if graphs.is_graph(target):
        graphs.uninstrument(target)
    elif graphs.is_saver(target):
        savers.uninstrument(target)
    else:
        raise NotInstrumentable(_advice(target))
    return target


def flush(timeout_seconds: float = 2.0) -> bool:
    """Write to the spool what was measured so far; False where it did not succeed in time.

    Not needed at the end of a process, which does it by itself, but by one that ends by
    ``os._exit``.
    """
    try:
        return probe.get().flush(timeout_seconds)
    except Exception:
        faults.fault("flush")
        return False


def stats() -> dict[str, Any]:
    """What the probe of this process did.

    ``incarnation``, ``spool`` (folder), ``emitted`` (events taken), ``queued`` (events waiting),
    ``spooled`` (records written), ``spooled_bytes``, ``segments`` (files begun), ``dropped``
    (events lost, by reason), ``failures`` (faults of the probe, none of which reached the
    application), ``problem`` (why the spool takes nothing now, or empty).
    """
    return probe.get().stats()


def _warn_of_no_saver(graph: Any) -> None:
    if graph.checkpointer is None:
        logger.warning(
            "statemeter: the graph %s was compiled without a checkpointer: it keeps no state, so "
            "none of its threads will show up. Use builder.compile(checkpointer=saver).",
            graph.get_name(),
        )


def _enabled() -> bool:
    try:
        return bool(settings.get("STATEMETER_ENABLED"))
    except SettingError as error:
        logger.warning("statemeter: %s Measuring goes on.", error)
        return True


def _advice(target: object) -> str:
    """What was given, and what to give instead."""
    kind = target.__name__ if inspect.isclass(target) else type(target).__name__
    given = f"statemeter.instrument() was given {'the class' if inspect.isclass(target) else 'a'} "
    given += f"{kind}, which is neither a compiled LangGraph graph nor a checkpoint saver. "
    if inspect.isclass(target):
        return given + f"Give it an object: instrument({kind}(…))."
    if hasattr(target, "compile"):
        return given + "Compile it first: instrument(builder.compile(checkpointer=saver))."
    if hasattr(target, "__enter__") or hasattr(target, "__aenter__"):
        return given + "Open it first: with SqliteSaver.from_conn_string(…) as saver: …"
    if isinstance(target, str):
        return given + "A saver is made from a connection string by from_conn_string(…)."
    return given + "Pass the result of builder.compile(…), or the saver given to it."
