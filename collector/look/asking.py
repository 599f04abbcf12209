"""One look: the request, the wait, and the answer of the process.

The request is touched once a second for as long as somebody waits: the process ends a look that
nobody waits for, whatever became of whoever asked.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from collector.inspection.errors import CouldNotLook
from collector.look.folders import Whose, is_alive

ANSWER_SECONDS = 60.0
"""Beyond the time of a look itself: for what ends it (censuses, snapshots) in a busy process."""
BUSY_SECONDS = 8.0
"""How long it is tried again while another look is under way."""
TOUCH_SECONDS = 1.0
_POLL_SECONDS = 0.05
_MOST_BYTES = 50_000_000


@contextmanager
def asked(
    folder: Path, whose: Whose, request: dict[str, Any], finish: Callable[[], bool]
) -> Iterator[tuple[dict[str, Any], str]]:
    """What the process answered, and the name that its files begin with, which are there until the
    end.

    Args:
        folder: control folder of the process.
        whose: process.
        request: a ``statemeter.looks.Look``.
        finish: asked some times a second: whether the result is wanted now.

    Raises:
        CouldNotLook: it ended, did not answer, or cannot do it.
    """
    ends = time.monotonic() + BUSY_SECONDS
    while True:
        with _request(folder, whose, request, finish) as (told, name):
            if told.get("problem") != "busy" or time.monotonic() > ends:
                yield told, name
                return
        time.sleep(_POLL_SECONDS * 10)


@contextmanager
def _request(
    folder: Path, whose: Whose, request: dict[str, Any], finish: Callable[[], bool]
) -> Iterator[tuple[dict[str, Any], str]]:
    name = uuid.uuid4().hex
    new, look = folder / f"{name}.new", folder / f"{name}.look"
    answer, now = folder / f"{name}.answer", folder / f"{name}.now"
    try:
        try:
            _write(new, msgspec.json.encode(request))
            new.replace(look)
            _wait(look, answer, now, whose, request["seconds"] + ANSWER_SECONDS, finish)
            told = _read(answer)
        except FileNotFoundError:
            raise CouldNotLook(f"{whose.shown} has ended.") from None
        except OSError as error:
            raise CouldNotLook(
                f"{folder} cannot be used ({error.strerror}). Look as the user that the "
                "application runs as."
            ) from None
        yield told, name
    finally:
        for path in (new, look, now, answer, folder / f"{name}.bin"):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def _wait(  # noqa: PLR0917 (all of one request)
    look: Path, answer: Path, now: Path, whose: Whose, seconds: float, finish: Callable[[], bool]
) -> None:
    ends = time.monotonic() + seconds
    touch = 0.0
    while not answer.exists():
        at = time.monotonic()
        if at > touch:
            touch = at + TOUCH_SECONDS
            with contextlib.suppress(FileNotFoundError):  # the answer is about to be there
                os.utime(look)
            if not is_alive(whose):
                raise CouldNotLook(f"{whose.shown} has ended.")
        if at > ends:
            raise CouldNotLook(
                f"{whose.shown} did not answer within {seconds:.0f} s: it is too busy, or stopped."
            )
        if finish() and not now.exists() and look.exists():
            _write(now, b"")
        time.sleep(_POLL_SECONDS)


def _read(path: Path) -> dict[str, Any]:
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            raise CouldNotLook("The answer of the process cannot be used: it is no small file.")
        try:
            told: dict[str, Any] = msgspec.json.decode(file.readline(_MOST_BYTES), type=dict)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise CouldNotLook("The process runs another version of Statemeter.") from None
    return told
