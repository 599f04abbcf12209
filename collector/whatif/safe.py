"""The classes that a what-if may make objects of, and stand-ins for all others.

A blob names the classes of its objects; LangGraph imports and calls them, which is running code of
whoever wrote the database. Here nothing is looked up by name but in this list: what LangGraph's
own strict allowlist takes (``SAFE_MSGPACK_TYPES``) and that is plain data, messages and documents.
"""

from __future__ import annotations

import datetime as dt
import decimal
import functools
import ipaddress
import pathlib
import re
import sys
import uuid
import zoneinfo
from collections import deque
from typing import Any

from langchain_core import messages
from langchain_core.documents import Document
from langgraph.types import Interrupt, Overwrite, Send

_MESSAGES = (
    messages.HumanMessage, messages.HumanMessageChunk, messages.AIMessage, messages.AIMessageChunk,
    messages.SystemMessage, messages.SystemMessageChunk, messages.ChatMessage,
    messages.ChatMessageChunk, messages.ToolMessage, messages.ToolMessageChunk,
    messages.FunctionMessage, messages.FunctionMessageChunk, messages.RemoveMessage, Document,
)  # fmt: skip
_PLAIN = (
    dt.datetime, dt.date, dt.time, dt.timedelta, dt.timezone, uuid.UUID, decimal.Decimal, set,
    frozenset, deque, ipaddress.IPv4Address, ipaddress.IPv4Interface, ipaddress.IPv4Network,
    ipaddress.IPv6Address, ipaddress.IPv6Interface, ipaddress.IPv6Network, zoneinfo.ZoneInfo,
    Send, Interrupt, Overwrite,
)  # fmt: skip

CLASSES: dict[str, Any] = {
    f"{one.__module__}.{one.__name__}": one for one in (*_MESSAGES, *_PLAIN)
} | {
    "re.compile": re.compile, "pathlib.Path": pathlib.Path,
    "pathlib.PosixPath": pathlib.PurePosixPath if sys.platform == "win32" else pathlib.PosixPath,
    "pathlib._local.PosixPath": pathlib.Path, "pathlib._local.Path": pathlib.Path,
}  # fmt: skip
"""``module.name`` → what is called."""

MOST_CLASSES = 1_000
"""Most classes that stand-ins are made for; objects of further ones are plain data."""

_SINGLE, _POSITIONAL, _NAMED, _METHOD, _PYDANTIC_1, _PYDANTIC_2 = range(6)
"""LangGraph's codes of extensions (``langgraph.checkpoint.serde.jsonplus``)."""


class StandIn:
    """In the place of an object whose class is not in the list: its names and its parts.

    LangGraph's serializer writes the same bytes of it as it wrote of the object, because it asks
    objects what they are by the methods that they have.
    """

    code = -1
    payload: Any

    def __init__(self, payload: Any) -> None:
        self.payload = payload

    def __reduce__(self) -> Any:
        named = (self.code, type(self).__module__, type(self).__name__)
        return rebuild, (*named, self.payload)


class _Single(StandIn):
    code = _SINGLE

    def get_secret_value(self) -> Any:
        return self.payload


class _Named(StandIn):
    code = _NAMED

    def _asdict(self) -> Any:
        return self.payload


class _Pydantic1(StandIn):
    code = _PYDANTIC_1

    def dict(self) -> Any:
        return self.payload


class _Pydantic2(StandIn):
    code = _PYDANTIC_2

    def model_dump(self) -> Any:
        return self.payload


_KINDS: dict[int, type[StandIn]] = {
    one.code: one for one in (_Single, _Named, _Pydantic1, _Pydantic2)
}


def make(code: int, module: str, name: str, payload: Any, method: str = "") -> Any:
    """An object as LangGraph would make it; a stand-in where its class is not in the list."""
    known = CLASSES.get(f"{module}.{name}")
    if known is not None:
        try:
            return _call(known, code, payload, method)
        except Exception:  # noqa: S110 (as LangGraph: what cannot be built stays what it was)
            pass
    return rebuild(code, module, name, payload)


def rebuild(code: int, module: str, name: str, payload: Any) -> Any:
    """A stand-in, or plain data where none would be written as the object was."""
    kind: Any = _KINDS.get(code)
    made = _class_of(kind, module, name) if kind is not None else None
    return payload if made is None else made(payload)


def _call(known: Any, code: int, payload: Any, method: str) -> Any:
    if code == _SINGLE:
        return known(payload)
    if code == _POSITIONAL:
        return known(*payload)
    if code == _METHOD:
        if known is not dt.datetime or method != "fromisoformat":
            raise ValueError(method)
        return dt.datetime.fromisoformat(payload)
    return known(**payload)


_made = 0


@functools.cache
def _class_of(kind: Any, module: str, name: str) -> Any:
    global _made  # noqa: PLW0603
    if _made >= MOST_CLASSES:
        return None
    _made += 1
    return type(name, (kind,), {"__module__": module})
