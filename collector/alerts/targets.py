"""Where alerts go: names and Apprise URLs, from the file that ``STATEMETER_ALERTS`` names.

A line is ``name = URL``; what follows a ``#`` at its beginning is a comment. URLs hold passwords:
they stay in the process that reads them. The store, the log and the pages know names, and of what
kind each is.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from statemeter import settings
from statemeter.errors import SettingError

SETTING = "STATEMETER_ALERTS"
MOST = 50
LONGEST = 64_000
"""Bytes of the file."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,39}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.+-]*)://\S")


@dataclass(frozen=True)
class Target:
    """One target."""

    name: str
    url: str = field(repr=False)
    """Never shown."""

    @property
    def service(self) -> str:
        """What it is: the scheme of its URL, such as ``mailto``, ``slack``, ``json``."""
        found = _SCHEME.match(self.url)
        return found[1].lower() if found else ""


@dataclass(frozen=True)
class Targets:
    """What the file says now."""

    by_name: dict[str, Target] = field(default_factory=dict)
    problem: str = ""
    """Why it, or a part of it, cannot be used; never a part of a line."""


def read() -> Targets:
    """The targets; what cannot be used is told by its line, the others are taken."""
    try:
        path: Path | None = settings.get(SETTING)
    except SettingError as error:
        return Targets(problem=str(error))
    if path is None:
        return Targets()
    try:
        text = _private_text(path)
    except FileNotFoundError:
        return Targets(
            problem=f"{SETTING}: there is no file {path}. Write it, a line `name = Apprise URL` "
            "for each target, and run chmod 600 on it; or unset the variable."
        )
    except OSError as error:
        return Targets(problem=f"{SETTING}: {path} cannot be read: {error.strerror}.")
    except ValueError as error:
        return Targets(problem=f"{SETTING}: {path} {error}")
    found: dict[str, Target] = {}
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, url = (part.strip() for part in line.partition("="))
        if not _NAME.fullmatch(name) or not _SCHEME.match(url):
            faults.append(f"line {number} is not name = scheme://…")
        elif name in found:
            faults.append(f"line {number} has a name that an earlier one has")
        elif len(found) < MOST:
            found[name] = Target(name, url)
    return Targets(found, f"{SETTING}: {path}: {'; '.join(faults)}." if faults else "")


def _private_text(path: Path) -> str:
    """The file's text, if nobody else can read or change it."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(fd, "rb") as file:
        told = os.fstat(fd)
        if not stat.S_ISREG(told.st_mode):
            raise ValueError("is no file.")
        if os.name == "posix" and told.st_mode & 0o077:
            raise ValueError(
                f"can be used by others (mode {stat.S_IMODE(told.st_mode):04o}), and it holds "
                "passwords. Run: chmod 600 on it."
            )
        if os.name == "posix" and told.st_uid not in {os.getuid(), 0}:
            raise ValueError("belongs to another user.")
        data = file.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} bytes.")
    return data.decode("utf-8", "replace")
