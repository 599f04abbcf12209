"""Which file at the address of the store is ours: only such a file is ever written or moved.

A readable SQLite file is ours when it has our ``application_id``. A file whose header was
overwritten cannot say so any more; a side file ``<store>.id``, made with the store, names its
inode and the least size it had. All of it has to agree before a damaged file counts as ours: a
file that somebody else put in the place is refused.
"""

from __future__ import annotations

import json
import os
from enum import Enum
from pathlib import Path

SQLITE_MAGIC = b"SQLite format 3\x00"
PAGE_BYTES = 8192
"""Page size of a store: the size of an undamaged file is a multiple of it. Bulk inserts are 5 to
10 % faster than with SQLite's default of 4096."""


class Kind(Enum):
    """What lies at the address of the store."""

    ABSENT = "absent"
    """Nothing, or an empty file."""
    SQLITE = "sqlite"
    """A file with the header of SQLite."""
    DAMAGED = "damaged"
    """Our own file with its header gone."""
    FOREIGN = "foreign"
    """Anything else."""


def side_file(path: Path) -> Path:
    """The file beside a store that tells it is ours."""
    return path.with_name(path.name + ".id")


def kind_of(path: Path) -> Kind:
    """Look at the file without opening it as a database.

    Raises:
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE_MAGIC))
            stat = os.fstat(file.fileno())
    except FileNotFoundError:
        return Kind.ABSENT
    if not head:
        return Kind.ABSENT
    if head == SQLITE_MAGIC:
        return Kind.SQLITE
    return Kind.DAMAGED if _described(path, stat) else Kind.FOREIGN


def is_recorded(path: Path) -> bool:
    """Whether the side file speaks of this very file."""
    try:
        return _described(path, path.stat())
    except OSError:
        return False


def record(path: Path) -> None:
    """Write the side file of a store that was just made, its tables on disk."""
    stat = path.stat()
    text = json.dumps(
        {
            "about": "Statemeter made the metrics store beside this file; delete both or neither",
            "inode": stat.st_ino,
            "least_bytes": stat.st_size,
        }
    )
    target = side_file(path)
    new = target.with_name(target.name + f".{os.getpid()}")
    new.write_text(text)
    new.chmod(0o600)
    new.replace(target)


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return None


def _described(path: Path, stat: os.stat_result) -> bool:
    try:
        known = json.loads(_text_of(side_file(path)) or "null")
        return (
            int(known["inode"]) == stat.st_ino
            and int(known["least_bytes"]) <= stat.st_size
            and stat.st_size % PAGE_BYTES == 0
        )
    except (TypeError, ValueError, KeyError):
        return False
