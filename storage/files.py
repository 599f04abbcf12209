"""Small files that one process leaves for another: whole or not there, for this user alone."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Put a file where it belongs, in place of one that is there; its folder is made.

    The bytes are on disk before the name is: a crash leaves the old file or the new one.

    Raises:
        OSError: the folder or the disk refuses it.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
    try:
        create(new, data)
        new.replace(path)
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)


def create(path: Path, data: bytes) -> None:
    """Write a new file, readable by this user alone, to the disk.

    Raises:
        FileExistsError: there is one.
        OSError: the folder or the disk refuses it.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, most_bytes: int) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: it is not there or cannot be read.
        ValueError: it is longer than it may be.
    """
    with path.open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"{path.name} has more than {most_bytes:,} bytes.")
    return data
