"""LangGraph's msgpack through msgspec: the same bytes, in less time where they are plain data.

The two libraries write plain data (text, numbers, lists, maps with text keys) byte for byte alike.
For whatever else there is, LangGraph has extensions of its own: those it writes itself, and for
reading, msgspec hands them back to it. So nothing can come back otherwise than with LangGraph's own
serializer, whose tag, ``msgpack``, is kept: each reads what the other wrote, and one may go back.
"""

from __future__ import annotations

from typing import Any

import msgspec
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

LEAST = 64
"""Numbers from which on a list is tried: below, nothing is to be gained."""

_FLOAT = 0xCB
_FLOAT_BYTES = 9
"""msgpack's float: this byte, and eight of the number."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.decode


class MsgspecSerializer(JsonPlusSerializer):  # type: ignore[misc]
    """LangGraph's own serializer, with its bytes; msgspec reads them, and writes lists of floats.

    It takes the arguments of ``JsonPlusSerializer``, and the same types may be loaded. Embeddings,
    scores and other lists of numbers gain most; messages, pydantic models and dataclasses gain
    nothing, as LangGraph builds them in either case.
    """

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Tag and bytes of an object: those of ``JsonPlusSerializer``."""
        if type(obj) is list and obj:
            made = _floats(obj)
            if made is not None:
                return "msgpack", made
        typed: tuple[str, bytes] = super().dumps_typed(obj)
        return typed

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The object of a tag and its bytes: that of ``JsonPlusSerializer``."""
        if data[0] == "msgpack":
            hook = self._unpack_ext_hook
            try:
                return _decode(data[1], ext_hook=lambda code, part: hook(code, bytes(part)))
            except Exception:  # noqa: S110 (damaged bytes, odd keys: LangGraph decides)
                pass
        return super().loads_typed(data)


def _floats(values: list[Any]) -> bytes | None:
    """The msgpack of a list of floats, or of lists of floats; None where it is none of these.

    To ask each value what it is takes longer than to write it. So it is written first, and its
    bytes tell: where each ninth is the mark of a float, from the first value to the end, nothing
    but floats was written.
    """
    first = values[0]
    nested = type(first) is list and len(first) >= LEAST and type(first[0]) is float
    if nested:
        if set(map(type, values)) != {list}:
            return None
    elif len(values) < LEAST or type(first) is not float or type(values[-1]) is not float:
        return None
    try:
        made = _encode(values)
    except Exception:  # something else is among them: LangGraph decides
        return None
    end = _header_bytes(values) if nested else 0
    for part in values if nested else (values,):
        begin = end + _header_bytes(part)
        end = begin + _FLOAT_BYTES * len(part)
        if made[begin:end:_FLOAT_BYTES].count(_FLOAT) != len(part):
            return None
    return made if end == len(made) else None


def _header_bytes(values: list[Any]) -> int:
    """Of an array of so many elements, see the msgpack specification."""
    return 1 if len(values) < 16 else 3 if len(values) < 65_536 else 5
