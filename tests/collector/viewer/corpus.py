"""One value of every type that LangGraph serializes, and what plain data says of each."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import re
import uuid
from collections import deque, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.store.base import Item
from langgraph.types import Interrupt, Overwrite, Send
from pydantic import BaseModel, SecretStr
from pydantic.v1 import BaseModel as OldModel


class Weather(BaseModel):
    """A class of an application."""

    town: str
    degrees: float
    wind: dict[str, int] = {}


class OldWeather(OldModel):
    """One of pydantic's first version."""

    town: str
    degrees: float


@dataclasses.dataclass
class Place:
    """A dataclass of an application."""

    name: str
    at: tuple[int, int]


Pair = namedtuple("Pair", "left right")


class Colour(Enum):
    RED = "red"


NOW = "2026-01-02T00:00:00+00:00"
MESSAGES: list[BaseMessage] = [
    SystemMessage("be brief", id="s"),
    HumanMessage(
        [{"type": "text", "text": "hé"}, {"type": "image_url", "image_url": {"url": "u"}}]
    ),
    AIMessage(
        "",
        id="a",
        tool_calls=[{"name": "search", "args": {"q": "x", "n": [1, None]}, "id": "c"}],
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_metadata={"model": "m"},
    ),
    ToolMessage("found", tool_call_id="c", name="search", artifact={"raw": [1.5]}),
    AIMessageChunk("chunk", id="k"),
    ChatMessage("hi", role="critic"),
    RemoveMessage(id="a"),
]
VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "numbers": [0, -1, -33, 127, 128, 2**31, 2**63 - 1, -(2**63), 2**64 - 1, 1.5, -0.0, 1e300],
    "infinite": [math.nan, math.inf, -math.inf],
    "text": ["", "é😀\x00\n", "x" * 300, "y" * 70_000],
    "bytes": b"\x00\xff" * 100,
    "bytearray": bytearray(b"abc"),
    "nested bytes": {"b": b"abc", "empty": b""},
    "map": {"a": 1, "b": {"c": [{}, []]}},
    "map of many": {str(number): number for number in range(70_000)},
    "keys": {1: "one", 2.5: "x", None: 3, False: 4, (1, 2): 5},
    "type key": {"__type__": "module.Class", "value": 1},
    "list of many": list(range(70_000)),
    "tuple": (1, ("a",)),
    "set": {1},
    "frozenset": frozenset(["a"]),
    "deque": deque([1, 2]),
    "uuid": uuid.UUID(int=2**100),
    "decimal": Decimal("1.50"),
    "ip": [ip_address("127.0.0.1"), ip_network("10.0.0.0/8"), ip_interface("::1/64")],
    "datetime": [datetime(2026, 1, 2, 3, 4, 5, 6), datetime(2026, 1, 2, tzinfo=UTC)],
    "date": date(2026, 1, 2),
    "time": [time(1, 2, 3, 4), time(1, tzinfo=UTC)],
    "timedelta": timedelta(1, 2, 3),
    "timezone": timezone(timedelta(hours=2)),
    "zone": ZoneInfo("Europe/Berlin"),
    "path": [pathlib.Path("/tmp/x"), pathlib.Path("a/b"), pathlib.Path()],
    "pattern": re.compile("a+", re.IGNORECASE),
    "enum": Colour.RED,
    "secret": SecretStr("hunter2"),
    "named tuple": Pair(1, [2]),
    "dataclass": Place("here", (1, 2)),
    "model": Weather(town="Ulm", degrees=math.inf, wind={"n": 1}),
    "old model": OldWeather(town="Ulm", degrees=1.5),
    "messages": MESSAGES,
    "document": Document("text", metadata={"page": 1}),
    "send": [Send("node", {"a": MESSAGES[0]}), Send("node", None)],
    "interrupt": Interrupt("why?", id="i"),
    "overwrite": Overwrite([1]),
    "item": Item(value={"a": 1}, key="k", namespace=("n",), created_at=NOW, updated_at=NOW),
    "snapshot": _DeltaSnapshot([1, MESSAGES[0]]),
    "arrays": [
        np.arange(6.0).reshape(2, 3),
        np.array([[1, 2], [3, 4]], dtype=">i2", order="F"),
        np.array([True, False]),
        np.array(["a", "bc"]),
        np.zeros(2000, dtype=np.uint8),
        np.array([math.nan], dtype=np.float16),
    ],
}


