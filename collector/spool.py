"""The spool as the collector sees it: which segments there are, and which of them are dead.

See ``statemeter.events`` for names and format. A segment is told by the UUID in its name, never by
an inode.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from statemeter import events

try:
    import fcntl
except ImportError:  # Windows: a dead writer is told by its process alone
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"([0-9a-f]{32})-(\d{6,9})\.v(\d{1,6})\.spool")


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A segment on disk."""

    path: str
    incarnation: str
    number: int
    size: int
    """Bytes."""
    modified: float
    """Seconds since 1970."""


@dataclass(slots=True)
class Listing:
    """What a spool folder holds."""

    segments: list[SegmentFile] = field(default_factory=list)
    """Of a format that this version reads; of one incarnation in the order of their numbers."""
    newer: list[str] = field(default_factory=list)
    """Names of segments that a newer probe wrote."""


def scan(folder: Path) -> Listing:
    """List the segments of a spool; files of other names are none of ours.

    Raises:
        OSError: the folder is missing or cannot be read.
    """
    listing = Listing()
    with os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match is None:
                continue
            if int(match[3]) > events.FORMAT:
                listing.newer.append(entry.name)
                continue
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                stat = entry.stat()
                listing.segments.append(
                    SegmentFile(entry.path, match[1], int(match[2]), stat.st_size, stat.st_mtime)
                )
    listing.segments.sort(key=lambda segment: (segment.incarnation, segment.number))
    return listing


def has_writer(file: SegmentFile) -> bool | None:
    """Whether a process holds the lock of the segment, as its writer does while it is open.

    None where the lock cannot tell: on a file system or a system without locks, and on an empty
    file. A writer takes the lock before its first byte, and must not find it taken by us.
    """
    if fcntl is None or not file.size:
        return None
    try:
        fd = os.open(file.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(fd)
    return False
