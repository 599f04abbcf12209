"""What is known of a class by the package that it, or a class that it derives from, comes from."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def find(cls: type, known: dict[str, T], other: T) -> T:
    """What ``known`` has for a module; the nearest class and then the longest name decide."""
    for ancestor in cls.__mro__:
        module = ancestor.__module__
        while module:
            if module in known:
                return known[module]
            module = module.rpartition(".")[0]
    return other
