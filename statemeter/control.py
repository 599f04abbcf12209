"""What a process hands out to somebody who looks, unless ``STATEMETER_CONTROL`` is 0 in it.

A request is a file in ``<spool>/control/<incarnation>``; the probe's thread looks for one once a
second, by one ``stat`` of the folder. ``<id>.look`` asks what the memory of the process is made of:
see ``looks``, which has a thread of its own. ``<id>.ask`` asks for values of its InMemorySavers,
and gets them only where ``STATEMETER_SHOW_VALUES`` is 1 in it as well. The answer is
``<id>.answer`` beside the request: a line of JSON; of values, then the blobs that the line tells
of, as the saver holds them. ``process`` tells whose folder it is. The folder is there as long as
the process allows it; it and its files are for this user alone, and what nobody fetches within a
minute is removed.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import re
import stat
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import msgspec
import psutil

from statemeter import held_values
from statemeter.held_values import Ask, Storages
from statemeter.introduction import SaverInfo
from statemeter.looks import Looks

FOLDER = "control"
PROCESS = "process"
"""File that tells whose folder it is: JSON with ``pid``, ``started_us``, ``host``,
``application``."""
LOOK_SECONDS = 1.0
EAGER_SECONDS = 10.0
"""How long after a request the next one is looked for each time: whoever looks goes on looking."""
KEEP_SECONDS = 60.0
"""How long an answer waits for whoever asked."""
ASK_BYTES = 64_000
ANSWER_BYTES = 64_000_000
"""Most bytes of blobs of one answer; of those beyond, the first are sent."""
BLOB_BYTES = 32_000_000
"""The same of one blob."""
HEAD_BYTES = 256
MOST_PARTS = 20_000
_MOST_ASKS = 4  # a look: the rest waits for the next one
_RESTLESS_NS = 2_000_000_000  # a folder changed later than that may change again unseen
_STALE_SECONDS = 600
_MOST_LEFT = 100  # folders that are looked at: the next process looks at more
_NAME = re.compile(r"[0-9a-f]{32}\.(ask|look)")

_ask = msgspec.json.Decoder(Ask).decode

Savers = MutableMapping[int, SaverInfo]
"""Those of the process, by number."""


class Control:
    """The folder of one incarnation, and what was put there."""

    def __init__(
        self,
        spool: Path,
        incarnation: str,
        *,
        allowed: bool,
        values: bool,
        who: Callable[[], dict[str, Any]],
    ) -> None:
        self.folder = spool / FOLDER / incarnation
        self.allowed = allowed
        self.values = values
        self.looks = Looks(self._hand_out)
        self._who = who
        self._seen_ns = 0
        self._next = time.monotonic() + LOOK_SECONDS  # a child of a moment makes no folder
        self._asked = -math.inf
        self._answers: dict[Path, float] = {}
        self._made = False

    def look(self, savers: Savers) -> None:
        """Answer what is asked; on the probe's thread, which calls it some times a second.

        Raises:
            OSError: the folder cannot be made or read.
        """
        now = time.monotonic()
        if not self.allowed or (now < self._next and now - self._asked > EAGER_SECONDS):
            return
        self._next = now + LOOK_SECONDS
        for path in [path for path, until in list(self._answers.items()) if until < now]:
            self._answers.pop(path, None)
            path.unlink(missing_ok=True)
            path.with_suffix(".bin").unlink(missing_ok=True)  # a recording that nobody fetched
        if not self._made and not self._make():
            return
        changed_ns = self._changed_ns()
        if changed_ns == self._seen_ns:
            return
        if time.time_ns() - changed_ns > _RESTLESS_NS:
            self._seen_ns = changed_ns
        self._answer({info.key: info.storages for info in list(savers.values())})

    def _make(self) -> bool:
        """Make the folder, once there is a spool."""
        above = self.folder.parent
        if not above.parent.is_dir():
            return False
        above.mkdir(mode=0o700, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        whose = self.folder / PROCESS
        if not whose.exists():
            _write(whose, msgspec.json.encode(self._who()), [])
        self._made = True
        with os.scandir(above) as entries:
            for other in itertools.islice(entries, _MOST_LEFT):
                _remove_left(Path(other.path))
        return True

    def close(self) -> None:
        """End what is under way, and take the folder away: nobody answers any longer."""
        self.looks.close()
        if self._made:
            with contextlib.suppress(OSError):
                for path in list(self.folder.iterdir()):
                    path.unlink()
                self.folder.rmdir()

    def _changed_ns(self) -> int:
        """When something was put into the folder; as seen before where it is not ours alone."""
        try:
            found = os.lstat(self.folder)
        except FileNotFoundError:
            self._made = False
            return self._seen_ns
        if not stat.S_ISDIR(found.st_mode) or not _is_private(found):
            return self._seen_ns
        return found.st_mtime_ns

    def _answer(self, savers: dict[str, Storages | None]) -> None:
        asked = [name for name in os.listdir(self.folder) if _NAME.fullmatch(name)]
        if len(asked) > _MOST_ASKS:
            self._seen_ns = 0
        for name in asked[:_MOST_ASKS]:
            self._asked = time.monotonic()
            path = self.folder / name
            if self.looks.is_of(path):
                continue
            with contextlib.suppress(OSError):  # a full disk, a link: whoever asked waits in vain
                data = _read(path)
                if data is None:
                    path.unlink()
                elif path.suffix == ".look":
                    self.looks.begin(path, data)
                else:
                    path.unlink()
                    self._hand_out(path, *self._valued(data, savers))

    def _valued(self, data: bytes, savers: dict[str, Storages | None]) -> tuple[bytes, list[bytes]]:
        if not self.values:
            return msgspec.json.encode({"problem": "values"}), []
        return _answer(data, savers)

    def _hand_out(self, path: Path, line: bytes, contents: list[bytes]) -> None:
        """Put an answer beside its request, for a minute."""
        target = path.with_suffix(".answer")
        _write(target, line, contents)
        self._answers[target] = time.monotonic() + KEEP_SECONDS


def _remove_left(folder: Path) -> None:
    """Remove the folder of a process that was killed; one with other files in it stays."""
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > _STALE_SECONDS and _is_left(folder):
            (folder / PROCESS).unlink(missing_ok=True)
            folder.rmdir()


def _is_left(folder: Path) -> bool:
    """Whether the process that a folder belongs to has ended."""
    try:
        told = msgspec.json.decode((folder / PROCESS).read_bytes(), type=dict[str, Any])
        started = psutil.Process(int(told["pid"])).create_time()
        return bool(abs(started - told["started_us"] / 1e6) > 1)
    except (OSError, psutil.NoSuchProcess):
        return True
    except Exception:  # not for us to judge
        return False


def _is_private(found: os.stat_result) -> bool:
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return mine and not (os.name == "posix" and found.st_mode & 0o077)


def _read(path: Path) -> bytes | None:
    """What is asked; None where it is no small file of this user."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        fd = os.open(path, flags)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or not _is_private(found) or found.st_size > ASK_BYTES:
            return None
        return os.read(fd, ASK_BYTES)
    finally:
        os.close(fd)


