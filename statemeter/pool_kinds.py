"""The connection pools that can be watched: how each shows what it holds.

Everything is read off attributes of the pool, without its locks: another thread may hold one for
long, and in a forked child for ever.
"""

from __future__ import annotations

import functools
import sys
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statemeter import demand, faults, places
from statemeter.demand import DEMAND, Asked
from statemeter.places import NOWHERE, Place

_MANY = 1 << 31
"""What redis-py before 6 takes for no limit."""

Levels = dict[str, int]


@dataclass(frozen=True, slots=True)
class PoolKind:
    """One library's pools."""

    backend: str
    read: Callable[[Any], Levels]
    """Levels, and the counters that the pool itself has."""
    facts: Callable[[Any], Levels]
    place: Callable[[Any], Place]
    is_empty: Callable[[Any], bool] = lambda pool: False
    is_refusal: Callable[[BaseException], bool] = lambda error: False
    methods: Callable[[Any], dict[str, Any]] | None = None
    """Overriding methods that count the demand; None where the pool counts it."""


def of(pool: Any) -> PoolKind | None:
    """The kind of a pool; None where it is none, or none that is known."""
    for cls in type(pool).__mro__:
        kind = _KNOWN.get((cls.__module__, cls.__name__))
        if kind is not None:
            return kind
    return None


def _read_psycopg(pool: Any) -> Levels:
    stats = pool.get_stats()
    size = 0 if pool.closed or _never_connected(stats) else stats["pool_size"]
    return {
        "size": size,
        "in_use": max(size - stats["pool_available"], 0),
        # ``requests_waiting`` counts those that gave up as well, until a connection comes back.
        "waiting": sum(not client.conn and not client.error for client in list(pool._waiting)),
        "requests": stats.get("requests_num", 0),
        "waited_us": stats.get("requests_wait_ms", 0) * 1000,
        "timeouts": stats.get("requests_errors", 0),
        "lost": stats.get("connections_lost", 0) + stats.get("returns_bad", 0),
    }


def _never_connected(stats: Levels) -> bool:
    """Whether every attempt failed: the pool counts connections from when it wants them."""
    failed = stats.get("connections_errors", 0)
    return failed > 0 and stats.get("connections_num", 0) <= failed


def _read_queue_pool(pool: Any) -> Levels:
    idle = _idle(pool)
    lent = max(pool.size() + pool._overflow - idle, 0)
    return {"size": lent + idle, "in_use": lent}


def _idle(pool: Any) -> int:
    """Connections in the queue of a QueuePool, whose own ``qsize`` takes a lock."""
    held = pool._pool.__dict__
    queue = held.get("queue")
    if queue is None:  # of asyncio, made at its first use
        queue = getattr(held.get("_queue"), "_queue", ())
    return len(queue)


def _queue_is_empty(pool: Any) -> bool:
    return 0 <= pool._max_overflow <= pool._overflow and not _idle(pool)


def _queue_facts(pool: Any) -> Levels:
    if pool._max_overflow < 0:
        return {}
    return {"minimum": pool.size(), "maximum": pool.size() + pool._max_overflow}


def _is_sqlalchemy_timeout(error: BaseException) -> bool:
    return isinstance(error, sys.modules["sqlalchemy.exc"].TimeoutError)


def _connect_methods(cls: Any) -> dict[str, Any]:
    @functools.wraps(cls.connect)
    def connect(self: Any) -> Any:
        with Asked(self):
            return cls.connect(self)

    @functools.wraps(cls.recreate)
    def recreate(self: Any) -> Any:
        pool = cls.recreate(self)  # ``engine.dispose()`` goes on with this one
        _inherit(self, pool)
        return pool

    return {"connect": connect, "recreate": recreate}


@faults.guarded
def _inherit(pool: Any, successor: Any) -> None:
    known = demand.of(pool)
    if known is not None and known.gauge is not None:
        successor.__dict__[DEMAND] = known
        known.gauge.target = weakref.ref(successor)


