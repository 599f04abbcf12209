"""Plain values made small enough for a tree to open and close, each limit told at its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storage.differences import is_typed
from storage.plain_text import left_out, visible

NODES = 4_000
"""Values in one tree: about what a browser opens without a pause."""

CHARACTERS = 2_000
"""Of one text."""

DEEPEST = 60
"""Levels of a tree."""


@dataclass
class _Room:
    nodes: int
    characters: int


def reduced(value: Any, nodes: int = NODES, characters: int = CHARACTERS) -> Any:
    """The value with what is too much of it left out; objects hold their fields beside their type.

    Args:
        value: plain.
        nodes: values that are kept, all levels together.
        characters: of one text that are kept.
    """
    return _reduced(value, _Room(nodes, characters), 0)


def kind_of(value: Any) -> str:
    """What a value is, in a few words: ``list of 12``, ``HumanMessage``, ``text``."""
    if is_typed(value):
        return visible(str(value["__type__"]).rpartition(".")[2])
    if isinstance(value, list):
        return f"list of {len(value):,}"
    if isinstance(value, dict):
        return f"mapping of {len(value):,}"
    if value is None:
        return "nothing"
    names = {str: "text", bool: "boolean", int: "integer", float: "number"}
    return names[type(value)]


def _reduced(value: Any, room: _Room, depth: int) -> Any:
    room.nodes -= 1
    if isinstance(value, str):
        if len(value) <= room.characters:
            return visible(value)
        rest = len(value) - room.characters
        return f"{visible(value[: room.characters])}… +{rest:,} characters"
    if not isinstance(value, dict | list) or not value:
        return value
    if depth >= DEEPEST:
        return f"… nested deeper than {DEEPEST} levels"
    if isinstance(value, list):
        return _list(value, room, depth)
    return (_object if is_typed(value) else _mapping)(value, room, depth)


def _list(value: list[Any], room: _Room, depth: int) -> list[Any]:
    made = []
    for at, one in enumerate(value):
        if room.nodes <= 0:
            made.append(f"… {len(value) - at:,} more elements")
            break
        made.append(_reduced(one, room, depth + 1))
    return made


def _mapping(value: dict[str, Any], room: _Room, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for at, (key, one) in enumerate(value.items()):
        if room.nodes <= 0:
            made["…"] = f"{len(value) - at:,} more keys"
            break
        made[visible(key[:CHARACTERS])] = _reduced(one, room, depth + 1)
    return made


def _object(value: dict[str, Any], room: _Room, depth: int) -> dict[str, Any]:
    inner = value["value"]
    made: dict[str, Any] = {"__type__": visible(value["__type__"])}
    if isinstance(inner, dict) and "__type__" not in inner and inner:
        made |= _mapping(inner, room, depth + 1)
    else:
        made["value"] = _reduced(inner, room, depth + 1)
    made |= {key: value[key] for key in ("length", "problem") if key in value}
    if isinstance(value.get("cut"), int):
        made["…"] = left_out(value["cut"])
    return made
