"""The bytes of values, taken where a store makes them, so that none is serialized for us.

* SQLite: what ``orjson`` made for the ``INSERT``, and the column that was read.
* PostgreSQL: what psycopg sends and receives as ``jsonb``, seen by adapters of the store's own
  cursors; those of the connection stay as they are.
* Redis: values pass through two methods of the store as plain data; their JSON is made once more,
  because the text that is sent exists inside the client only.
* MongoDB: BSON exists inside the driver only; ``size_of`` makes it once more.

Each method below overrides one of the same name that the store's classes have, and notes on the
call that is under way. Where a class lacks the method, sizes are unknown.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec

from statemeter import faults
from statemeter.accesses import ACCESS

Written = list[int | bytes]
"""Size of each value that was written, in order; or the JSON whose size is found later."""

_encode = msgspec.json.Encoder().encode


class Notes(msgspec.Struct, gc=False):
    """What was seen of the bytes of one call or batch."""

    read: dict[int, int] = {}
    """``id`` of a value that was read, which its item keeps alive → bytes."""
    written: Written = []
    by_key: dict[Any, int | bytes] | None = None
    """(namespace, key) → what was written, once the values of a batch are told apart."""


def methods(cls: Any, backend: str) -> dict[str, Any]:
    """The overriding methods for a store class."""
    made = _MAKERS[backend](cls) if backend in _MAKERS else {}
    return {name: method for name, method in made.items() if _has(cls, name)}


def size_of(value: Any) -> int:
    """Bytes of a value as MongoDB holds it; -1 where it cannot hold it."""
    try:
        return len(sys.modules["bson"].encode(value))
    except Exception:  # the store failed at it, too
        return -1


def _has(cls: Any, name: str) -> bool:
    # ``_deserializer`` is an attribute of each store where its class has no slot for it.
    return hasattr(cls, name) or name == "_deserializer"


def _notes() -> Notes | None:
    """Those of the call under way, if it is one of a store."""
    return getattr(ACCESS.get(), "notes", None)


@faults.guarded
def _note_read(value: Any, size: int) -> None:
    notes = _notes()
    if notes is not None and value is not None:
        notes.read[id(value)] = size


@faults.guarded
def _note_written(blob: int | bytes) -> None:
    notes = _notes()
    if notes is not None:
        notes.written.append(blob)


def _sqlite(cls: Any) -> dict[str, Any]:
    def _prepare_batch_PUT_queries(self: Any, put_ops: Any) -> Any:
        prepared = cls._prepare_batch_PUT_queries(self, put_ops)
        _note_queries(prepared)
        return prepared

    def get(self: Any) -> Any:
        given = self.__dict__.get("_deserializer")
        return _loading(given) or given

    def put(self: Any, value: Any) -> None:
        self.__dict__["_deserializer"] = value

    return {
        "_prepare_batch_PUT_queries": _prepare_batch_PUT_queries,
        "_deserializer": property(get, put),
    }


@faults.guarded
def _note_queries(prepared: Any) -> None:
    """Of all parameters only the values are bytes: vectors are added later."""
    for _, parameters in prepared[0]:
        for parameter in parameters:
            if type(parameter) is bytes:
                _note_written(len(parameter))


@faults.guarded
def _loading(given: Any) -> Any:
    """A deserializer that notes what it is given; None outside of a call."""
    if _notes() is None:
        return None
    load = given or sys.modules["langgraph.store.sqlite.base"]._json_loads

    def loading(content: Any) -> Any:
        value = load(content)
        size = len(content.encode("utf-8", "replace")) if type(content) is str else len(content)
        _note_read(value, size)
        return value

    return loading


def _postgres(cls: Any) -> dict[str, Any]:
    if hasattr(cls, "__aenter__"):

        @contextlib.asynccontextmanager
        async def _acursor(self: Any, **options: Any) -> AsyncIterator[Any]:
            async with cls._cursor(self, **options) as cursor:
                _observe(cursor)
                yield cursor

        return {"_cursor": _acursor}

    @contextlib.contextmanager
    def _cursor(self: Any, **options: Any) -> Iterator[Any]:
        with cls._cursor(self, **options) as cursor:
            _observe(cursor)
            yield cursor

    return {"_cursor": _cursor}


@faults.guarded
def _observe(cursor: Any) -> None:
    """Let a cursor's adapters for ``jsonb`` note what passes; they do what they did."""
    if _notes() is None:
        return
    psycopg = sys.modules["psycopg"]
    adapters = cursor.adapters
    wrapper = psycopg.types.json.Jsonb
    dumper = adapters.get_dumper(wrapper, psycopg.adapt.PyFormat.AUTO)
    adapters.register_dumper(wrapper, _noting_dumper(dumper))
    oid = adapters.types["jsonb"].oid
    for wire in psycopg.pq.Format:
        loader = adapters.get_loader(oid, wire)
        if loader is not None:
            adapters.register_loader(oid, _noting_loader(loader))


@functools.lru_cache(maxsize=32)
def _noting_dumper(dumper: Any) -> Any:
    class NotingDumper(dumper):  # type: ignore[misc]
        def dump(self, obj: Any) -> Any:
            data = super().dump(obj)
            _note_written(bytes(data))
            return data

    return NotingDumper


@functools.lru_cache(maxsize=32)
def _noting_loader(loader: Any) -> Any:
    version = int(loader.format)  # a byte before binary jsonb

    class NotingLoader(loader):  # type: ignore[misc]
        def load(self, data: Any) -> Any:
            value = super().load(data)
            _note_read(value, len(data) - version)
            return value

    return NotingLoader


def _redis(cls: Any) -> dict[str, Any]:
    def _serialize_value(self: Any, value: Any) -> Any:
        plain = cls._serialize_value(self, value)
        _note_json_written(plain)
        return plain

    def _deserialize_value(self: Any, value: Any) -> Any:
        made = cls._deserialize_value(self, value)
        _note_json_read(made, value)
        return made

    return {"_serialize_value": _serialize_value, "_deserialize_value": _deserialize_value}


@faults.guarded
def _note_json_written(plain: Any) -> None:
    if _notes() is not None:
        _note_written(_json_size(plain))


@faults.guarded
def _note_json_read(value: Any, plain: Any) -> None:
    if _notes() is not None:
        _note_read(value, _json_size(plain))


def _json_size(plain: Any) -> int:
    """Bytes of its JSON without spaces, each letter as itself; -1 where it has none."""
    try:
        return len(_encode(plain))
    except Exception:  # keys that are None, huge numbers
        return -1


_MAKERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
    "redis": _redis,
}
