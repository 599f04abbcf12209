"""The C part of the probe (``_fast*.c``): it tries first, and Python does what it leaves.

It makes records of the usual kind, byte for byte those that Python makes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from statemeter import faults

P = ParamSpec("P")
R = TypeVar("R")

IN_C: dict[str, Callable[..., Any]] = {}
"""What was built, by name; nothing where no compiler was, or where nobody built the sources."""

try:
    from statemeter import _fast
except ImportError:
    pass
else:
    IN_C = {made.__name__: made for made in (_fast.line, _fast.put, _fast.writes)}


def first(*beside: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have the function of the same name in C do it, which is given ``beside`` as well.

    Where that gives None, fails (which is counted), or anything is given by name, Python does it.
    """

    def tried_first(in_python: Callable[P, R]) -> Callable[P, R]:
        name = in_python.__name__
        if name not in IN_C:
            return in_python

        @functools.wraps(in_python)
        def made(*given: P.args, **named: P.kwargs) -> R:
            in_c = IN_C.get(name)
            if in_c is not None and not named:
                try:
                    found: R | None = in_c(*given, *beside)
                    if found is not None:
                        return found
                except Exception:
                    faults.fault(f"{name} in C")
            return in_python(*given, **named)

        return made

    return tried_first
