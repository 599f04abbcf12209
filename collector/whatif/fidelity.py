"""What comes back changed after a value was serialized and read again, by type.

Types are told, never values. Elements of what changed its own type are compared as far as both
sides have them in the same order or under the same names.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from collector.whatif.safe import StandIn

MOST_VALUES = 100_000
"""Most values compared of one step; a walk costs more than serializing."""

VALUE, MISSING, KEY = "another value", "nothing", "key of a map"

Change = tuple[str, str]
"""Type, and what became of it."""


class Comparison:
    """Changes found so far."""

    def __init__(self) -> None:
        self.changes: Counter[Change] = Counter()
        self.seen: Counter[str] = Counter()
        """Type → how many there were."""
        self.left = MOST_VALUES

    def compare(self, before: Any, after: Any) -> None:
        """Compare two values, all the way down."""
        pairs = [(before, after)]
        while pairs and self.left > 0:
            self.left -= 1
            one, other = pairs.pop()
            kind = name(one)
            self.seen[kind] += 1
            if type(one) is not type(other):
                self.changes[kind, name(other)] += 1
            pairs.extend(self._parts(kind, one, other))

    def _parts(self, kind: str, one: Any, other: Any) -> list[tuple[Any, Any]]:
        if isinstance(one, Mapping):
            return self._of_maps(kind, one, other) if isinstance(other, Mapping) else []
        if isinstance(one, list | tuple | deque) and isinstance(other, list | tuple | deque):
            if len(one) != len(other):
                self.changes[kind, VALUE] += 1
            return list(zip(one, other, strict=False))
        fields = _fields(one)
        if fields is not None:
            others: Mapping[Any, Any] | None = _fields(other)
            if others is None:
                others = other if isinstance(other, Mapping) else {}
            return [(value, others[key]) for key, value in fields.items() if key in others]
        if type(one) is type(other) and not _equal(one, other):
            self.changes[kind, VALUE] += 1
        return []

    def _of_maps(
        self, kind: str, one: Mapping[Any, Any], other: Mapping[Any, Any]
    ) -> list[tuple[Any, Any]]:
        by_text = {str(key): value for key, value in other.items()}
        pairs = []
        for key, value in one.items():
            if key in other and type(key) in _KEYS:
                pairs.append((value, other[key]))
            elif str(key) in by_text:
                self.changes[f"{name(key)} as {KEY}", "str"] += 1
                pairs.append((value, by_text[str(key)]))
            elif key in other:
                pairs.append((value, other[key]))
            else:
                self.changes[f"{name(key)} as {KEY}", MISSING] += 1
        if len(other) > len(one):
            self.changes[kind, VALUE] += 1
        return pairs


_KEYS = frozenset({str, int, float, bool, type(None)})


def name(value: Any) -> str:
    """What a type is called: builtins by their name, others with their module."""
    cls = type(value)
    if cls.__module__ in ("builtins", "datetime", "uuid", "decimal", "collections"):
        return cls.__name__
    if cls.__module__.startswith(("langchain_core.", "langgraph.", "numpy", "pathlib")):
        return cls.__name__.lstrip("_")
    return f"{cls.__module__}.{cls.__name__}"[:200]


def _fields(value: Any) -> dict[str, Any] | None:
    """The parts of an object that has names for them."""
    if isinstance(value, BaseModel):
        return dict(value.__dict__)
    if isinstance(value, StandIn):
        return {"payload": value.payload}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if type(value).__name__ == "Send":
        return {"node": value.node, "arg": value.arg}
    return None


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape
        return bool(same and one.tobytes() == other.tobytes())
    try:
        return bool(one == other)
    except Exception:
        return False
