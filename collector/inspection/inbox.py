"""How an inspection reaches the store: a file in the folder ``inspections`` of the spool.

Only the collector writes the store, under its lease: two connections that write at once can damage
a SQLite file (the WAL-reset bug of SQLite up to 3.51.2), and a store may be on another machine than
the command. A file that is complete has its final name; it is deleted once it is stored.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from storage import files, inspections
from storage.inspections import Inspection

FOLDER = "inspections"
MAX_BYTES = 1_000_000
MAX_FILES = 100
"""Most files taken at once."""

_NAME = re.compile(r"[0-9a-f]{32}\.json")


def hand_over(spool: Path, found: Inspection) -> Path:
    """Leave an inspection for the collector.

    Raises:
        OSError: the folder cannot be written.
    """
    path = spool / FOLDER / f"{found.id}.json"
    files.write(path, inspections.encode(found))
    return path


def waiting(spool: Path) -> Iterator[tuple[Path, Inspection | None]]:
    """What waits, at most ``MAX_FILES``; None: the file cannot be understood."""
    with contextlib.suppress(OSError), os.scandir(spool / FOLDER) as entries:
        names = sorted(entry.name for entry in entries if _NAME.fullmatch(entry.name))
        for name in names[:MAX_FILES]:
            path = spool / FOLDER / name
            with contextlib.suppress(OSError):
                yield path, _read(path)


def _read(path: Path) -> Inspection | None:
    try:
        return inspections.decode(files.read(path, MAX_BYTES))
    except (msgspec.DecodeError, ValueError):
        return None
