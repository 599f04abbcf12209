"""Sizes found another way: each value of a stored checkpoint is packed again by itself."""

from __future__ import annotations

from typing import Any

import ormsgpack

from statemeter.events import LARGEST_ELEMENTS

_NAMES = {"map": dict, "list": list, "str": str, "bytes": bytes, "float": float, "int": int}
_OPTION = ormsgpack.OPT_NON_STR_KEYS


def unpack(blob: bytes) -> Any:
    """Plain data; what LangGraph packed as an extension stays one, unopened."""
    return ormsgpack.unpackb(blob, ext_hook=ormsgpack.Ext, option=_OPTION)


def size(value: Any) -> int:
    """Bytes of one value alone."""
    return len(ormsgpack.packb(value, option=_OPTION))


def channels(document: bytes) -> dict[str, int]:
    """Channel → bytes, of a checkpoint that holds its values."""
    return {name: size(value) for name, value in unpack(document)["channel_values"].items()}


def bookkeeping(document: bytes) -> int:
    """Bytes of the two entries that LangGraph keeps for itself, their names included."""
    found = unpack(document)
    names = ("channel_versions", "versions_seen")
    return sum(size(name) + size(found[name]) for name in names)


def elements(values: list[Any]) -> tuple[int, list[tuple[int, int]]]:
    """Number of elements, and the largest as (index, bytes), the first of equals first."""
    ranked = sorted((-size(value), index) for index, value in enumerate(values))
    return len(values), [(index, -negative) for negative, index in ranked[:LARGEST_ELEMENTS]]
