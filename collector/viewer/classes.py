"""Names and values of objects, as each serializer wrote them, brought to one form.

No name is looked up: the tables hold what LangGraph's serializers do with common classes, so that
``["/", "tmp"]`` reads ``/tmp``, and a message is the same whether msgpack or JSON kept it.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from collector.viewer.shapes import TYPE, Plain, octets, typed

SNAPSHOT = "langgraph.checkpoint.serde.types._DeltaSnapshot"
INTERRUPT = "langgraph.types.Interrupt"
SEND = "langgraph.types.Send"

_POSITIONAL = {
    "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone", "re.compile", SEND,
}  # fmt: skip
"""Called with several arguments, beside paths: a JSON constructor has them all in ``args``."""

_FIELDS = {
    "datetime.timedelta": ("days", "seconds", "microseconds"),
    "re.compile": ("pattern", "flags"),
    SEND: ("node", "arg", "timeout"),
}
"""What positional arguments are called."""

_MODULES = {
    "HumanMessage": "human", "HumanMessageChunk": "human", "AIMessage": "ai",
    "AIMessageChunk": "ai", "SystemMessage": "system", "SystemMessageChunk": "system",
    "ToolMessage": "tool", "ToolMessageChunk": "tool", "FunctionMessage": "function",
    "FunctionMessageChunk": "function", "ChatMessage": "chat", "ChatMessageChunk": "chat",
    "RemoveMessage": "modifier", "BaseMessage": "base",
}  # fmt: skip
"""Message class → module of ``langchain_core.messages``; LangChain's JSON names older ones."""

_LANGCHAIN = ("langchain", "langchain_core")
_HEX = re.compile(r"[0-9a-f]{32}")


def class_name(parts: list[str]) -> str:
    """The name of a class from the path that LangChain's JSON has."""
    if parts[0] in _LANGCHAIN and parts[-1] in _MODULES:
        return f"langchain_core.messages.{_MODULES[parts[-1]]}.{parts[-1]}"
    if parts[0] in _LANGCHAIN and parts[-1] == "Document":
        return "langchain_core.documents.base.Document"
    return ".".join(parts)


def made(name: str, value: Plain) -> Plain:
    """An object from its class and what its constructor was given."""
    fields = _FIELDS.get(name)
    if fields and isinstance(value, list) and len(value) <= len(fields):
        value = dict(zip(fields, value, strict=False))
    elif name == "uuid.UUID" and isinstance(value, str) and _HEX.fullmatch(value):
        value = "-".join((value[:8], value[8:12], value[12:16], value[16:20], value[20:]))
    elif name == "datetime.date" and _numbers(value, 3):
        value = "{:04}-{:02}-{:02}".format(*value)
    elif name == "datetime.time" and isinstance(value, dict):
        value = _time(value)
    elif name.startswith("pathlib.") and _texts(value):
        value = _path(name, value)
    return typed("re.Pattern" if name == "re.compile" else name, value)


def revived(found: dict[str, Any]) -> Plain:
    """An object of JSON, made where it stands for one; otherwise as it is."""
    if "lc" in found:
        return _langchain(found)
    if len(found) == 1 and isinstance(found.get("__bytes__"), str):
        return _bytes(found)
    if found.get("__interrupt__") is True and "value" in found:
        fields = {key: value for key, value in found.items() if key != "__interrupt__"}
        return typed(INTERRUPT, fields)
    if found.get("__delta_snapshot__") is True and "value" in found and len(found) == 2:
        return typed(SNAPSHOT, found["value"])
    if found.get("__send__") is True and found.keys() == {"__send__", "node", "arg"}:
        return typed(SEND, {"node": found["node"], "arg": found["arg"]})
    return found


def _langchain(found: dict[str, Any]) -> Plain:
    """``{"lc": 2, "type": "constructor", "id": […], "kwargs": {…}, "args": […]}``."""
    parts = found.get("id")
    if found["lc"] not in (1, 2) or not parts or not _texts(parts):
        return found
    if found.get("type") == "secret":
        return typed("secret", ".".join(parts))
    if len(parts) < 2:  # no module: ours are the names without one
        return found
    name = class_name(parts)
    if found.get("type") == "not_implemented":
        return typed(name, found.get("repr"))
    return _constructed(name, found) if found.get("type") == "constructor" else found


def _constructed(name: str, found: dict[str, Any]) -> Plain:
    args, kwargs = found.get("args"), found.get("kwargs")
    if isinstance(kwargs, dict) and "__set_items__" in kwargs:
        return typed(name, kwargs["__set_items__"])
    if not args or not isinstance(args, list):
        return made(name, {} if kwargs is None else kwargs)
    if kwargs:
        return typed(name, {"args": args, "kwargs": kwargs})
    several = name in _POSITIONAL or name.startswith("pathlib.") or len(args) > 1
    return made(name, args if several else args[0])


def _bytes(found: dict[str, Any]) -> Plain:
    """``{"__bytes__": base64}`` of RedisSaver."""
    try:
        return octets("bytes", base64.b64decode(found["__bytes__"], validate=True))
    except (binascii.Error, ValueError):
        return found


def _time(fields: dict[str, Any]) -> Plain:
    """``12:30:00.000001`` where it has no time zone."""
    parts: list[Any] = [fields.get(key) for key in ("hour", "minute", "second", "microsecond")]
    if fields.get("tzinfo") is not None or fields.get("fold") or not _numbers(parts, 4):
        return fields
    return "{:02}:{:02}:{:02}.{:06}".format(*parts)


def _path(name: str, parts: list[str]) -> str:
    """A path from its parts; the first is the root of an absolute one."""
    between = "\\" if "Windows" in name else "/"
    if parts and parts[0].endswith(between):
        return parts[0] + between.join(parts[1:])
    return between.join(parts) or "."


def _numbers(value: Plain, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(type(part) is int and 0 <= part < 1_000_000 for part in value)
    )


def _texts(value: Plain) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def is_typed(value: Plain, name: str) -> bool:
    """Whether plain data stands for an object of that class."""
    return isinstance(value, dict) and value.get(TYPE) == name
