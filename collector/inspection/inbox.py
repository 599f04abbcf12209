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

from storage import inspections
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
    folder = spool / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{found.id}.json"
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(inspections.encode(found))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
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
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    try:
        return inspections.decode(data) if len(data) <= MAX_BYTES else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
