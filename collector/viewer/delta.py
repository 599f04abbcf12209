"""The value of a delta channel: the nearest snapshot of an ancestor, and the writes since.

As ``langgraph.channels.delta.DeltaChannel`` replays them, on plain data. The reducer is code of the
application and is not run: what it is, is told from the data. Messages are merged by id, lists are
appended, maps merged, sets united; for anything else the value says that it cannot be known.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from collector.viewer.classes import SNAPSHOT, is_typed
from collector.viewer.shapes import TYPE, Plain, typed
from storage.conversation import is_message, is_pair
from storage.values import Value

OVERWRITE = "__overwrite__"
REMOVE_ALL = "__remove_all__"
TAG = "delta"
"""``Value.type`` of what was rebuilt."""

_SETS = ("builtins.set", "builtins.frozenset")
_REMOVAL = "langchain_core.messages.modifier.RemoveMessage"
_COUNTERS = "counters_since_delta_snapshot"


def missing(versions: Collection[str], present: Collection[str], metadata: Plain) -> list[str]:
    """Delta channels of a checkpoint that are not stored in it: they have to be rebuilt.

    Args:
        versions: keys of its ``channel_versions``.
        present: channels that are stored in it.
        metadata: its metadata, plain; LangGraph counts there what happened since a snapshot.
    """
    counters = metadata.get(_COUNTERS) if isinstance(metadata, dict) else None
    names = counters if isinstance(counters, dict) else {}
    return [name for name in names if name in versions and name not in present]


def unwrapped(value: Value) -> Value:
    """The value in a snapshot; any other value as it is."""
    if not is_typed(value.data, SNAPSHOT):
        return value
    return msgspec.structs.replace(value, data=value.data["value"])


@dataclass
class _Item:
    """One element of a list, with its serialized bytes (-1: unknown)."""

    data: Plain
    bytes: int = -1


def rebuild(seed: Value | None, writes: Sequence[Value], ancestors: int = 1) -> Value:
    """The value that the channel had.

    Args:
        seed: what the nearest ancestor that stores the channel has of it; None: no one does.
        writes: to the channel, of that ancestor and those after it, oldest first; within one
            checkpoint by (task path, task id, index); none of the checkpoint itself.
        ancestors: how many of them were read.
    """
    for value in (*([seed] if seed else ()), *writes):
        if value.problem:
            return _unknown(
                f"One of the writes it consists of cannot be read: {value.problem}", ancestors
            )
    base = unwrapped(seed) if seed else None
    remaining: list[Value] = []
    for write in writes:
        is_overwrite, value = _overwritten(write)
        if is_overwrite:
            base, remaining = value, []
        else:
            remaining.append(write)
    values = [*([base] if base and base.data is not None else ()), *remaining]
    if len(values) == 1 and not remaining:
        return _made(values[0].data, values, ancestors, values[0].elements, "the stored value")
    return _reduced(values, ancestors)


def _reduced(values: list[Value], ancestors: int) -> Value:
    if all(isinstance(value.data, dict) and is_map(value.data) for value in values) and values:
        return _made(_merged(values), values, ancestors, [], "a map: later keys replace earlier")
    if values and all(_set(value.data) is not None for value in values):
        return _made(_united(values), values, ancestors, [], "a set: all elements")
    items = [item for value in values for item in _items(value)]
    if any(is_message(item.data) for item in items):
        items, how = _by_id(items), "messages: by id, removals applied"
    elif any(
        not isinstance(value.data, list) and not is_typed(value.data, "list") for value in values
    ):
        return _unknown(
            f"It is made by the application's own reducer, which is not run here, from "
            f"{len(values):,} writes; see the writes of its ancestors.", ancestors,
        )  # fmt: skip
    else:
        how = "a list: all elements in order"
    sizes = [item.bytes for item in items]
    return _made(
        [item.data for item in items], values, ancestors, [] if -1 in sizes else sizes, how
    )


def _made(data: Plain, values: list[Value], ancestors: int, elements: list[int], how: str) -> Value:
    return Value(
        type=TAG, data=data, cut=any(value.cut for value in values), elements=elements,
        rebuilt=ancestors, how=how,
    )  # fmt: skip


def _unknown(problem: str, ancestors: int) -> Value:
    return Value(type=TAG, problem=problem, rebuilt=ancestors)


def _overwritten(write: Value) -> tuple[bool, Value]:
    """As ``langgraph.channels.binop._get_overwrite``: its three forms."""
    data = write.data
    if is_typed(data, "langgraph.types.Overwrite"):
        found = data["value"]
        return True, _part(write, found.get("value") if isinstance(found, dict) else found)
    if isinstance(data, dict) and data.keys() == {OVERWRITE}:
        return True, _part(write, data[OVERWRITE])
    if isinstance(data, dict) and data.get("type") == OVERWRITE and "value" in data:
        return True, _part(write, data["value"])
    return False, write


def _part(write: Value, data: Plain) -> Value:
    return Value(type=write.type, data=data, cut=write.cut)


def is_map(data: Mapping[str, Any]) -> bool:
    """Whether plain data stands for a dict, with whatever keys, but no message and no object."""
    return (TYPE not in data or data[TYPE] == "dict") and not is_message(data)


def _pairs(data: Plain) -> list[tuple[Plain, Plain]]:
    if TYPE in data:
        return [(key, value) for key, value in data["value"]]
    return list(data.items())


def _merged(values: list[Value]) -> Plain:
    found = {_same(key): (key, item) for value in values for key, item in _pairs(value.data)}
    if all(isinstance(key, str) and key != TYPE for key, _ in found.values()):
        return dict(found.values())
    return typed("dict", [[key, item] for key, item in found.values()])


def _set(data: Plain) -> list[Plain] | None:
    if isinstance(data, dict) and data.get(TYPE) in _SETS and isinstance(data["value"], list):
        return data["value"]
    return None


def _united(values: list[Value]) -> Plain:
    found = {_same(item): item for value in values for item in _set(value.data) or ()}
    return typed(values[0].data[TYPE], list(found.values()))


def _same(data: Plain) -> str:
    """Equal for equal plain data."""
    return json.dumps(data, sort_keys=True)


def _items(value: Value) -> list[_Item]:
    """Elements of a list; anything else is one. What a limit left out keeps its place."""
    data: Plain = value.data
    beyond = 0
    if is_typed(data, "list") and isinstance(data["value"], list):
        beyond = data.get("cut", 0)
        data = data["value"]
    if not isinstance(data, list) or is_pair(data):
        return [_Item(value.data, value.bytes)]
    sizes = value.elements if len(value.elements) == len(data) else [-1] * len(data)
    items = [_Item(item, size) for item, size in zip(data, sizes, strict=True)]
    return [*items, _Item(typed("cut", None, beyond))] if beyond else items


def _by_id(items: list[_Item]) -> list[_Item]:
    """As ``langgraph.graph.message``: a later message of the same id takes the place of the
    earlier, removals remove. Everything before REMOVE_ALL_MESSAGES goes, as with ``add_messages``.
    """
    kept: dict[Any, _Item] = {}
    for number, item in enumerate(items):
        name = _id(item.data)
        if is_typed(item.data, _REMOVAL):
            if name == REMOVE_ALL:
                kept.clear()
            else:
                kept.pop(name, None)
        else:
            kept[number if name is None else name] = item
    return list(kept.values())


def _id(data: Plain) -> str | None:
    fields = data.get("value", data) if isinstance(data, dict) and TYPE in data else data
    found = fields.get("id") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else None
