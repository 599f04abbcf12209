"""What a collector and the process that looks for it tell each other: frames on two pipes.

A frame is its length, four bytes, and a message in MessagePack. Both ends are of one version.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import msgspec

_LENGTH = struct.Struct("<I")
_encode = msgspec.msgpack.Encoder().encode

NOTHING = msgspec.Raw(_encode(None))
"""The outcome of a look that saw nothing."""


class Task(msgspec.Struct):
    """What the process is to do, again and again."""

    name: str
    looks: str
    """``module:class`` of a ``collector.watcher.Looks``."""
    every_seconds: float


class Begin(msgspec.Struct):
    """The first message to the process."""

    url: str
    """Of the store."""
    tasks: list[Task]


class Go(msgspec.Struct):
    """To the process: look again; what was seen is stored, or it was not and is to be forgotten."""

    name: str
    stored: bool


class Saw(msgspec.Struct):
    """From the process: what one look saw."""

    name: str
    outcome: msgspec.Raw


read_begin = msgspec.msgpack.Decoder(Begin).decode
read_go = msgspec.msgpack.Decoder(Go).decode
read_saw = msgspec.msgpack.Decoder(Saw).decode


def write(pipe: BinaryIO, message: Begin | Go | Saw) -> None:
    """Send a message.

    Raises:
        OSError: the other end is gone.
    """
    body = _encode(message)
    pipe.write(_LENGTH.pack(len(body)) + body)
    pipe.flush()


def read(pipe: BinaryIO) -> bytes | None:
    """Wait for a message; None: the other end is gone."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = pipe.read(length)
    return body if len(body) == length else None


def raw(outcome: Any) -> msgspec.Raw:
    """An outcome as it is sent."""
    return NOTHING if outcome is None else msgspec.Raw(_encode(outcome))
