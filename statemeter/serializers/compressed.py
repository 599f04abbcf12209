"""A serializer around another one, which compresses what that one made."""

from __future__ import annotations

import copy
import logging
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol, maybe_add_typed_methods
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from statemeter import codecs
from statemeter.errors import NotAdoptable

logger = logging.getLogger("statemeter")

MIN_BYTES = 512
"""Smaller values stay as they are: of most, compression saves nothing that a row's own overhead
would not hide, and databases and dashboards can go on reading them."""

PLAIN = "none"
"""Codec that compresses nothing, and reads everything: the way back."""


class CompressedSerializer(JsonPlusSerializer):  # type: ignore[misc]
    """Compresses what another serializer makes.

    The tag of a value says how it was compressed (``zstd:msgpack``), so that checkpoints from
    before, of another codec or of another level are read as well. A value stays as it is where it
    is small, or does not shrink.

    It is a ``JsonPlusSerializer``, because LangGraph derives the allowlist of a strict graph from
    that class alone; what may be loaded is decided by the serializer inside.

    Args:
        serde: what serializes; by default LangGraph's own. To encrypt as well, put this one
            *inside*: ``EncryptedSerializer(cipher, CompressedSerializer())``. What is encrypted
            cannot be compressed any more.
        codec: ``zstd``, ``lz4``, ``zlib``, or ``none`` to read compressed values and write plain
            ones.
        level: how hard to try, see ``statemeter.codecs.LEVELS``; None: as the library does.
        min_bytes: values below stay as they are.

    Raises:
        CodecMissing: the codec's package is not installed; the message has the command.
        NotAdoptable: an argument cannot be used: which, its value, the fix.
    """

    def __init__(
        self,
        serde: SerializerProtocol | None = None,
        *,
        codec: str = "zstd",
        level: int | None = None,
        min_bytes: int = MIN_BYTES,
    ) -> None:
        inner: Any = JsonPlusSerializer() if serde is None else maybe_add_typed_methods(serde)
        if isinstance(inner, EncryptedSerializer):
            raise NotAdoptable(
                "CompressedSerializer was given an EncryptedSerializer: encrypted bytes do not "
                "shrink. Put it inside: EncryptedSerializer(cipher, CompressedSerializer())."
            )
        if codec not in (*codecs.NAMES, PLAIN):
            raise NotAdoptable(
                f"CompressedSerializer knows no codec {codec!r}: {', '.join(codecs.NAMES)}, "
                f"or {PLAIN} to stop compressing."
            )
        if min_bytes < 0:
            raise NotAdoptable(f"min_bytes is {min_bytes}: give 0 or more bytes.")
        super().__init__(
            pickle_fallback=bool(getattr(inner, "pickle_fallback", False)),
            allowed_msgpack_modules=getattr(inner, "_allowed_msgpack_modules", None),
        )
        self.serde = inner
        self.codec = codec
        self.level = _level(codec, level)
        self.min_bytes = min_bytes
        if codec != PLAIN:
            codecs.compress(codec, b"", self.level)  # a missing package is told now

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Tag and bytes of an object."""
        tag, data = self.serde.dumps_typed(obj)
        if len(data) < self.min_bytes or self.codec == PLAIN:
            return tag, data
        packed = codecs.compress(self.codec, data, self.level)
        return (f"{self.codec}:{tag}", packed) if len(packed) < len(data) else (tag, data)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The object of a tag and its bytes.

        Raises:
            DamagedValue: the bytes are not what the tag says.
            CodecMissing: the package of the codec that wrote them is not installed.
        """
        codec, tag = codecs.split(data[0])
        return self.serde.loads_typed((tag, codecs.expand(codec, data[1])) if codec else data)

    def with_msgpack_allowlist(self, extra_allowlist: Any) -> CompressedSerializer:
        """The same around a serializer that may load these types, too."""
        if not isinstance(self.serde, JsonPlusSerializer):
            logger.warning(
                "Serializer %s does not support msgpack allowlist. Strict msgpack deserialization "
                "will not be enforced.",
                type(self.serde).__name__,
            )
            return self
        inner = self.serde.with_msgpack_allowlist(extra_allowlist)
        if inner is self.serde:
            return self
        clone = copy.copy(self)
        clone.serde = inner
        clone._allowed_msgpack_modules = inner._allowed_msgpack_modules
        return clone


def _level(codec: str, level: int | None) -> int:
    if codec == PLAIN:
        return 0
    lowest, highest, default = codecs.LEVELS[codec]
    if level is None:
        return default
    if not lowest <= level <= highest:
        raise NotAdoptable(f"{codec} has no level {level}: give {lowest} to {highest}.")
    return level
