"""Who holds the locks of a SQLite file in WAL mode, by asking the system: nothing is locked.

SQLite keeps its locks on bytes of the ``-shm`` file (https://sqlite.org/walformat.html, 2.3: the
write lock is byte 120, those of readers are bytes 123 to 127). Closing any descriptor of a file
ends all locks that the *same process* has there, so this goes before the database is opened, in a
process that does not use it.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from pathlib import Path

from collector.inspection.findings import Findings
from collector.inspection.limits import Limits

WRITE_BYTE = 120
READER_BYTES = range(123, 128)

SAMPLES = 20
APART_SECONDS = 0.05
"""A transaction seen in all samples was open for a second: a thousand times the usual."""

_FLOCK = "hhqqi4x"  # struct flock of 64-bit Linux: type, whence, start, length, pid


def check(path: Path, findings: Findings, limits: Limits) -> None:
    """Tell transactions that are open all the while."""
    if not sys.platform.startswith("linux"):
        findings.add("locks", "Locks", status="unknown", why="They can be seen on Linux only.")
        return
    try:
        fd = os.open(f"{path}-shm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        findings.add("locks", "Locks", "none held")  # no process has the file open
        return
    try:
        writers, readers = _watch(fd, limits)
    finally:
        os.close(fd)
    for pid in sorted(writers):
        findings.add(
            "locks.writer", "Open write transaction", _named(pid), subject=str(pid),
            status="warning",
            why="Every other writer waits for it, and gets 'database is locked' after its timeout "
            "(5 s by default). Commit sooner, keep to one saver per process; if it hangs, end it.",
            mend=f"kill -INT {pid}" if pid > 0 else "", language="shell" if pid > 0 else "",
        )  # fmt: skip
    for pid in sorted(readers):
        findings.add(
            "locks.reader", "Open read transaction", _named(pid), subject=str(pid),
            why="While it is open the WAL cannot be emptied, and grows with every write.",
        )  # fmt: skip
    if not writers and not readers:
        findings.add("locks", "Locks", "none held for long")


def _watch(fd: int, limits: Limits) -> tuple[set[int], set[int]]:
    """Processes that were seen writing, and reading, in every sample."""
    writers, readers = _holders(fd)
    for _ in range(SAMPLES - 1):
        if not (writers or readers) or limits.is_over():
            break
        time.sleep(APART_SECONDS)
        writing, reading = _holders(fd)
        writers &= writing
        readers &= reading
    return writers, readers


def _holders(fd: int) -> tuple[set[int], set[int]]:
    writer = _holder(fd, WRITE_BYTE)
    readers = {_holder(fd, byte) for byte in READER_BYTES}
    return {writer} - {0}, readers - {0}


def _holder(fd: int, byte: int) -> int:
    """The process that holds a lock on a byte; 0: none, -1: one of another container."""
    import fcntl  # noqa: PLC0415 (there is none on Windows)

    asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    return 0 if kind == fcntl.F_UNLCK else int(pid) or -1


def _named(pid: int) -> str:
    return f"process {pid}" if pid > 0 else "a process of another container"
