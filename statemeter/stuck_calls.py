"""Calls of savers that do not come back, such as a read inside the loop over ``list`` of a saver
with one lock: seen from outside, on the stacks of the threads, so that a call pays nothing for it.

A call in a coroutine is on no stack while it waits: it is not seen.
"""

from __future__ import annotations

import time
from collections import Counter
from types import CodeType
from typing import Any

from statemeter import saver_methods, stacks

STUCK_SECONDS = 10.0
"""A call that is under way for so long is told."""
TOLD = 4
"""Most savers and methods that are told apart."""
THREADS = 500
"""Most threads that are looked at."""


def _codes(*makers: Any) -> set[CodeType]:
    """The functions that these functions make."""
    return {
        part for made in makers for part in made.__code__.co_consts if isinstance(part, CodeType)
    }


CODES = frozenset(
    _codes(saver_methods._sync_methods, saver_methods._removal)
    | {saver_methods._observed.__code__}
)  # fmt: skip
"""Of the methods around those of a saver; the local ``call`` or ``_call`` is what they measure."""


def read() -> dict[str, int]:
    """``stuck_calls``, and where there are any the age of the oldest in µs, and their number by key
    of the saver and method as ``stuck_calls:<key>:<method>``."""
    now_ns = time.perf_counter_ns()
    names: Counter[str] = Counter()
    oldest_ns = 0
    with stacks.read() as frames:
        calls = [found for one in list(frames.values())[:THREADS] if (found := _call(one))]
        frames.clear()
    for method, call in calls:
        age_ns = now_ns - getattr(call, "step_ns", call.start_ns)
        if age_ns >= STUCK_SECONDS * 1e9:
            oldest_ns = max(oldest_ns, age_ns)
            names[f"stuck_calls:{call.info.key}:{method}"] += 1
    told = {"stuck_calls": names.total()}
    if names:
        told["stuck_oldest_us"] = oldest_ns // 1000
        told |= dict(names.most_common(TOLD))
    return told


def _call(frame: Any) -> tuple[str, Any] | None:
    """The innermost measured call on a stack, with the name of its method."""
    while frame is not None:
        if frame.f_code in CODES:
            local = frame.f_locals
            call = local.get("call", local.get("_call"))
            if call is not None and call.token is not None:
                name = frame.f_code.co_name
                name = {"_observed": "list", "removal": "delete_thread"}.get(name, name)
                return name, call
        frame = frame.f_back
    return None
