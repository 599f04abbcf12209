"""Savers, instrumented: a saver gets a serializer that measures, and methods that tell."""

from __future__ import annotations

import itertools
from typing import Any

from statemeter import (
    backends,
    faults,
    held_values,
    introduction,
    pools,
    probe,
    saver_methods,
    serde,
    subclass,
)
from statemeter.calls import INFO
from statemeter.introduction import SaverInfo

_numbers = itertools.count(1)


def instrument(saver: Any) -> bool:
    """Instrument a ``BaseCheckpointSaver``; False where it was done before."""
    if subclass.is_instrumented(saver):
        return False
    target = probe.get()
    info = _describe(saver)
    introduction.name_storage(target.incarnation, info)
    saver.__dict__[INFO] = info
    try:
        measure_serializer(saver)
        subclass.instrument(saver, "saver", saver_methods.methods)
    except Exception:
        _forget(saver)
        raise
    target.savers[info.number] = info
    target.emit(introduction.saver, info)
    pools.instrument_below(saver)
    return True


def uninstrument(saver: Any) -> bool:
    """Undo ``instrument``; False where there was nothing to undo."""
    if not subclass.is_instrumented(saver):
        return False
    pools.uninstrument_below(saver)
    subclass.restore(saver)
    info = _forget(saver)
    probe.get().savers.pop(info.number, None)
    return True


detach = faults.guarded(uninstrument)
"""The same, for users and as a part of another object: a fault of it is none of theirs."""


def measure_serializer(saver: Any) -> None:
    """Give a saver a serializer that measures, in the place of the one that it has now.

    One that has none, or none that can be exchanged, is measured without: its calls and their
    times are told, their bytes are unknown.
    """
    original = getattr(saver, "serde", None)
    try:
        saver.serde = serde.instrumented(original)
    except (AttributeError, TypeError):
        return
    saver.__dict__[serde.ORIGINAL] = original
    saver.__dict__[INFO].serializer = type(original).__name__


def _forget(saver: Any) -> SaverInfo:
    """Give a saver its serializer back, if it did not get another one meanwhile."""
    original = saver.__dict__.pop(serde.ORIGINAL, None)
    if original is not None and subclass.is_instrumented(saver.serde):
        saver.serde = original
    info: SaverInfo = saver.__dict__.pop(INFO)
    return info


def info_of(saver: Any) -> SaverInfo | None:
    """What is known of an instrumented saver; copies of a saver share it."""
    info: SaverInfo | None = getattr(saver, "__dict__", {}).get(INFO)
    return info


def _describe(saver: Any) -> SaverInfo:
    backend, place = backends.of(type(saver)), backends.place_of(saver)
    number = next(_numbers)
    return SaverInfo(
        backend=backend.name, class_name=type(saver).__name__, layout=backend.layout,
        serializer=_serializer_name(saver), database=place.database, number=number,
        label=place.label or f"{type(saver).__name__} {number}", identity=place.identity,
        storages=held_values.storages_of(saver) if backend.name == "memory" else None,
    )  # fmt: skip


def _serializer_name(saver: Any) -> str:
    serializer = getattr(saver, "serde", None)
    return type(serializer).__name__ if serializer is not None else ""
