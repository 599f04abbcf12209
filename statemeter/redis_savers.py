"""Savers that write into Redis or Valkey: what of it is told, and in which bytes.

RedisSaver and its relatives write a JSON document for each checkpoint, which is what their own
serializer made, and a JSON document for each pending write, whose value is base64 inside it.
ValkeySaver writes strings: document, metadata and the values of writes are base64 inside JSON.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from statemeter import faults, hints, json_sizes, notes, puts, records
from statemeter.calls import CALL, INFO, Call, clock


def base64_bytes(size: int) -> int:
    """Bytes of the base64 of so many bytes."""
    return (size + 2) // 3 * 4


def note_put(config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
    """Of a saver that serializes a copy of the checkpoint: what is not metadata is the document."""
    return (*notes.put(config, checkpoint, metadata, new_versions), id(metadata))


def put(seq: int, call: Call) -> tuple[Any, ...]:
    """The ``Put`` event of RedisSaver and its relatives."""
    *names, metadata = call.names
    call.names = tuple(names)
    added = 0
    for at in range(0, len(call.dumps), 2):
        if call.dumps[at] != metadata:
            call.dumps[at] = names[0]
            added = _added(call.dumps[at + 1])
            break
    return puts.put_in_python(seq, call, added=added)


def _added(dump: tuple[Any, ...]) -> int:
    """Bytes that the saver adds to a document after its serializer (``_dump_checkpoint``).

    It names the serializer, empties ``pending_sends`` and makes strings of versions. What it does
    to the bytes of msgpack, which it takes where values hold ``bytes``, is not known.
    """
    tag, blob = dump[:2]
    if tag != "json":
        return 0
    names = len('"type":"json",')
    sends = len(',"pending_sends":[]')
    parts = json_sizes.parts_of(blob) if blob is not None else {}
    if "pending_sends" in parts:
        sends = len("[]") - len(parts["pending_sends"])
    versions = json_sizes.parts_of(parts.get("channel_versions", b""))
    numbers = sum(not bytes(version).startswith(b'"') for version in versions.values())
    return names + sends + len('""') * numbers


writes = functools.partial(records.writes_in_python, held=base64_bytes)
"""The ``Writes`` event of all of them."""

valkey_put = functools.partial(puts.put_in_python, held=base64_bytes)
"""The ``Put`` event of ValkeySaver."""


def methods(cls: Any) -> dict[str, Any]:
    """What RedisSaver and its relatives have beyond the methods of every saver.

    A checkpoint that is read passes ``loads_typed`` by: the client of Redis parses it, and the
    saver goes through its values and has the serializer make objects of them. That is timed; which
    bytes were read cannot be seen. ``setup`` is where a server without modules shows.
    """
    made: dict[str, Any] = {}
    if hasattr(cls, "_recursive_deserialize") and not hasattr(cls, "__del__"):
        made["_recursive_deserialize"] = _timed(cls)
    for name in ("setup", "asetup"):
        method = getattr(cls, name, None)
        if method is not None:
            is_async = name == "asetup" or hasattr(cls, "asetup")
            made[name] = _asetup(method) if is_async else _setup(method)
    return made


def _timed(cls: Any) -> Callable[..., Any]:
    revive = cls._recursive_deserialize

    def _recursive_deserialize(self: Any, obj: Any) -> Any:
        twin = _bare(cls, self)
        start = clock()
        value = revive(self if twin is None else twin, obj)
        _add_serde(clock() - start)
        return value

    return _recursive_deserialize


@faults.guarded
def _bare(cls: Any, saver: Any) -> Any:
    """A saver with the same attributes that nobody measures: what goes through a value calls itself
    for each part, and the way through the probe would take as long as the work."""
    twin = object.__new__(cls)
    twin.__dict__ = saver.__dict__
    return twin


@faults.guarded
def _add_serde(duration_ns: int) -> None:
    call = CALL.get()
    if call is not None and call.token is not None:
        call.serde_ns += duration_ns


@faults.guarded
def _explain(saver: Any, error: Exception) -> None:
    hints.tell(saver.__dict__.get(INFO), error)


def _setup(method: Any) -> Callable[..., Any]:
    def setup(self: Any, *given: Any, **named: Any) -> Any:
        try:
            return method(self, *given, **named)
        except Exception as error:
            _explain(self, error)
            raise

    return setup


def _asetup(method: Any) -> Callable[..., Any]:
    async def asetup(self: Any, *given: Any, **named: Any) -> Any:
        try:
            return await method(self, *given, **named)
        except Exception as error:
            _explain(self, error)
            raise

    return asetup
