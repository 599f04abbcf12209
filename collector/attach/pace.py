"""How often a database is asked: an attached reader costs it at most a twentieth of its time."""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 20
"""Between two pieces of work, so many times as long as the first took."""


class Pace:
    """A piece of work that comes again and again."""

    def __init__(self, least_seconds: float) -> None:
        self._least = least_seconds
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether it may be done again."""
        return time.monotonic() >= self._next

    def seconds(self) -> float:
        """Until it is due."""
        return max(0.0, self._next - time.monotonic())

    def __call__(self, work: Callable[[], object]) -> None:
        """Do it, and set when it is due again."""
        begin = time.monotonic()
        try:
            work()
        finally:
            end = time.monotonic()
            self._next = end + max(self._least, SHARE * (end - begin))
