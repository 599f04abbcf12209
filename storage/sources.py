"""Databases that were attached: one file each in the folder ``sources`` of the spool.

The file holds the URL with its password, so it is readable by its user alone, and nothing but the
reader and the viewer of that database ever takes the URL out of it: lists are without. Written by
``python -m collector attach``; the collector reads a database as long as its file is there.
"""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from pathlib import Path
from typing import Literal

import msgspec

from storage import files

Mode = Literal["attach", "values"]
"""``attach``: its history is read, it is kept up with, and values are shown on demand;
``values``: only values on demand, for a database whose application is instrumented."""

FOLDER = "sources"
MAX_BYTES = 100_000
_KEY = re.compile(r"[0-9a-f]{12}")


class SourceError(Exception):
    """Base of what goes wrong with these files; messages hold the shown form of a URL only."""


class SourceExists(SourceError):
    """The database is attached already; ``source`` is how."""

    def __init__(self, source: Source) -> None:
        super().__init__(
            f"{source.shown} is attached already, as {source.key}. To change how, detach it first: "
            f"python -m collector detach {source.key}"
        )
        self.source = source


class SourceMissing(SourceError):
    """No such database is attached."""


class SourceUnwritable(SourceError):
    """The folder refuses the file."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A database as it was attached."""

    key: str
    """Key of its storage, as of a saver: 12 hex digits."""
    backend: str
    """``sqlite``, ``postgres``, ``redis``, ``valkey`` or ``mongodb``."""
    url: str = ""
    """What its driver takes, with secrets: a path for SQLite. Empty in lists."""
    shown: str
    """The same for people: without password and query."""
    application: str = ""
    """Under which name its threads are shown."""
    mode: Mode = "attach"
    created_us: int
    """When it was attached; another one means: attached anew. µs since 1970."""

    def __repr__(self) -> str:
        """Without the URL, which would come into logs and tracebacks."""
        return f"Source({self.key}, {self.backend}, {self.shown}, {self.mode})"


class SourceUnreadable(SourceError):
    """A file that is there and cannot be read or understood; ``source`` is what can be told."""

    def __init__(self, path: Path, key: str, why: str) -> None:
        super().__init__(
            f"{path} cannot be read: {why}. Detach it (python -m collector detach {key}) and "
            "attach the database again."
        )
        self.source = Source(key=key, backend="", shown=f"unreadable: {path.name}", created_us=0)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Source).decode


def add(spool: Path, source: Source, *, replace: bool = False) -> Path:
    """Attach a database; the file is there whole or not at all.

    Args:
        spool: folder of the spool.
        source: the database, with its URL.
        replace: whether one with this key makes way.

    Raises:
        SourceExists: it is attached already, and not to be replaced.
        SourceUnwritable: the folder cannot be written.
    """
    path = _path(spool, source.key)
    new = path.with_name(f"{source.key}.{uuid.uuid4().hex}.new")
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.parent.chmod(0o700)
        files.create(new, _encode(source))
        if not replace:
            _claim(spool, source.key, new, path)
        new.replace(path)
    except OSError as error:
        raise SourceUnwritable(
            f"{path.parent} cannot be written ({error.strerror}). Set STATEMETER_SPOOL to a folder "
            "that this user may write."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
    return path


def remove(spool: Path, key: str) -> Source:
    """Detach a database; returns how it was attached, without its URL.

    Raises:
        SourceMissing: none is attached under this key.
        SourceUnwritable: the file cannot be removed.
    """
    try:
        known = _without_url(load(spool, key))
    except SourceUnreadable as error:
        known = error.source
    path = _path(spool, key)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise SourceUnwritable(f"{path} cannot be removed ({error.strerror}).") from None
    return known


def load(spool: Path, key: str) -> Source:
    """A database with its URL: for what reads it, never for a page.

    Raises:
        SourceMissing: none is attached under this key.
        SourceUnreadable: its file cannot be read or understood.
    """
    if not _KEY.fullmatch(key):
        raise SourceMissing(f"{key!r} is no key of a database: 12 hex digits.")
    path = _path(spool, key)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise SourceMissing(f"No database is attached as {key}.") from None
    except OSError as error:
        raise SourceUnreadable(path, key, str(error.strerror)) from None
    try:
        found = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SourceUnreadable(path, key, "it is no source of this version") from None
    if found.key != key:
        raise SourceUnreadable(path, key, "it is of another key")
    return found


def list_(spool: Path) -> list[Source]:
    """All that are attached, oldest first, without URLs; an unreadable one has no backend."""
    found = []
    with contextlib.suppress(OSError):
        for path in (spool / FOLDER).iterdir():
            key = path.name.removesuffix(".json")
            if path.suffix != ".json" or not _KEY.fullmatch(key):
                continue
            try:
                found.append(_without_url(load(spool, key)))
            except SourceUnreadable as error:
                found.append(error.source)
            except SourceMissing:
                continue  # detached meanwhile
    return sorted(found, key=lambda one: (one.created_us, one.key))


def _without_url(source: Source) -> Source:
    return msgspec.structs.replace(source, url="")


def _path(spool: Path, key: str) -> Path:
    return spool / FOLDER / f"{key}.json"


def _claim(spool: Path, key: str, new: Path, path: Path) -> None:
    """Of two that attach at once, one comes first: a link is made only where no file is."""
    try:
        os.link(new, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not path.exists():
            return
    else:
        return
    try:
        known = load(spool, key)
    except (SourceUnreadable, SourceMissing):
        return  # attaching again mends it; or it was detached meanwhile
    raise SourceExists(_without_url(known))
