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

_SCALARS = frozenset({str, int, float, bool, type(None)})
_NUMBERS = frozenset({int, float})
_LISTS = frozenset({list, tuple})

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.decode


class MsgspecSerializer(JsonPlusSerializer):  # type: ignore[misc]
    """LangGraph's own serializer, with its bytes, made and read by msgspec where that is the same.

    It takes the arguments of ``JsonPlusSerializer``, and the same types may be loaded. Embeddings,
    scores and other lists of numbers gain most; messages, pydantic models and dataclasses gain
    nothing, as LangGraph builds them in either case.
    """

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Tag and bytes of an object: those of ``JsonPlusSerializer``."""
        if type(obj) in _LISTS and _is_plain(obj):
            try:
                return "msgpack", _encode(obj)
            except (ValueError, OverflowError, TypeError):
                pass  # half a surrogate pair, a huge number: as LangGraph takes it
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


def _is_plain(values: Any) -> bool:
    """Whether a list consists of plain data, where that is told faster than it is written.

    Lists of scalars, and lists of lists of numbers, such as embeddings: ``map`` and ``set`` tell
    their types without a step of the interpreter for each.
    """
    kinds = set(map(type, values))
    if kinds <= _SCALARS:
        return True
    return kinds <= _LISTS and all(set(map(type, part)) <= _NUMBERS for part in values)
