"""Control folders of running processes: which there are, and whether one may be asked.

A folder is ``<spool>/control/<incarnation>``; its file ``process`` tells whose it is. See
``statemeter.control``.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import msgspec
import psutil

from collector.inspection.errors import CouldNotLook

FOLDER = "control"
_PROCESS = "process"
_MOST_BYTES = 64_000
_INCARNATION = re.compile(r"[0-9a-f]{32}")
_OFF = "STATEMETER_CONTROL"


class Whose(msgspec.Struct, frozen=True):
    """The process that a folder belongs to."""

    pid: int
    started_us: int
    host: str
    application: str
    incarnation: str = ""

    @property
    def shown(self) -> str:
        """How people call it."""
        return f"{self.application} (pid {self.pid} on {self.host})"


def listed(spool: Path) -> list[Whose]:
    """Processes of this host that can be asked, newest first."""
    found = []
    try:
        names = [entry.name for entry in os.scandir(spool / FOLDER)]
    except OSError:
        return []
    for name in names:
        whose = _whose(spool / FOLDER / name) if _INCARNATION.fullmatch(name) else None
        if whose is not None and whose.host == socket.gethostname() and is_alive(whose):
            found.append(whose)
    return sorted(found, key=lambda one: -one.started_us)


def find(spool: Path, named: str) -> tuple[Path, Whose]:
    """The folder of a process, by pid or incarnation.

    Raises:
        CouldNotLook: it ended, allows no looks, is another user's, or runs on another host.
    """
    above = spool / FOLDER
    if _INCARNATION.fullmatch(named):
        return _folder(above / named, named)
    if not named.isdecimal():
        raise CouldNotLook(
            f"{named!r} is no process: give its pid, or its incarnation (32 hex digits)."
        )
    for whose in listed(spool):
        if whose.pid == int(named):
            return _folder(above / whose.incarnation, named)
    raise CouldNotLook(_why_not(int(named), spool))


def is_alive(whose: Whose) -> bool:
    """Whether it runs: this one, and no later one with its pid."""
    try:
        started = psutil.Process(whose.pid).create_time()
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
    return bool(abs(started - whose.started_us / 1e6) < 1)


def _folder(folder: Path, named: str) -> tuple[Path, Whose]:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        raise CouldNotLook(
            f"The process {named} does not answer looks: it ended, runs with {_OFF}=0, or writes "
            f"to another spool than {folder.parent.parent}."
        ) from None
    except OSError as error:
        raise CouldNotLook(f"{folder} cannot be used ({error.strerror}). {_WHO}") from None
    if hasattr(os, "getuid") and found.st_uid != os.getuid():
        raise CouldNotLook(f"The process {named} is another user's. {_WHO}")
    whose = _whose(folder)
    if whose is None:
        raise CouldNotLook(f"The process {named} runs another version of Statemeter, or begins.")
    if whose.host != socket.gethostname():
        raise CouldNotLook(
            f"{whose.shown} runs on another host. Look there: python -m collector look {whose.pid}"
        )
    if not is_alive(whose):
        raise CouldNotLook(f"{whose.shown} has ended.")
    return folder, whose


_WHO = "Look as the user that the application runs as."


def _why_not(pid: int, spool: Path) -> str:
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return f"There is no process {pid} on this host."
    try:
        if process.environ().get(_OFF, "").lower() in ("0", "false", "off"):
            return f"The process {pid} allows no looks: it runs with {_OFF}=0. Start it without."
        if hasattr(os, "getuid") and process.uids().real != os.getuid():
            return f"The process {pid} is another user's. {_WHO}"
    except psutil.AccessDenied:
        return f"The process {pid} is another user's. {_WHO}"
    except psutil.Error:
        pass
    return (
        f"The process {pid} does not answer looks: it is not instrumented, has done nothing yet, "
        f"runs with {_OFF}=0, or writes to another spool than {spool}."
    )


def _whose(folder: Path) -> Whose | None:
    try:
        data = (folder / _PROCESS).read_bytes()
        whose = msgspec.json.decode(data[:_MOST_BYTES], type=Whose)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return msgspec.structs.replace(whose, incarnation=folder.name)
