"""Records out of the bytes of a segment; damage costs the records it hits and no other.

A record is a line, so that reading finds its feet again at the next LF. What cannot be taken is a
``Bad`` record with one of these reasons: ``checksum`` (the bytes changed, or were torn), ``torn``
(the writer died within it), ``too_long``, ``json`` (no JSON), ``shape`` (fields missing or of
another type, an unknown event) and ``range`` (a number or character that no store can keep).
"""

from __future__ import annotations

from binascii import hexlify
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from collector.attach.reached import AnyRecord
from statemeter import events

Item = tuple[AnyRecord, Any]
"""An event and, for a ``Put``, its decoded parts."""

NUL = b"\\u0000"
"""How JSON writes the character that databases cut a text at."""


class PutParts(msgspec.Struct, frozen=True, gc=False):
    """The JSON inside a ``Put``, decoded, and as it came."""

    channels: dict[str, int | None]
    changed: list[str] | None
    """None: all in ``channels``."""
    elements: dict[str, int]
    """Element count of list channels."""
    channels_json: str
    changed_json: str
    lists_json: str


class Bad(NamedTuple):
    """A record that cannot be taken."""

    offset: int
    """Of its first byte in what was read."""
    reason: str
    length: int
    """Bytes, LF not counted."""
    record: bytes
    """Its beginning."""


KEPT_BYTES = 4096
"""How much of a bad record is kept."""

_record = msgspec.json.Decoder(AnyRecord).decode
_channels = msgspec.json.Decoder(dict[str, events.Number | None]).decode
_changed = msgspec.json.Decoder(list[str]).decode
_lists = msgspec.json.Decoder(dict[str, tuple[events.Number, list[Any]]]).decode
_NO_ELEMENTS: dict[str, int] = {}


def bad(offset: int, reason: str, record: bytes, length: int | None = None) -> Bad:
    """A bad record of which ``record`` is at least the beginning."""
    return Bad(offset, reason, len(record) if length is None else length, record[:KEPT_BYTES])


def take(data: bytes, limit: int) -> tuple[list[Item], list[Bad], int]:
    """The items of up to ``limit`` lines, the bad records, and how many bytes these lines were.

    Args:
        data: ends with LF.
        limit: most lines to take.
    """
    lines = data.split(b"\n", limit)
    lines.pop()  # what follows the last LF looked at
    items: list[Item] = []
    rejected: list[Bad] = []
    offset = 0
    decode = _record
    may_have_nul = NUL in data
    longest = events.RECORD_MAX_BYTES - 1
    for line in lines:
        payload = line[9:]
        if line[:9] == hexlify(crc32(payload).to_bytes(4)) + b" " and len(line) <= longest:
            try:
                event = decode(payload)
                if may_have_nul:
                    _refuse_nul(payload)
                items.append((event, _parts(event) if isinstance(event, events.Put) else None))
            except (msgspec.DecodeError, ValueError) as error:
                rejected.append(bad(offset, _reason(error), line))
        elif line:  # an empty line only ends a torn one
            too_long = len(line) > longest
            rejected.append(bad(offset, "too_long" if too_long else "checksum", line))
        offset += len(line) + 1
    return items, rejected, offset


def _parts(event: events.Put) -> PutParts:
    channels, changed = str(event.channels, "utf-8"), str(event.changed, "utf-8")
    lists = str(event.lists, "utf-8")
    return PutParts(
        _channels(channels),
        None if changed == "0" else _changed(changed),
        _NO_ELEMENTS if lists == "{}" else {c: known[0] for c, known in _lists(lists).items()},
        channels, changed, lists,
    )  # fmt: skip


def _refuse_nul(payload: bytes) -> None:
    if NUL in payload.replace(b"\\\\", b""):  # not a backslash, then the text u0000
        raise ValueError("NUL")


def _reason(error: Exception) -> str:
    if isinstance(error, msgspec.ValidationError):
        text = str(error)
        return "range" if text.startswith(("Expected `int` <=", "Expected `int` >=")) else "shape"
    return "json" if isinstance(error, msgspec.DecodeError) else "range"
