"""The C part of the probe (``_fast*.c``): it tries first, and Python does what it leaves.

It makes records of the usual kind, byte for byte those that Python makes, and notes of a measured
call what Python notes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from statemeter import faults

R = TypeVar("R")
Build = Callable[[int, Any], R]

_NAMES = (
    "line", "put", "writes", "read", "node", "builds", "take", "note_put", "measures", "begin",
    "end", "timed", "statm", "looked", "memory_after", "memory_before", "nodes", "node_begin",
    "peak",
)  # fmt: skip

OF_PROBE = (
    "_drained", "_newest", "_numbers", "_pending", "_running", "held_bytes", "held_limit", "queue",
    "seq",
)  # fmt: skip
"""Attributes of the probe that the hot path looks at: in slots C finds them without a look-up."""

IN_C: dict[str, Callable[..., Any]] = {}
"""What was built, by name; nothing where no compiler was, or where nobody built the sources."""

try:
    from statemeter import _fast
except ImportError:
    pass
else:
    IN_C = {name: getattr(_fast, name) for name in _NAMES if hasattr(_fast, name)}


def first(*known: Any) -> Callable[[Build[R]], Build[R]]:
    """Have the function of the same name in C make an event; it takes what is ``known`` first.

    Where that gives None, or fails, which is counted, Python does it.
    """

    def around(in_python: Build[R]) -> Build[R]:
        name = in_python.__name__
        if name not in IN_C:
            return in_python

        @functools.wraps(in_python)
        def made(seq: int, item: Any) -> R:
            try:
                found: R | None = IN_C[name](*known, seq, item)
                if found is not None:
                    return found
            except Exception:
                faults.fault(f"{name} in C")
            return in_python(seq, item)

        IN_C["builds"](name, made, *(known or (None,)))
        return made

    return around
