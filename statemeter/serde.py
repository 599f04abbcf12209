"""The instrumented serializer: its time and bytes go to the saver call around it.

The default serializer is one object that all savers of a process share, and one that a user made
may be shared as well: a saver is given an instrumented *copy* of its own.
"""

from __future__ import annotations

import copy
from typing import Any

from statemeter import fast, faults, subclass, unregistered
from statemeter.calls import CALL, clock

ORIGINAL = "_statemeter_serde"
"""Attribute of an instrumented saver: the serializer that the application gave it."""


def instrumented(serializer: Any) -> Any:
    """An instrumented copy of a serializer; the serializer itself where it was one already."""
    if subclass.is_instrumented(serializer):
        return serializer
    twin = copy.copy(serializer)
    subclass.instrument(twin, "serializer", _methods)
    unregistered.start()
    return twin


def plain(serializer: Any) -> Any:
    """A serializer that measures nothing, with the settings of one that may do so."""
    if not subclass.is_instrumented(serializer):
        return serializer
    twin = copy.copy(serializer)
    subclass.restore(twin)
    return twin


def _methods(cls: Any) -> dict[str, Any]:
    return _methods_in_c(cls) if "timed" in fast.IN_C else _methods_in_python(cls)


def _methods_in_c(cls: Any) -> dict[str, Any]:
    timed, made = fast.IN_C["timed"], _methods_in_python(cls)
    return {
        name: timed(getattr(cls, name), method, name == "dumps_typed")
        for name, method in made.items()
    }


def _methods_in_python(cls: Any) -> dict[str, Any]:
    dumps, loads = cls.dumps_typed, cls.loads_typed

    def dumps_typed(self: Any, obj: Any) -> tuple[str, bytes]:
        call = CALL.get()
        if call is None or call.token is None:
            return dumps(self, obj)  # type: ignore[no-any-return]
        start = clock()
        typed: tuple[str, bytes] = dumps(self, obj)
        try:
            call.serde_ns += clock() - start
            call.held_bytes += len(typed[1])
            kept = call.dumps
            kept.append(id(obj))
            kept.append(typed)
        except Exception:
            faults.fault("noting serialized bytes")
        return typed

    def loads_typed(self: Any, data: tuple[str, bytes]) -> Any:
        call = CALL.get()
        if call is None or call.token is None:
            return loads(self, data)
        start = clock()
        value = loads(self, data)
        try:
            call.serde_ns += clock() - start
            call.loads_bytes += len(data[1])
            if not call.serializer:
                call.serializer = data[0]
        except Exception:
            faults.fault("noting deserialized bytes")
        return value

    return {"dumps_typed": dumps_typed, "loads_typed": loads_typed}
