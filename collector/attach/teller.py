"""What a reader tells: records in the spool, as a probe writes them, and never too many.

Nothing is dropped: the reader waits while much of what it told is not stored yet, or while the
spool has little room. Its segments begin with the key of the database, so that a reader that
follows one that was killed knows what of that is still to be stored.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from collector.alive import created_us
from collector.processes import ATTACHED
from statemeter import settings
from statemeter.spool import SpoolWriter, line, spool_size

WAITING_BYTES = 32 * settings.MB
"""Most of its own that may wait to be stored."""
SPOOL_SHARE = 0.5
"""Of the whole spool: the rest is for probes, which lose what finds no room."""
SEGMENT_BYTES = 4 * settings.MB
LOOK_SECONDS = 0.05


class Stopped(Exception):
    """The reader is to end."""


class Teller:
    """The segments of one reader."""

    def __init__(
        self, folder: Path, key: str, application: str, stopped: Callable[[], bool]
    ) -> None:
        self._key = key
        self._application = application
        self._stopped = stopped
        self._folder = folder
        spool_bytes = int(settings.get("STATEMETER_SPOOL_MB") * settings.MB)
        segment_bytes = int(settings.get("STATEMETER_SEGMENT_MB") * settings.MB)
        self._most_bytes = min(WAITING_BYTES, int(spool_bytes * SPOOL_SHARE / 4))
        self._spool_bytes = int(spool_bytes * SPOOL_SHARE)
        # Its own limit is the smaller one: the writer never finds the spool full.
        self._writer = SpoolWriter(
            folder, key + uuid.uuid4().hex[len(key) :],
            min(segment_bytes, SEGMENT_BYTES, self._most_bytes // 2), spool_bytes,
        )  # fmt: skip
        self._seq = 0
        self._waiting: list[tuple[Any, ...]] = []
        self.introductions: list[tuple[Any, ...]] = []
        """Events without numbers and times that each segment begins with, after the process."""

    def tell(self, tag: str, *fields: Any) -> None:
        """Tell an event, its number and time apart; it is written by ``flush``."""
        self._waiting.append((tag, *fields))

    def flush(self) -> None:
        """Write what was told, when there is room for it.

        Raises:
            Stopped: the reader is to end; what could not be written will be found again.
        """
        if not self._waiting:
            return
        self._wait_for_room()
        lines: list[bytes] | None = None
        while lines is None or lines:
            try:
                if not self._writer.is_open or self._writer.is_lost():
                    self._begin()
                if lines is None:
                    waiting, self._waiting = self._waiting, []
                    lines = [one for told in waiting if (one := self._line(told))]
                del lines[: self._writer.write(lines)]
                if self._writer.is_full():
                    self.seal(final=0)
            except OSError:  # no room on the disk, no folder: as long as it takes
                self._writer.close()
            if lines or lines is None:
                self._sleep()

    def seal(self, final: int) -> None:
        """End the segment."""
        if self._writer.is_open:
            self._writer.write([self._line(("seal", final))])
            self._writer.close()

    def wait_for_others(self, seconds: float) -> None:
        """Wait until nothing is left of earlier readers, so that their position is known."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(
            self._writer.incarnation not in name for name, _ in self._own()
        ):
            self._sleep()

    def _begin(self) -> None:
        self._writer.close()
        self._writer.open()
        pid = os.getpid()
        process = (
            "process", self._application, socket.gethostname(), pid, created_us(pid) or 0, "", "",
            "", ATTACHED,
        )  # fmt: skip
        self._writer.write([self._line(told) for told in (process, *self.introductions)])

    def _line(self, told: tuple[Any, ...]) -> bytes:
        """The record of an event, with the next number; empty where it cannot be one."""
        tag, *fields = told
        found = line((tag, self._seq + 1, time.time_ns() // 1000, *fields))
        if found:  # else ids of thousands of characters: no store could show them
            self._seq += 1
        return found

    def _wait_for_room(self) -> None:
        while True:
            waiting = sum(size for _, size in self._own())
            if waiting < self._most_bytes and self._spool() < self._spool_bytes:
                return
            if self._writer.is_open and waiting >= self._most_bytes:
                self.seal(final=0)  # so that it can be deleted
            self._sleep()

    def _spool(self) -> int:
        try:
            return spool_size(self._folder)
        except OSError:
            return 0

    def _own(self) -> Iterator[tuple[str, int]]:
        """Name and bytes of each segment of readers of this database."""
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.startswith(self._key) and entry.name.endswith(".spool"):
                        try:
                            yield entry.name, entry.stat().st_size
                        except OSError:  # it was deleted meanwhile
                            continue
        except OSError:
            return

    def _sleep(self) -> None:
        if self._stopped():
            raise Stopped
        time.sleep(LOOK_SECONDS)
