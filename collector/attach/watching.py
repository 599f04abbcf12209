"""Progress of a database that was just attached, on standard error, until its history is read.

Where no collector works on the store, one is run meanwhile, as a child.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from os import getpid
from pathlib import Path

from sqlalchemy import Engine, text

from collector.errors import CollectorError
from collector.inspection.child import environment
from collector.inspection.limits import MB
from storage import queries_sources
from storage.errors import StoreMissing
from storage.queries_sources import Attached
from storage.sources import Source
from storage.store import open_reader

LOOK_SECONDS = 0.1
LINE_SECONDS = 5.0
"""Between lines where they are not written over each other: no terminal."""
END_SECONDS = 10.0


class CannotBeRead(CollectorError):
    """What the reader told."""


@contextmanager
def collecting(store: str, spool: Path) -> Iterator[subprocess.Popen[bytes] | None]:
    """Run a collector, unless one works on the store already: then None."""
    if _lease_is_held(store):
        yield None
        return
    child = subprocess.Popen(  # noqa: S603 (a module of ours)
        [
            sys.executable, "-m", "collector", "--store", store, "--spool", str(spool),
            "--parent", str(getpid()),
        ],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()


def watch(store: str, source: Source, child: subprocess.Popen[bytes] | None) -> Attached:
    """Wait until all that is there now is read and stored, with lines that tell how far it is.

    Raises:
        CannotBeRead: something is wrong with the database, or with the collector.
    """
    shown = Progress()
    while True:
        if child is not None and child.poll() is not None:
            raise CannotBeRead(
                f"The collector ended (exit code {child.returncode}): run python -m collector to "
                "see why."
            )
        told = _told(store, source.key)
        if told is not None and told.added_us == source.created_us:
            if told.problem:
                raise CannotBeRead(told.problem)
            if told.phase == "following" and told.updated_us >= source.created_us:
                shown.end()
                return told
            shown.show(line(told))
        time.sleep(LOOK_SECONDS)


def wait_until_gone(store: str, key: str) -> None:
    """Wait until the collector knows that it is detached, for some seconds."""
    end = time.monotonic() + END_SECONDS
    while time.monotonic() < end:
        told = _told(store, key)
        if told is None or told.removed_us:
            return
        time.sleep(LOOK_SECONDS)


class Progress:
    """Lines on standard error: one written over and over on a terminal, else now and then."""

    def __init__(self) -> None:
        self._over = sys.stderr.isatty()
        self._next = 0.0
        self._width = 0

    def show(self, text: str) -> None:
        """Show a line, if it is time."""
        now = time.monotonic()
        if self._over:
            sys.stderr.write(f"\r{text.ljust(self._width)}")
            self._width = len(text)
        elif now >= self._next:
            self._next = now + LINE_SECONDS
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Go to the next line."""
        if self._over and self._width:
            sys.stderr.write("\n")


def line(told: Attached) -> str:
    """How far it is: checkpoints, speed, time that is left."""
    if told.phase == "waiting":
        return "waiting for the collector"
    parts = [f"{told.done_checkpoints:,}"]
    if told.total_checkpoints:
        parts.append(f"of {told.total_checkpoints:,}")
    parts.append(f"checkpoints, {told.done_bytes / MB:,.0f} MB")
    if told.share is not None:
        parts.append(f"({told.share:.0%})")
    if told.bytes_per_second:
        parts.append(f"{told.bytes_per_second / MB:,.0f} MB/s")
    if told.left_us is not None:
        minutes, seconds = divmod(round(told.left_us / 1e6), 60)
        parts.append(f"{minutes}:{seconds:02} left")
    return " ".join(parts)


def _told(store: str, key: str) -> Attached | None:
    try:
        engine = open_reader(store)
    except StoreMissing:
        return None
    try:
        return next((one for one in queries_sources.attached(engine) if one.key == key), None)
    finally:
        engine.dispose()


def _lease_is_held(store: str) -> bool:
    try:
        engine: Engine = open_reader(store)
    except StoreMissing:
        return False
    try:
        with engine.connect() as connection:
            expires = connection.execute(text("SELECT max(expires_us) FROM collector")).scalar()
    finally:
        engine.dispose()
    return (expires or 0) > time.time_ns() // 1000