def _answer(data: bytes, savers: dict[str, Storages | None]) -> tuple[bytes, list[bytes]]:
    """The line that tells of the blobs, and the blobs: references to those of the saver."""
    told: list[dict[str, Any]] = []
    contents: list[bytes] = []
    try:
        asked = _ask(data)
    except msgspec.MsgspecError:
        return msgspec.json.encode({"problem": "asked"}), []
    storages = savers.get(asked.saver)
    if storages is None:
        return msgspec.json.encode({"problem": "saver"}), []
    left = ANSWER_BYTES
    for what, (tag, blob) in held_values.parts(storages, asked):
        if len(told) >= MOST_PARTS:
            break
        sent = len(blob) if len(blob) <= min(left, BLOB_BYTES) else min(len(blob), HEAD_BYTES)
        left -= sent
        told.append({**what, "type": tag, "size": len(blob), "sent": sent})
        contents.append(blob if sent == len(blob) else blob[:sent])
    complete = len(told) < MOST_PARTS
    problem = "" if told else "checkpoint"
    line = {"problem": problem, "parts": told, "complete": complete}
    return msgspec.json.encode(line), contents


def _write(path: Path, line: bytes, contents: list[bytes]) -> None:
    """An answer is there whole, or not at all."""
    new = path.with_suffix(".new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        for piece in (line + b"\n", *contents):
            done = 0
            while done < len(piece):
                done += os.write(fd, memoryview(piece)[done:])
        os.replace(new, path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
