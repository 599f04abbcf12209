"""Connection pools, watched: psycopg_pool, SQLAlchemy, redis-py and valkey-py.

Their levels are read once a second, see ``gauges``. A pool is held weakly.
"""

from __future__ import annotations

import sys
from typing import Any

from statemeter import faults, pool_kinds, probe, subclass
from statemeter.demand import DEMAND, Demand
from statemeter.gauges import Gauge
from statemeter.places import NOWHERE, Place
from statemeter.pool_kinds import PoolKind
from statemeter.resources import ResourceInfo

KIND = "pool"

_BELOW = ("conn", "_redis", "redis", "client", "_client")
"""Attributes under which savers, stores and caches keep a pool, or a client that has one."""


def is_pool(thing: object) -> bool:
    """Whether it is a connection pool, a SQLAlchemy engine, or a Redis client with a pool."""
    return _pool_of(thing) is not None


def instrument(thing: Any) -> bool:
    """Watch the pool of an object; False where it was done before."""
    pool = _pool_of(thing)
    kind = pool_kinds.of(pool)
    if kind is None or _gauge_of(pool) is not None:
        return False
    info = _describe(thing, pool, kind)
    target = probe.get()
    gauge = Gauge(pool, info, kind.read)
    if kind.methods is not None:
        asked = Demand(kind.is_empty, kind.is_refusal)
        asked.gauge = gauge = Gauge(pool, info, _reader(kind, asked))
        pool.__dict__[DEMAND] = asked
        subclass.instrument(pool, KIND, kind.methods)
        _listen(pool, asked)
    target.gauges.add(gauge)
    target.resources.introduce(target, info)
    return True


def uninstrument(thing: Any) -> bool:
    """Undo ``instrument``; False where there was nothing to undo."""
    pool = _pool_of(thing)
    gauge = _gauge_of(pool)
    if gauge is None:
        return False
    target = probe.get()
    target.gauges.remove(gauge)
    target.resources.withdraw(gauge.info)
    asked = pool.__dict__.pop(DEMAND, None)
    if asked is not None:
        subclass.restore(pool)
        _listen(pool, asked, listen=False)
    return True


detach = faults.guarded(uninstrument)
"""The same, for users and as a part of another object: a fault of it is none of theirs."""


@faults.guarded
def instrument_below(owner: Any) -> None:
    """Watch the pool that a saver, store or cache works with, if it has one."""
    for part in _parts(owner):
        instrument(part)


@faults.guarded
def uninstrument_below(owner: Any) -> None:
    """Undo ``instrument_below``."""
    for part in _parts(owner):
        uninstrument(part)


def _parts(owner: Any) -> list[Any]:
    parts = [getattr(owner, name, None) for name in _BELOW]
    return [part for part in parts if part is not None and is_pool(part)]


def _pool_of(thing: Any) -> Any:
    """The pool itself, of an engine, or of a client; None where there is none."""
    if pool_kinds.of(thing) is not None:
        return thing
    package = type(thing).__module__.partition(".")[0]
    if package == "sqlalchemy":
        thing = getattr(thing, "sync_engine", thing)  # that of an AsyncEngine
        pool = getattr(thing, "pool", None) if hasattr(thing, "dialect") else None
    elif package in ("redis", "valkey"):
        pool = getattr(thing, "connection_pool", None)
    else:
        pool = _pool_of_subclass(thing)
    return pool if pool_kinds.of(pool) is not None else None


def _pool_of_subclass(thing: Any) -> Any:
    """The pool of a client whose class the application derived from that of the library."""
    for name in ("redis", "redis.asyncio", "valkey", "valkey.asyncio"):
        library = sys.modules.get(name)
        for client in ("Redis", "Valkey"):
            known = getattr(library, client, None)
            if isinstance(known, type) and isinstance(thing, known):
                return getattr(thing, "connection_pool", None)
    return None


def _gauge_of(pool: Any) -> Gauge | None:
    gauges = probe.get().gauges.of(KIND)
    return next((gauge for gauge in gauges if gauge.target() is pool), None)


def _reader(kind: PoolKind, asked: Demand) -> Any:
    def read(pool: Any) -> dict[str, int]:
        lost = {"lost": asked.lost} if hasattr(pool, "dispatch") else {}
        return kind.read(pool) | asked.values() | lost

    return read


def _listen(pool: Any, asked: Demand, listen: bool = True) -> None:
    """SQLAlchemy tells of lost connections by an event; other libraries by none."""
    if hasattr(pool, "dispatch"):
        event = sys.modules["sqlalchemy.event"]
        told = (pool, "invalidate", asked.lost_one)
        if listen:
            event.listen(*told)
        elif event.contains(*told):  # a pool remade by dispose() has a copy that stays
            event.remove(*told)


def _describe(thing: Any, pool: Any, kind: PoolKind) -> ResourceInfo:
    backend, place = kind.backend, NOWHERE
    try:
        engine = getattr(thing, "sync_engine", thing)
        if hasattr(engine, "dialect") and hasattr(engine, "url"):
            backend, place = pool_kinds.of_engine(engine)
        else:
            place = kind.place(pool)
    except Exception:
        faults.fault("finding where a pool connects to")
    identity, label = _named(place)
    return ResourceInfo(
        KIND, backend, subclass.original_class(pool).__name__,
        identity=identity, label=label, database=place.database, facts=kind.facts(pool),
    )  # fmt: skip


def _named(place: Place) -> tuple[str, str]:
    """Identity and label: those of the place, with a number for a second pool of this process.

    Processes of the same application agree on them, so that their pools are summed.
    """
    if place == NOWHERE:
        return "", ""
    target = probe.get()
    taken = {gauge.info.identity for gauge in target.gauges.of(KIND)}
    number, identity = 1, f"{target.application} {place.identity} 1"
    while identity in taken:
        number += 1
        identity = f"{target.application} {place.identity} {number}"
    return identity, place.label if number == 1 else f"{place.label} #{number}"
