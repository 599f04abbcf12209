"""What users call; the package's ``__init__`` names it."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeVar, overload

from statemeter import auto, faults, graphs, kinds, lending, lru, probe, settings
from statemeter.errors import NotInstrumentable, SettingError, StatemeterError

logger = logging.getLogger("statemeter")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_EVERY_GRAPH: Any = object()


@overload
def instrument() -> None: ...
@overload
def instrument(target: T) -> T: ...
def instrument(target: Any = _EVERY_GRAPH) -> Any:
    """Measure a compiled graph (with its saver, nodes and node cache) or one of its parts.

    A part may be any of ``statemeter.kinds.KINDS``, such as a checkpoint saver. The object itself
    is returned, the same as before: identity, ``isinstance`` and behaviour stay.

    Without argument: every graph that this process compiles from now on, and those compiled earlier
    from their next run on; subgraphs, prebuilt agents and the functional API too. LangGraph may be
    imported before or after. Returns None.

    Doing it twice changes nothing. ``STATEMETER_ENABLED=0`` makes it do nothing at all.

    Raises:
        NotInstrumentable: the object is none of these.
    """
    if target is _EVERY_GRAPH:
        if _enabled():
            auto.start()
        return None
    kind = kinds.of(target)
    if kind is None:
        raise NotInstrumentable(_advice(target))
    try:
        if _enabled():
            kind.instrument(target)
            lending.keep(target)
            if graphs.is_graph(target):
                auto.take_in(target)
    except Exception:
        faults.fault(f"instrument({type(target).__name__})")
    return target


@overload
def uninstrument() -> None: ...
@overload
def uninstrument(target: T) -> T: ...
def uninstrument(target: Any = _EVERY_GRAPH) -> Any:
    """Give an object its own methods back; events already taken are still written.

    Without argument: graphs compiled from now on are left alone. Those that were instrumented by
    then stay so; each can be given here.

    Raises:
        NotInstrumentable: the object is none of those that ``instrument`` takes.
    """
    if target is _EVERY_GRAPH:
        auto.stop()
        return None
    kind = kinds.of(target)
    if kind is None:
        raise NotInstrumentable(_advice(target))
    try:
        kind.uninstrument(target)
        if graphs.is_graph(target):
            auto.leave_out(target)
        probe.get().vitals.rest()
    except Exception:
        faults.fault(f"uninstrument({type(target).__name__})")
    return target


def watch_cache(name: str, function: F) -> F:
    """Watch a function cached by ``functools.lru_cache`` or ``functools.cache``; returns it.

    Hits, misses, size and maximum are shown under ``name``. The function is neither changed nor
    kept alive. ``cached = watch_cache("prices", lru_cache(get_price))`` works as well, and doing it
    twice changes nothing; after a reload of its module the new function takes the old one's place.
    ``STATEMETER_ENABLED=0`` makes it do nothing at all. A forked child tells of what itself did,
    from the first event of its graphs on.

    Raises:
        NotInstrumentable: the function has no such cache.
        UnusableName: the name is empty, or another function has it.
    """
    if not _enabled():
        return function
    try:
        return lru.watch(name, function)
    except StatemeterError:
        raise
    except Exception:
        faults.fault("watch_cache")
        return function


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
    target = probe.get()
    return {
        "incarnation": target.incarnation,
        "spool": str(target.writer.folder),
        "emitted": target.emitted,
        "queued": len(target.queue),
        "spooled": target.spooled,
        "spooled_bytes": target.writer.written_bytes,
        "segments": target.writer.segments,
        "dropped": dict(target.dropped),
        "failures": faults.total(),
        "problem": target.problem,
    }


def _enabled() -> bool:
    try:
        return bool(settings.get("STATEMETER_ENABLED"))
    except SettingError as error:
        logger.warning("statemeter: %s Measuring goes on.", error)
        return True
    except Exception:
        faults.fault("reading STATEMETER_ENABLED")
        return False


def _advice(target: object) -> str:
    """What was given, and what to give instead."""
    kind = target.__name__ if inspect.isclass(target) else type(target).__name__
    given = f"statemeter.instrument() was given {'the class' if inspect.isclass(target) else 'a'} "
    given += f"{kind}, which is no {kinds.names()}. "
    if inspect.isclass(target):
        return given + f"Give it an object: instrument({kind}(…))."
    if hasattr(target, "compile"):
        return given + "Compile it first: instrument(builder.compile(checkpointer=saver))."
    if hasattr(target, "__enter__") or hasattr(target, "__aenter__"):
        return given + "Open it first: with SqliteSaver.from_conn_string(…) as saver: …"
    if isinstance(target, str):
        return given + "Savers and stores are made from a connection string by from_conn_string(…)."
    return given + "Pass the result of builder.compile(…), or a saver, store or cache given to it."
