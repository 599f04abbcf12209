"""Savers, instrumented: a saver gets a serializer that measures, and methods that tell."""

from __future__ import annotations

import itertools
from typing import Any

from statemeter import backends, introduction, probe, saver_methods, serde, subclass
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
    original = saver.serde
    saver.__dict__.update({INFO: info, serde.ORIGINAL: original})
    try:
        saver.serde = serde.instrumented(original)
        subclass.instrument(saver, "saver", saver_methods.methods)
    except Exception:
        _forget(saver)
        raise
    target.savers[info.number] = info
    target.emit(introduction.saver, info)
    return True


def uninstrument(saver: Any) -> bool:
    """Undo ``instrument``; False where there was nothing to undo."""
    if not subclass.is_instrumented(saver):
        return False
    subclass.restore(saver)
    info = _forget(saver)
    probe.get().savers.pop(info.number, None)
    return True


def _forget(saver: Any) -> SaverInfo:
    """Give a saver its serializer back, if it did not get another one meanwhile."""
    original = saver.__dict__.pop(serde.ORIGINAL)
    if subclass.is_instrumented(saver.serde):
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
        serializer=type(saver.serde).__name__, database=place.database, number=number,
        label=place.label or f"{type(saver).__name__} {number}", identity=place.identity,
    )  # fmt: skip
