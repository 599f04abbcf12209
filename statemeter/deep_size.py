"""Bytes of Python objects with all that they refer to, of samples of many rows.

Sizes are those of ``sys.getsizeof`` for types of Python's own, which runs nobody's code, and the
bare object of any other. What is shared (modules, classes, functions) is not followed; an object
that several rows of a sample refer to counts once.
"""

from __future__ import annotations

import gc
import sys
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Sequence
from typing import Any

SAMPLE = 100
"""Rows looked at, some in each place; the others count as their mean."""
PLACE = 20
"""Neighbours looked at together, because they share names: rows of one thread stand together."""
MOST_OBJECTS = 20_000
"""Objects looked at in one sample: what lies beyond is not counted."""

_GC_HEADER = 16
_OWN = frozenset({
    str, bytes, bytearray, int, float, complex, tuple, list, dict, set, frozenset,
    defaultdict, OrderedDict, deque,
})  # fmt: skip
_FREE = frozenset({bool, type(None), type(Ellipsis)})
_SHARED = (
    type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType,
    types.CodeType, types.FrameType,
)  # fmt: skip


def spread(rows: Sequence[Any], sample: int = SAMPLE) -> Sequence[Any]:
    """Some of many rows: of places evenly spread, ``PLACE`` neighbours each."""
    if len(rows) <= sample:
        return rows
    places = max(1, sample // PLACE)
    step = len(rows) // places
    return [row for at in range(places) for row in rows[at * step : at * step + PLACE]]


def of_rows(rows: Sequence[Any]) -> int:
    """Bytes of all rows, estimated from a sample of them."""
    seen = spread(rows)
    return round(of_all(seen) * len(rows) / len(seen)) if seen else 0


def of_all(objects: Sequence[Any]) -> int:
    """Bytes of objects with what they refer to."""
    total = 0
    known: set[int] = set()
    waiting = list(objects)
    while waiting and len(known) < MOST_OBJECTS:
        one = waiting.pop()
        kind = type(one)
        if id(one) in known or kind in _FREE or isinstance(one, _SHARED):
            continue
        known.add(id(one))
        total += bare(one)
        waiting.extend(gc.get_referents(one))
    return total


def bare(one: Any) -> int:
    """Bytes of an object alone."""
    kind = type(one)
    if kind in _OWN:
        return sys.getsizeof(one)
    if kind.__module__.partition(".")[0] == "numpy" and hasattr(one, "nbytes"):
        return int(one.nbytes) + 112  # its data, and the array object
    return object.__sizeof__(one) + (_GC_HEADER if gc.is_tracked(one) else 0)
