"""The ways to write objects and read them again, and what may be put around their bytes."""

from __future__ import annotations

import base64
import json
import os
import pickle
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import Enum
from typing import Any

import msgspec
import numpy as np
import orjson
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt, Overwrite, Send
from pydantic import BaseModel

from collector.whatif.safe import StandIn
from statemeter import codecs
from statemeter.serializers import MsgspecSerializer
from storage.serializer_trials import AES, CODECS

Typed = tuple[str, bytes]
_STRICT: Any = {"allowed_msgpack_modules": None}
"""LangGraph then loads the classes of its own list, and of others gives the parts."""


@dataclass(frozen=True)
class Format:
    """One way to write objects."""

    name: str
    dump: Callable[[Any], Typed]
    load: Callable[[Typed], Any]
    """As an application would; timed."""
    back: Callable[[Typed], Any]
    """The same, but that objects of classes which must not be imported come back as stand-ins, so
    that it can be seen whether they would come back."""


@dataclass(frozen=True)
class Layer:
    """What is put around the bytes of a format."""

    name: str
    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]


def formats(hook: Callable[[int, bytes], Any]) -> list[Format]:
    """All of them.

    Args:
        hook: makes objects of LangGraph's extensions, importing nothing.
    """
    made = []
    for name, cls in (("msgpack", JsonPlusSerializer), ("msgspec", MsgspecSerializer)):
        timed, safe = cls(**_STRICT), cls(**_STRICT, __unpack_ext_hook__=hook)
        made.append(Format(name, timed.dumps_typed, timed.loads_typed, safe.loads_typed))
    encoder = msgspec.json.Encoder(enc_hook=_plain)
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    for name, dump, load in (
        ("msgspec-json", encoder.encode, msgspec.json.decode),
        ("orjson", lambda obj: orjson.dumps(obj, _plain, options), orjson.loads),
        ("json", _json, json.loads),
        # Read are only pickles that this process made a moment before.
        ("pickle", lambda obj: pickle.dumps(obj, pickle.HIGHEST_PROTOCOL), pickle.loads),
    ):
        made.append(_untyped(name, dump, load))
    return made


def layers() -> tuple[list[Layer], dict[str, str]]:
    """Compressions and the cipher that are there, and of the others how to install them."""
    found, missing = [], {}
    for codec in CODECS:
        command = codecs.missing(codec)
        if command:
            missing[codec] = command
        else:
            found.append(_compression(codec))
    try:
        cipher = EncryptedSerializer.from_pycryptodome_aes(key=os.urandom(16)).cipher
        found.append(Layer(
            AES, lambda data: cipher.encrypt(data)[1], lambda data: cipher.decrypt(AES, data)
        ))  # fmt: skip
    except ImportError:
        missing[AES] = "pip install pycryptodome"
    return found, missing


def _compression(codec: str) -> Layer:
    level = codecs.LEVELS[codec][2]
    return Layer(
        codec,
        lambda data: codecs.compress(codec, data, level),
        lambda data: codecs.expand(codec, data),
    )


def _untyped(name: str, dump: Callable[[Any], bytes], load: Callable[[bytes], Any]) -> Format:
    def dump_typed(obj: Any) -> Typed:
        return name, dump(obj)

    def load_typed(typed: Typed) -> Any:
        return load(typed[1])

    return Format(name, dump_typed, load_typed, load_typed)


def _json(obj: Any) -> bytes:
    return json.dumps(obj, default=_plain, ensure_ascii=False).encode()


def _plain(obj: Any) -> Any:  # noqa: PLR0911 (a table of types)
    """What JSON can say of an object: what most applications write for it."""
    if isinstance(obj, BaseModel):
        return obj.model_dump()
    if isinstance(obj, StandIn):
        return obj.payload
    if isinstance(obj, set | frozenset | deque):
        return list(obj)
    if isinstance(obj, bytes | bytearray | memoryview):
        return base64.b64encode(obj).decode()
    if isinstance(obj, date | time):  # a datetime is a date
        return obj.isoformat()
    if isinstance(obj, timedelta):
        return obj.total_seconds()
    if isinstance(obj, np.ndarray):
        return obj.tolist()
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, Enum):
        return obj.value
    if isinstance(obj, Send):
        return {"node": obj.node, "arg": obj.arg}
    if isinstance(obj, Interrupt):
        return {"value": obj.value, "id": obj.id}
    if isinstance(obj, Overwrite):
        return {"__overwrite__": obj.value}
    return str(obj)
