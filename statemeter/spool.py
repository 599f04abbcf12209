"""The spool as the probe writes it: segments of checked records, appended and never changed.

See ``statemeter.events`` for the format. The writer holds an exclusive ``flock`` on its open
segment, so that a reader can tell a segment whose writer is gone. All methods are called under
the probe's drain lock; an ``OSError`` leaves the writer usable and what it was given unwritten.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from statemeter import events, fast, faults

try:
    import fcntl
except ImportError:  # Windows: a dead writer is told by its process there
    fcntl = None  # type: ignore[assignment]

Introduce = Callable[[], list[bytes]]

NAME_CHARACTERS = 512
"""Longest identifier that is told; a longer one keeps its beginning and tells its length."""


_crc32, _encode, _MOST = zlib.crc32, events.encode, events.RECORD_MAX_BYTES


class SpoolFull(OSError):
    """The whole spool is larger than ``STATEMETER_SPOOL_MB``."""


def record(payload: bytes) -> bytes:
    """A line of a segment for a JSON payload."""
    return b"%08x %b\n" % (_crc32(payload), payload)


def line(fields: tuple[Any, ...]) -> bytes:
    """The record of an event: as it is, else with its names tamed; empty where even that is longer
    than a record may be."""
    try:
        whole: bytes | None = _IN_C["line"](fields)
        if whole is not None:
            return whole
    except Exception:
        faults.fault("line in C")
    return line_in_python(fields)


def line_in_python(fields: tuple[Any, ...]) -> bytes:
    """``line`` without C."""
    try:
        whole = record(_encode(fields))
        if len(whole) <= _MOST:
            return whole
    except UnicodeEncodeError:
        pass
    whole = record(_encode(tame(fields)))
    return whole if len(whole) <= events.RECORD_MAX_BYTES else b""


_IN_C = fast.IN_C if "line" in fast.IN_C else {"line": lambda fields: None}


def tame(value: Any) -> Any:
    """The fields of an event with names cut to length and lone surrogates replaced.

    LangGraph takes any string as an identifier; this is the second try, after one did not fit.
    """
    if isinstance(value, str):
        if len(value) > NAME_CHARACTERS:
            value = f"{value[:NAME_CHARACTERS]}… ({len(value)} characters)"
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {tame(k): tame(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [tame(v) for v in value]
    return value


class SpoolWriter:
    """The segments of one incarnation of a process."""

    def __init__(
        self, folder: Path, incarnation: str, segment_bytes: int, spool_bytes: int
    ) -> None:
        self.folder = folder
        self.incarnation = incarnation
        self.segment_bytes = segment_bytes
        self.spool_bytes = spool_bytes
        self.segments = 0
        self.written_bytes = 0
        self._fd: int | None = None
        self._path: Path | None = None
        self._size = 0
        self._torn = b""

    @property
    def is_open(self) -> bool:
        """Whether a segment is open: a new one wants the process introduced."""
        return self._fd is not None

    def open(self) -> None:
        """Begin the next segment.

        Raises:
            SpoolFull: the spool has reached its size.
            OSError: the folder cannot be made or written.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if spool_size(self.folder) >= self.spool_bytes:
            raise SpoolFull(f"{self.folder} holds STATEMETER_SPOOL_MB or more")
        name = f"{self.incarnation}-{self.segments + 1:06}.v{events.FORMAT}.spool"
        path = self.folder / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        fd = os.open(path, flags, 0o600)
        if fcntl is not None:
            with contextlib.suppress(OSError):  # some network file systems have no locks
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._fd, self._path, self._size, self._torn = fd, path, 0, b""
        self.segments += 1

    def write(self, records: list[bytes]) -> int:
        """Append records; returns how many are on the file whole, all of them or fewer.

        The rest has to be given again. What follows a torn record begins on a line of its own, so
        that it harms no other; one that lacks nothing but its LF gets that, and is not repeated.
        """
        assert self._fd is not None
        lines = records
        if self._torn and records:
            finished = self._torn == records[0][:-1]
            lines = [b"\n" if finished else b"\n" + records[0], *records[1:]]
        data = b"".join(lines)
        done = 0
        try:
            while done < len(data):
                done += os.write(self._fd, data[done:] if done else data)
        except OSError:
            if not done:
                return 0
        self._size += done
        self.written_bytes += done
        if done == len(data):
            self._torn = b""
            return len(records)
        whole = 0
        for line in lines:
            if done < len(line):
                break
            done -= len(line)
            whole += 1
        self._torn = lines[whole][:done].lstrip(b"\n")
        return whole

    def is_full(self) -> bool:
        """Whether the segment has reached its size."""
        return self._size >= self.segment_bytes

    def is_lost(self) -> bool:
        """Whether somebody removed the open segment, so that nobody can read what is written."""
        if self._fd is None:
            return False
        return os.fstat(self._fd).st_nlink == 0

    def spool_is_full(self) -> bool:
        """Whether all segments of all processes together have reached their size."""
        return spool_size(self.folder) >= self.spool_bytes

    def close(self) -> None:
        """Close the segment; the lock goes with it."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError):
                os.close(fd)


def spool_size(folder: Path) -> int:
    """Bytes of all segments in a folder."""
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".spool"):
                with contextlib.suppress(OSError):  # the collector may delete it meanwhile
                    total += entry.stat().st_size
    return total
