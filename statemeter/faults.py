"""The one guard: a fault of the probe is counted and logged once, and never reaches the graph."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("statemeter")

_counts: dict[str, int] = {}
_MOST = 200  # places, some of which name a class of the application


def fault(place: str) -> None:
    """Count the exception being handled; log it the first time it happens at this place.

    Only its class is logged: its text could quote a value of the state.
    """
    try:
        if place not in _counts and len(_counts) >= _MOST:
            place = "another part"
        first = place not in _counts
        _counts[place] = _counts.get(place, 0) + 1
        if first:
            import sys  # noqa: PLC0415 (a fault is rare, and the import may be what fails)

            kind = sys.exc_info()[0]
            name = kind.__name__ if kind else "unknown"
            logger.warning("statemeter: %s failed (%s); your graph is not affected", place, name)
    except Exception:  # noqa: S110, BLE001, RUF100 (a fault while telling of a fault)
        pass


def total() -> int:
    """Faults since the start of the process."""
    return sum(_counts.values())


def reset() -> None:
    """Forget the counts, as a forked child does."""
    _counts.clear()


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns None where the given one raises an ``Exception``."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception:
            fault(function.__qualname__)
            return None

    return call
