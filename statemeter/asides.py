"""What savers write past their serializer, in bytes. On the probe's thread, like ``puts``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(slots=True)
class Aside:
    """Sizes of what a ``put`` wrote past the serializer; -1: it went through it, or is unknown."""

    metadata_bytes: int = -1
    document_bytes: int = -1
    bookkeeping_bytes: int = -1
    inline: dict[str, int] = field(default_factory=dict)
    """Channels whose values lie inside the document, and nowhere else."""


def json_metadata(given: Any) -> Aside:
    """Metadata as SqliteSaver writes it: JSON in the letters of the application."""
    prepare = sys.modules["langgraph.checkpoint.base"].get_checkpoint_metadata
    try:
        text = json.dumps(prepare(*given), ensure_ascii=False)
    except (TypeError, ValueError):  # the saver failed at it, too
        return Aside()
    return Aside(len(text.encode("utf-8", "ignore")))


def jsonb(given: Any) -> Aside:
    """Document and metadata as PostgreSQL writes out what it stored as ``jsonb``.

    That is ``octet_length(value::text)``: ``", "`` between parts and ``": "`` after keys, as Python
    does, every letter as itself, and numbers without exponents (``1e-07`` → ``0.0000001``).
    """
    text, snapshots, large, config, metadata = given
    base = sys.modules["langgraph.checkpoint.base"]
    prepare = getattr(base, "get_serializable_checkpoint_metadata", base.get_checkpoint_metadata)
    try:
        found = Aside(_size(_parsed(json.dumps(prepare(config, metadata)))))
        document = _parsed(text)
    except (TypeError, ValueError):  # the saver failed at it, too
        return Aside()
    values = document.pop("channel_values", None)
    sizes = {key: _size(part) for key, part in document.items()}
    found.bookkeeping_bytes = sum(
        sizes[key] + len(key) + len('"": ')
        for key in ("channel_versions", "versions_seen")
        if key in sizes
    )
    if values is not None:
        inside = {channel: _size(value) for channel, value in values.items()} | large
        sizes["channel_values"] = _map_size(inside)
        found.inline = {name: size for name, size in inside.items() if name not in snapshots}
    found.document_bytes = _map_size(sizes)
    return found


def jsonb_size(text: bytes) -> int:
    """The same of one value, given the JSON that was sent. Raises ValueError where it is none."""
    return _size(_parsed(text))


def _map_size(sizes: dict[str, int]) -> int:
    """Of a map, from the sizes of its values."""
    keys = sum(map(_size, sizes)) + len(": ") * len(sizes)
    return len("{}") + keys + sum(sizes.values()) + len(", ") * max(0, len(sizes) - 1)


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "ignore"))


def _parsed(text: str | bytes) -> Any:
    return json.loads(text, parse_float=_as_long)


def _as_long(number: str) -> int:
    """An integer with as many digits as PostgreSQL's ``numeric`` takes to write a float."""
    plain = f"{Decimal(repr(float(number))):f}"
    if float(number) == 0:
        plain = plain.removeprefix("-")
    return int(10 ** (len(plain) - 1))