def typed(value: Any, content: Any) -> dict[str, Any]:
    """The form for an object of a class."""
    kind = type(value)
    return {"__type__": f"{kind.__module__}.{kind.__qualname__}", "value": content}


def described(value: Any) -> Any:  # noqa: PLR0911 (a type, a line)
    """Plain data of a live object: what the decoder should make of its blob."""
    if value is None or isinstance(value, bool | str):
        return value
    if type(value) is int:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"__type__": "float", "value": str(value)}
    if isinstance(value, bytes | bytearray):
        kind = type(value).__name__
        return {"__type__": kind, "value": bytes(value[:64]).hex(), "length": len(value)}
    if isinstance(value, _DeltaSnapshot):
        return typed(value, described(value.value))
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, BaseModel):
        return typed(value, described(value.model_dump()))
    if isinstance(value, OldModel):
        return typed(value, described(value.dict()))
    if isinstance(value, Pair):
        return typed(value, described(value._asdict()))
    if isinstance(value, dict):
        pairs = [(described(key), described(item)) for key, item in value.items()]
        if all(isinstance(key, str) and key != "__type__" for key, _ in pairs):
            return dict(pairs)
        return {"__type__": "dict", "value": [list(pair) for pair in pairs]}
    if isinstance(value, list | tuple):
        return [described(item) for item in value]
    return _object(value)


def _object(value: Any) -> Any:  # noqa: PLR0911 (a type, a line)
    if isinstance(value, set | frozenset | deque):
        return typed(value, [described(item) for item in value])
    if isinstance(value, datetime | date):
        return typed(value, value.isoformat())
    if isinstance(value, time) and value.tzinfo is None:
        return typed(value, value.isoformat("microseconds"))
    if isinstance(value, time):
        names = ("hour", "minute", "second", "microsecond", "tzinfo", "fold")
        return typed(value, {name: described(getattr(value, name)) for name in names})
    if isinstance(value, timedelta):
        names = ("days", "seconds", "microseconds")
        return typed(value, {name: getattr(value, name) for name in names})
    if isinstance(value, timezone):
        return typed(value, [described(value.utcoffset(None))])
    if isinstance(value, re.Pattern):
        content = {"pattern": value.pattern, "flags": value.flags}
        return {"__type__": "re.Pattern", "value": content}
    if isinstance(value, Enum):
        return typed(value, value.value)
    if isinstance(value, SecretStr):
        return typed(value, value.get_secret_value())
    if isinstance(value, Send):
        return typed(value, {"node": value.node, "arg": described(value.arg)})
    if isinstance(value, Item):
        facts = value.dict()
        return typed(value, facts | {"namespace": list(value.namespace)})
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value)]
        return typed(value, {name: described(getattr(value, name)) for name in fields})
    return typed(value, str(value))


def _array(value: Any) -> Any:
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    facts = {"dtype": value.dtype.str, "shape": list(value.shape), "order": order}
    facts["bytes"] = value.nbytes
    flat = value.ravel(order=order).tolist()
    if value.dtype.kind == "U":
        content = facts | {"head": value.tobytes()[:64].hex()}
        return {"__type__": "numpy.ndarray", "value": content}
    content = facts | {"numbers": described(flat[:1000])}
    left = {"cut": len(flat) - 1000} if len(flat) > 1000 else {}
    return {"__type__": "numpy.ndarray", "value": content} | left
