"""A process of its own that forks under a watched ``lru_cache``: ``python -m …``."""

from __future__ import annotations

import functools
import os

import statemeter


@functools.lru_cache(maxsize=10)
def square(number: int) -> int:
    """Something to keep."""
    return number * number


statemeter.watch_cache("square", square)


def work(numbers: range) -> None:
    """Calls, and the end of a process that runs no ``atexit``."""
    for number in numbers:
        square(number)
    os._exit(0 if statemeter.flush(60) else 2)


if __name__ == "__main__":
    for given in (1, 1, 2):
        square(given)
    assert statemeter.flush(60)
    if os.fork() == 0:
        work(range(1, 6))
    assert os.wait()[1] == 0
    work(range(0))
