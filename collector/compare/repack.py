"""Real values of a checkpoint, written elsewhere without ever becoming objects.

LangGraph's msgpack has objects as extensions: a number and bytes (``langgraph.checkpoint.serde``).
They are kept as that, ``Kept``, and packed again byte for byte: nothing is imported or constructed,
in whatever database the values lie. What has another form stays one piece of bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ormsgpack

_OPTION = (
    ormsgpack.OPT_NON_STR_KEYS | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_UUID
)  # fmt: skip
_MARKS = ("lc", "__interrupt__", "__send__", "__delta_snapshot__")
"""Keys at which JSON serializers make objects."""
_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Kept:
    """An extension as it lies in msgpack. ``ormsgpack.Ext`` can be packed alone."""

    code: int
    data: bytes


def unpacked(data: bytes) -> Any:
    """msgpack → values, extensions as ``Kept``.

    Raises:
        ormsgpack.MsgpackDecodeError: it is no msgpack.
    """
    return ormsgpack.unpackb(data, ext_hook=Kept, option=ormsgpack.OPT_NON_STR_KEYS)


def packed(found: Any) -> bytes:
    """The other way round."""
    return ormsgpack.packb(found, default=_extension, option=_OPTION)


def _extension(found: Any) -> ormsgpack.Ext:
    if isinstance(found, Kept):
        return ormsgpack.Ext(found.code, found.data)
    raise TypeError(type(found).__name__)


def value(tag: str, data: bytes) -> tuple[Any, bool]:
    """A blob as it is to be written, and whether its parts are known: of another serializer than
    msgpack, and of bytes, it is one piece."""
    if tag in ("null", "empty"):
        return None, True
    if tag == "msgpack":
        try:
            return unpacked(data), True
        except ormsgpack.MsgpackDecodeError:
            return data, False
    return data, tag in ("bytes", "bytearray")


class Repack:
    """Serializer for savers that take one (``SerializerProtocol``)."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """As ``JsonPlusSerializer`` tags it."""
        if obj is None:
            return "null", b""
        if isinstance(obj, bytes):
            return "bytes", obj
        return "msgpack", packed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """What ``dumps_typed`` was given."""
        return value(*data)[0]


def plain(found: Any, depth: int = 0) -> Any:  # noqa: PLR0911 (one for each type)
    """The same for savers that write JSON: an extension becomes what it packs, and no key is left
    at which reading would make an object of it."""
    if depth > _DEPTH:
        return None
    if isinstance(found, Kept):
        try:
            return plain(unpacked(found.data), depth + 1)
        except ormsgpack.MsgpackDecodeError:
            return found.data.hex()
    if isinstance(found, dict):
        return {
            f"{key}_" if key in _MARKS else str(key): plain(one, depth + 1)
            for key, one in found.items()
        }
    if isinstance(found, list | tuple):
        return [plain(one, depth + 1) for one in found]
    if isinstance(found, bytes):
        return found.hex()
    return found
