"""Checkpoints of an InMemorySaver: asked of the process that holds them, see statemeter.control."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
import uuid
from collections.abc import Collection
from pathlib import Path

import msgspec

from collector.inspection.errors import CouldNotLook
from collector.viewer.raw import Blob, Found, Pending, Replay

FOLDER = "control"
WAIT_SECONDS = 8.0
"""The process looks once a second; a busy one takes longer."""
_POLL_SECONDS = 0.02
_LINE_BYTES = 20_000_000
_MOST_BYTES = 100_000_000
_NAME = re.compile(r"[0-9a-f]{32}")

HOW = (
    "An InMemorySaver's values are in its process alone, which hands none out: start it with "
    "STATEMETER_SHOW_VALUES=1 (and without STATEMETER_CONTROL=0)."
)
ENDED = "The process ended, and what its InMemorySaver held is gone with it."
GONE = "Its process holds this InMemorySaver no longer, and what it held is gone with it."
SILENT = (
    f"The process did not answer within {WAIT_SECONDS:.0f} s: it ended, or is too busy. Try again "
    "in a moment."
)


class _Part(msgspec.Struct):
    """One blob that an answer tells of."""

    kind: str
    type: str
    size: int
    sent: int
    name: str = ""
    parent: str = ""
    channel: str = ""
    channels: list[str] = []
    task: str = ""
    path: str = ""
    index: int = 0


class _Line(msgspec.Struct):
    """The first line of an answer."""

    problem: str = ""
    parts: list[_Part] = []
    complete: bool = True


_decode = msgspec.json.Decoder(_Line).decode


class Reader:
    """See ``raw.Reader``.

    Args:
        spool: folder of the spool.
        key: of the saver.
        incarnations: processes that may hold it, alive as far as is known.
    """

    def __init__(self, spool: Path, key: str, incarnations: Collection[str]) -> None:
        if not incarnations:
            raise CouldNotLook(ENDED)
        self._key = key
        folders = [spool / FOLDER / name for name in incarnations if _NAME.fullmatch(name)]
        self._folders = [folder for folder in folders if folder.is_dir()]
        if not self._folders:
            raise CouldNotLook(HOW)

    def find(
        self, thread: str, ns: str, checkpoint: str, channels: Collection[str] | None
    ) -> Found | None:
        asked = {
            "saver": self._key, "thread": thread, "ns": ns, "checkpoint": checkpoint,
            "channels": None if channels is None else list(channels),
        }  # fmt: skip
        for folder in self._folders:
            line, contents = _ask(folder, msgspec.json.encode(asked))
            if line.problem == "saver":
                continue  # another process of the application holds it
            if line.problem == "checkpoint":
                return None
            if line.problem == "values":
                raise CouldNotLook(HOW)
            if line.problem:
                raise CouldNotLook("The process runs another version of Statemeter.")
            return _found(line, contents)
        raise CouldNotLook(GONE)


def _ask(folder: Path, data: bytes) -> tuple[_Line, bytes]:
    name = uuid.uuid4().hex
    new, asked = folder / f"{name}.new", folder / f"{name}.ask"
    answer = folder / f"{name}.answer"
    try:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        new.replace(asked)
        ends = time.monotonic() + WAIT_SECONDS
        while not answer.exists():
            if time.monotonic() > ends or not folder.is_dir():
                raise CouldNotLook(SILENT if folder.is_dir() else ENDED)
            time.sleep(_POLL_SECONDS)
        return _read(answer)
    except FileNotFoundError:
        raise CouldNotLook(ENDED) from None
    except OSError as error:
        raise CouldNotLook(
            f"{folder} cannot be used ({error.strerror}). Look as the user that the application "
            "runs as."
        ) from None
    finally:
        for path in (new, asked, answer):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[_Line, bytes]:
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            raise CouldNotLook("The answer of the process cannot be used: it is no small file.")
        try:
            line = _decode(file.readline(_LINE_BYTES))
        except msgspec.MsgspecError:
            raise CouldNotLook("The process runs another version of Statemeter.") from None
        return line, file.read()


def _found(line: _Line, contents: bytes) -> Found:
    found = Found("", "", Blob("", -1), Blob("", -1), more_writes=not line.complete)
    found.replays = {}
    at = 0
    for part in line.parts:
        blob = Blob(part.type, part.size, contents[at : at + part.sent])
        at += part.sent
        replay = found.replays.setdefault(part.channel, Replay()) if part.channel else Replay()
        if part.kind == "checkpoint":
            found.checkpoint, found.parent, found.document = part.name, part.parent, blob
        elif part.kind == "metadata":
            found.metadata = blob
        elif part.kind == "channel":
            found.channels[part.channel] = blob
        elif part.kind == "write":
            pending = Pending(part.task, part.path, part.index, part.channel, blob)
            found.writes.append(pending)
        elif part.kind == "ancestor":
            for channel in part.channels:
                found.replays.setdefault(channel, Replay()).ancestors += 1
        elif part.kind == "replay":
            replay.writes.append(blob)
        elif part.kind == "seed":
            replay.seed = blob
    return _with_replays(found, line.complete)


def _with_replays(found: Found, complete: bool) -> Found:
    """Only of channels that are not there; oldest write first, as they were told newest first."""
    assert found.replays is not None
    found.replays = {
        channel: replay
        for channel, replay in found.replays.items()
        if replay.ancestors and channel not in found.channels
    }
    for replay in found.replays.values():
        replay.writes.reverse()
        replay.complete = complete
    return found