def _read_redis(pool: Any) -> Levels:
    lent = len(pool._in_use_connections)
    return {"size": lent + len(pool._available_connections), "in_use": lent}


def _read_redis_blocking(pool: Any) -> Levels:
    # The queue has a place for each connection, made or not.
    return {
        "size": len(pool._connections),
        "in_use": max(pool.max_connections - len(pool.pool.queue), 0),
    }


def _none_left(pool: Any) -> bool:
    return not pool._available_connections and (
        len(pool._in_use_connections) >= pool.max_connections
    )


def _redis_facts(pool: Any) -> Levels:
    return {"maximum": pool.max_connections} if pool.max_connections < _MANY else {}


def _is_redis_refusal(error: BaseException) -> bool:
    """Only the text tells it from a server that is down."""
    return error.args[:1] in (("No connection available.",), ("Too many connections",))


def _get_methods(cls: Any) -> dict[str, Any]:
    @functools.wraps(cls.get_connection)
    def get_connection(self: Any, *given: Any, **named: Any) -> Any:
        with Asked(self):
            return cls.get_connection(self, *given, **named)

    return {"get_connection": get_connection}


def _aget_methods(cls: Any) -> dict[str, Any]:
    @functools.wraps(cls.get_connection)
    async def get_connection(self: Any, *given: Any, **named: Any) -> Any:
        with Asked(self):
            return await cls.get_connection(self, *given, **named)

    return {"get_connection": get_connection}


def _redis_kind(backend: str, blocking: bool, asynchronous: bool) -> PoolKind:
    def place(pool: Any) -> Place:
        return places.redis(backend, types.SimpleNamespace(connection_pool=pool))

    queued = blocking and not asynchronous
    empty = (lambda pool: not pool.pool.queue) if queued else _none_left
    return PoolKind(
        backend,
        _read_redis_blocking if queued else _read_redis,
        _redis_facts,
        place,
        empty if blocking else lambda pool: False,
        _is_redis_refusal,
        _aget_methods if asynchronous else _get_methods,
    )


_PSYCOPG = PoolKind(
    "postgres",
    _read_psycopg,
    lambda pool: {"minimum": pool.min_size, "maximum": pool.max_size},
    places.postgres,
)
_ANY_SQLALCHEMY = PoolKind(
    "other", lambda pool: {}, lambda pool: {}, lambda pool: NOWHERE, methods=_connect_methods
)
_QUEUE_POOL = PoolKind(
    "other", _read_queue_pool, _queue_facts, lambda pool: NOWHERE,
    _queue_is_empty, _is_sqlalchemy_timeout, _connect_methods,
)  # fmt: skip

_KNOWN: dict[tuple[str, str], PoolKind] = {
    ("psycopg_pool.base", "BasePool"): _PSYCOPG,
    ("sqlalchemy.pool.impl", "QueuePool"): _QUEUE_POOL,
    ("sqlalchemy.pool.base", "Pool"): _ANY_SQLALCHEMY,
} | {
    (f"{backend}{'.asyncio' * asynchronous}.connection", f"{'Blocking' * blocking}ConnectionPool"):
        _redis_kind(backend, blocking, asynchronous)
    for backend in ("redis", "valkey")
    for blocking in (False, True)
    for asynchronous in (False, True)
}  # fmt: skip


def of_engine(engine: Any) -> tuple[str, Place]:
    """Backend and place of a SQLAlchemy engine, by its URL."""
    url = engine.url
    name = url.get_backend_name()
    backend = {"postgresql": "postgres", "sqlite": "sqlite"}.get(name, "other")
    if name == "sqlite":
        file = url.database or ""
        in_memory = not file or file == ":memory:" or file.startswith("file:")
        return backend, NOWHERE if in_memory else places.at_file(str(Path(file).resolve()))
    defaults = {"postgresql": 5432, "mysql": 3306}
    port = url.port or defaults.get(name, 0)
    return backend, places.at_server(name, url.host or "", port, url.database or "")
