"""Orders: what a visitor changes in the store, left for the collector, which alone writes it.

A file ``<id>.json`` in the folder ``orders`` of the spool; the collector carries it out and removes
it (``collector.orders``). Carrying one out twice changes nothing: a crash may lie between the two.
"""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from storage import files

FOLDER = "orders"
MAX_BYTES = 4_000_000
MAX_FILES = 100
"""Most orders taken at once."""
_NAME = re.compile(r"\d{16}-[0-9a-f]{32}\.json")


class OrderUnwritable(Exception):
    """The spool refuses the file."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One change."""

    kind: str
    """Which one, see ``collector.orders.HANDLERS``."""
    at_us: int
    """When it was asked for: of two that change the same, the later one holds."""
    body: dict[str, Any] = {}
    """As its kind reads it."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Order).decode


def leave(spool: Path, kind: str, body: dict[str, Any]) -> Path:
    """Leave an order for the collector; returns its file, which is gone when it is carried out.

    Raises:
        OrderUnwritable: the spool cannot be written.
    """
    order = Order(kind=kind, at_us=time.time_ns() // 1000, body=body)
    target = spool / FOLDER / f"{order.at_us:016}-{uuid.uuid4().hex}.json"
    try:
        files.write(target, _encode(order))
    except OSError as error:
        raise OrderUnwritable(
            f"{target.parent} cannot be written ({error.strerror}). Set STATEMETER_SPOOL to a "
            "folder that this user may write, on a disk that has room."
        ) from None
    return target


def waiting(spool: Path) -> Iterator[tuple[Path, Order | None]]:
    """What waits, oldest first, at most ``MAX_FILES``; None: the file cannot be understood."""
    folder = spool / FOLDER
    with contextlib.suppress(OSError):
        names = sorted(one.name for one in folder.iterdir() if _NAME.fullmatch(one.name))
        for name in names[:MAX_FILES]:
            try:
                yield folder / name, _decode(files.read(folder / name, MAX_BYTES))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, msgspec.DecodeError):
                yield folder / name, None
