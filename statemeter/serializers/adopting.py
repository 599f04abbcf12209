"""Give a serializer to a saver that exists, whoever made it."""

from __future__ import annotations

from typing import Any, TypeVar

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import SerializerProtocol, maybe_add_typed_methods

from statemeter import packages, savers, subclass
from statemeter.errors import NotAdoptable

S = TypeVar("S")

_FIXED = {"langgraph.checkpoint.redis": "JsonPlusRedisSerializer"}
"""Package of savers → the serializer that they are built on."""


def adopt(saver: S, serializer: SerializerProtocol) -> S:
    """Have a saver write and read with another serializer from its next call on; returns the saver.

    For savers of ``from_conn_string``, which takes no ``serde``. What it wrote before is read as
    long as the serializer reads it; those of ``statemeter.serializers`` do. Call it before the
    saver is used by other threads.

    Raises:
        NotAdoptable: this is no saver, or one that is built on a serializer of its own.
    """
    if not isinstance(saver, BaseCheckpointSaver):
        raise NotAdoptable(
            f"adopt() was given {type(saver).__name__}, which is no saver of checkpoints: give "
            "it what goes into compile(checkpointer=…)."
        )
    if not isinstance(serializer, SerializerProtocol):
        raise NotAdoptable(
            f"adopt() was given {type(serializer).__name__} for a serializer: it needs "
            "dumps_typed() and loads_typed()."
        )
    fixed = packages.find(type(saver), _FIXED, "")
    if fixed:
        raise NotAdoptable(
            f"{type(saver).__name__} is built on {fixed}: it keeps checkpoints as documents of "
            "RedisJSON, which no other serializer writes. It cannot take "
            f"{type(serializer).__name__}."
        )
    target: Any = saver
    target.serde = maybe_add_typed_methods(serializer)
    if subclass.is_instrumented(saver):
        savers.measure_serializer(target)
    return saver
