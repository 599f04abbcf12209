"""What ``statemeter doctor`` looks at, each check on its own.

Nothing of an application is read, and no value of a setting that may hold a password is told.
"""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from statemeter import settings, spool, supported
from statemeter.errors import SettingError

try:
    import fcntl
except ImportError:  # Windows: nobody can tell there whether a segment has a writer
    fcntl = None  # type: ignore[assignment]

State = Literal["ok", "warning", "problem"]

FREE_MIN_BYTES = 100 * settings.MB
UNREAD_SECONDS = 60
"""A collector takes what an ended process left within seconds."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked."""

    check: str
    state: State
    text: str
    fix: str = ""
    """What to do; empty where nothing is to do."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def python() -> Iterator[Finding]:
    """Whether this Python is one of those tested."""
    version = sys.version_info[:2]
    text = f"{sys.version.split()[0]} in {sys.prefix}"
    first, last = supported.PYTHON_FIRST, supported.PYTHON_LAST
    if first <= version <= last:
        yield Finding("python", "ok", text)
    else:
        span = f"{first[0]}.{first[1]} to {last[0]}.{last[1]}"
        state: State = "problem" if version < first else "warning"
        yield Finding("python", state, text, f"Statemeter is tested with Python {span}: use one.")


def packages() -> Iterator[Finding]:
    """Whether LangGraph is here, and its versions are those tested."""
    for package in supported.PACKAGES:
        try:
            found = metadata.version(package.name)
        except metadata.PackageNotFoundError:
            if package.name == "langgraph":
                yield Finding(
                    package.name, "problem", f"not installed for {sys.executable}",
                    "Install Statemeter where your application is installed, and call that "
                    f"Python; or: {shlex.quote(sys.executable)} -m pip install langgraph",
                )  # fmt: skip
            continue
        if supported.numbers(found) < supported.numbers(package.tested):
            yield Finding(
                package.name, "warning", f"{found} is older than {package.tested}, which is tested",
                f'{shlex.quote(sys.executable)} -m pip install "{package.name}>={package.tested}"',
            )  # fmt: skip
        else:
            yield Finding(package.name, "ok", f"{found} (tested with {package.tested})")


def installed_once() -> Iterator[Finding]:
    """Whether there is one Statemeter only, so that all programs get the same."""
    folders = []
    for folder in [Path(__file__).parent.parent, *map(Path, sys.path)]:
        package = (folder / "statemeter" / "__init__.py").resolve()
        if package.is_file() and package.parent not in folders:
            folders.append(package.parent)
    if len(folders) == 1:
        yield Finding("statemeter", "ok", str(folders[0]))
    else:
        yield Finding(
            "statemeter", "warning", f"found {len(folders)} times: {', '.join(map(str, folders))}",
            "A program imports the first on its path. Remove the others (pip uninstall "
            "statemeter, or delete the folder).",
        )  # fmt: skip


def set_right() -> Iterator[Finding]:
    """Whether the settings are known, can be read, and let it measure."""
    wrong = False
    for name in settings.unknown():
        wrong = True
        near = difflib.get_close_matches(name, settings.SETTINGS, 1)
        fix = f"Did you mean {near[0]}?" if near else "Unset it; README.md lists all settings."
        yield Finding("settings", "warning", f"{name} is no setting", fix)
    for name, setting in settings.SETTINGS.items():
        try:
            settings.get(name)
        except SettingError:
            wrong = True
            fix = f"Set {name} to {setting.default or 'a ' + setting.unit} or unset it: "
            yield Finding(
                "settings", "problem", f"the value of {name} cannot be used",
                f"{fix}{setting.help} (in {setting.unit}).",
            )  # fmt: skip
    try:
        enabled = settings.get("STATEMETER_ENABLED")
    except SettingError:
        enabled = True  # told above
    if not enabled:
        wrong = True
        yield Finding(
            "settings", "problem", "STATEMETER_ENABLED turns measuring off",
            "Unset STATEMETER_ENABLED.",
        )  # fmt: skip
    if not wrong:
        names = sorted(name for name in settings.SETTINGS if os.environ.get(name))
        yield Finding("settings", "ok", f"set: {', '.join(names)}" if names else "all at default")


def spool_of_this_user() -> Iterator[Finding]:
    """Whether the spool can be written, and has room."""
    try:
        folder = settings.spool_folder()
        limit = int(settings.get("STATEMETER_SPOOL_MB") * settings.MB)
        yield _writable(folder)
        size = spool.spool_size(folder) if folder.is_dir() else 0
        free = shutil.disk_usage(_nearest(folder)).free
    except SettingError:
        return  # told above
    except OSError as error:
        yield Finding(
            "spool", "problem", f"{folder} cannot be read: {error.strerror}",
            "Make it a folder of yours, or set STATEMETER_SPOOL to one.",
        )  # fmt: skip
        return
    yield _size(size, limit)
    yield _disk(free, limit - size)


def _size(size: int, limit: int) -> Finding:
    """Of a spool in bytes; a collector that keeps up leaves it nearly empty."""
    text = f"{size / settings.MB:.1f} of {limit / settings.MB:.0f} MB"
    fix = "Start the dashboard, whose collector empties it."
    if size >= limit:
        return Finding("spool size", "problem", f"{text}: full, events are dropped", fix)
    if size > 0.8 * limit:
        return Finding("spool size", "warning", text, fix)
    return Finding("spool size", "ok", text)


def _disk(free: int, wanted: int) -> Finding:
    text = f"{free / settings.MB:,.0f} MB free where the spool is"
    if free < FREE_MIN_BYTES:
        fix = "Free some space, or set STATEMETER_SPOOL to another disk."
        return Finding("disk", "problem", text, fix)
    if free < wanted:
        fix = "Free some space, or lower STATEMETER_SPOOL_MB."
        return Finding("disk", "warning", f"{text}, and the spool may take more", fix)
    return Finding("disk", "ok", text)


def left_unread() -> int:
    """Segments of ended processes that no collector took."""
    try:
        folder = settings.spool_folder()
        return sum(map(_is_left, folder.glob("*.spool")))
    except (SettingError, OSError):
        return 0  # told above


def _nearest(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _writable(folder: Path) -> Finding:
    there = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return Finding(
            "spool", "problem", f"{folder} cannot be written: {error.strerror}",
            "Make it a folder of yours, or set STATEMETER_SPOOL to one.",
        )  # fmt: skip
    return Finding("spool", "ok", str(folder) if there == folder else f"{folder}, made when needed")


def _is_left(path: Path) -> bool:
    """Whether the process that wrote a segment is gone for a while."""
    try:
        stat = path.stat()
        if fcntl is None or not stat.st_size or time.time() - stat.st_mtime < UNREAD_SECONDS:
            return False
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
