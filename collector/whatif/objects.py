"""From the bytes of a backend to objects that can be serialized anew; bounded, nothing imported."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from collections import Counter
from typing import Any

import numpy as np
import ormsgpack
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Interrupt, Send

from collector.viewer import classes, compressed, msgpack_
from collector.viewer.limits import Budget, Limits
from collector.viewer.shapes import Damaged
from collector.whatif import safe

MOST_BYTES = 32_000_000
"""Of one value; of a compressed one, before it was compressed."""
SMALL_BYTES = 2_000_000
"""A value of so many bytes holds so few objects at most that they need not be counted before."""
MOST_OBJECTS = 4_000_000
"""Of a larger value, those that are no parts of objects of a class."""
DEEPEST = 40
"""Objects of classes in one another."""

_OPTIONS = ormsgpack.OPT_NON_STR_KEYS
_NDARRAY, _SNAPSHOT = 6, 7
_DTYPE = re.compile(r"[<>|=][iufbcSUmM]\d+(\[\w+\])?")


class Unreadable(Exception):
    """A value cannot be made into objects; the text says why."""


class Maker:
    """Makes objects, and counts those whose class is not in the list."""

    def __init__(self) -> None:
        self.stand_ins: Counter[str] = Counter()
        """``module.name`` → objects that were measured as plain data."""
        self._depth = 0

    def value(self, tag: str, blob: bytes) -> Any:
        """The object of a blob.

        Raises:
            Unreadable: encrypted, pickled, damaged, too large or of a serializer not known.
        """
        if compressed.is_compressed(tag):
            try:
                blob = bytes(compressed.expanded(tag, blob, MOST_BYTES))
            except Damaged as error:
                raise Unreadable(str(error)) from None
            tag = compressed.inner_tag(tag)
        if len(blob) > MOST_BYTES:
            raise Unreadable(f"larger than {MOST_BYTES // 1_000_000} MB")
        if tag in ("null", "empty"):
            return None
        if tag in ("bytes", "bytearray"):
            return blob if tag == "bytes" else bytearray(blob)
        if tag == "msgpack":
            return self._msgpack(blob)
        if tag == "json":
            return self._json(blob)
        if "+" in tag:
            raise Unreadable("encrypted")
        raise Unreadable("pickled" if tag == "pickle" else f"of the type {tag[:40]!r}")

    def hook(self, code: int, content: bytes) -> Any:
        """What LangGraph's extension stands for; for every reader of msgpack."""
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                raise Unreadable(f"more than {DEEPEST} objects in one another")
            found = ormsgpack.unpackb(content, ext_hook=self.hook, option=_OPTIONS)
            if code == _SNAPSHOT:
                return _DeltaSnapshot(found)
            if code == _NDARRAY:
                return _array(found)
            module, name, payload, *method = found
            return self.made(code, str(module), str(name), payload, *map(str, method[:1]))
        finally:
            self._depth -= 1

    def made(self, code: int, module: str, name: str, payload: Any, method: str = "") -> Any:
        """An object of a class of the list, or one that stands for it, counted."""
        made = safe.make(code, module, name, payload, method)
        if made is payload or isinstance(made, safe.StandIn):
            self.stand_ins[f"{module}.{name}"[:200]] += 1
        return made

    def _msgpack(self, blob: bytes) -> Any:
        if len(blob) > SMALL_BYTES:
            budget = Budget(Limits(nodes=MOST_OBJECTS, seconds=20))
            try:
                msgpack_.Reader(blob, budget).skip()
            except Damaged as error:
                raise Unreadable(f"damaged: {error}") from None
            if budget.nodes <= 0:
                raise Unreadable(f"more than {MOST_OBJECTS:,} values")
        try:
            return ormsgpack.unpackb(blob, ext_hook=self.hook, option=_OPTIONS)
        except Unreadable:
            raise
        except Exception as error:  # not its text: it may hold a value
            raise Unreadable(f"damaged ({type(error).__name__})") from None

    def _json(self, blob: bytes) -> Any:
        try:
            return json.loads(blob, object_hook=self._revived)
        except Unreadable:
            raise
        except Exception as error:
            raise Unreadable(f"damaged ({type(error).__name__})") from None

    def _revived(self, found: dict[str, Any]) -> Any:
        """An object of RedisSaver's JSON, or of LangChain's."""
        parts, given = found.get("id"), found.get("kwargs")
        if "lc" in found and found.get("type") == "constructor" and isinstance(parts, list):
            name = classes.class_name([str(part) for part in parts]) if len(parts) > 1 else ""
            module, _, name = name.rpartition(".")
            if isinstance(given, dict) and "__set_items__" in given:
                return set(given["__set_items__"])
            if isinstance(given, dict):
                return self.made(5, module, name, given)
            args = found.get("args")
            return self.made(1, module, name, args) if isinstance(args, list) else found
        return _marked(found)


def _marked(found: dict[str, Any]) -> Any:
    """What RedisSaver marks with a key of its own."""
    if found.get("__interrupt__") is True and "value" in found:
        return Interrupt(value=found["value"], id=str(found.get("id", "")))
    if found.get("__send__") is True and {"node", "arg"} <= found.keys():
        return Send(str(found["node"]), found["arg"])
    if found.get("__delta_snapshot__") is True and "value" in found:
        return _DeltaSnapshot(found["value"])
    if len(found) == 1 and isinstance(found.get("__bytes__"), str):
        with contextlib.suppress(binascii.Error, ValueError):
            return base64.b64decode(found["__bytes__"], validate=True)
    return found


def _array(found: Any) -> Any:
    dtype, shape, order, content = found
    if not _DTYPE.fullmatch(dtype):
        raise Unreadable("an array of numpy that holds no plain numbers")
    return np.frombuffer(content, dtype=np.dtype(dtype)).reshape(shape, order=order)
