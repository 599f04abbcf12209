"""Jobs: work that a page or a command asks for, and that the collector runs in a child process.

A job is a file ``<id>.request`` in the folder ``jobs`` of the spool, which holds what is asked and
the secrets that it takes (URLs), for this user alone. The child tells how far it is in
``<id>.told``; the collector keeps that in the table ``jobs`` and removes the files once the job has
ended and its end is stored. A file ``<id>.cancel`` asks it to end early.

A job ends in one of three states: ``done``, ``failed`` or ``cancelled``. What it found until then
stays; ``partial`` says that it is not all.
"""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from storage import files

State = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})

FOLDER = "jobs"
REQUEST, TOLD, CANCEL, MADE = ".request", ".told", ".cancel", ".made"
REQUEST_BYTES = 1_000_000
TOLD_BYTES = 32_000_000
NAME_LENGTH = 120
_ID = re.compile(r"[0-9a-f]{32}")


class JobError(Exception):
    """Base of what goes wrong with jobs; messages hold no secret."""


class JobMissing(JobError):
    """No job of this id waits or runs."""


class JobUnwritable(JobError):
    """The spool refuses the file."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    id: str
    """UUID, 32 hex digits."""
    kind: str
    """Which work, see ``collector.jobs.kinds``."""
    name: str
    """What people call it."""
    created_us: int
    asked: dict[str, Any] = {}
    """Its settings, as its kind reads them; they are stored and shown: no secret."""
    secrets: dict[str, str] = {}
    """Name → URL with its password; in the file alone, and only while the job lives."""

    def __repr__(self) -> str:
        """Without secrets, which would come into logs and tracebacks."""
        return f"Request({self.id}, {self.kind}, {self.name!r})"


class Told(msgspec.Struct, kw_only=True):
    """How far a job is."""

    state: State = "waiting"
    phase: str = ""
    """What it does now, in words."""
    share: float | None = None
    """How much is done, 0 to 1; None: unknown."""
    started_us: int = 0
    updated_us: int = 0
    ended_us: int = 0
    problem: str = ""
    """Why it failed, with the fix; no secret."""
    partial: bool = False
    """The result is not all that was asked for."""
    result: msgspec.Raw = msgspec.Raw(b"null")
    """JSON of its kind's own; ``null``: nothing yet."""


encode_told = msgspec.json.Encoder().encode
decode_told = msgspec.json.Decoder(Told).decode
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Request).decode


def ask(
    spool: Path,
    kind: str,
    name: str,
    asked: dict[str, Any],
    secrets: dict[str, str] | None = None,
) -> Request:
    """Leave a job for the collector.

    Raises:
        JobUnwritable: the spool cannot be written.
    """
    request = Request(
        id=uuid.uuid4().hex, kind=kind, name=name.strip()[:NAME_LENGTH] or kind,
        created_us=time.time_ns() // 1000, asked=asked, secrets=secrets or {},
    )  # fmt: skip
    _write(path(spool, request.id, REQUEST), _encode(request))
    return request


def cancel(spool: Path, job: str) -> None:
    """Ask a job to end early; one that has ended is left as it is.

    Raises:
        JobMissing: none of this id waits or runs.
        JobUnwritable: the spool cannot be written.
    """
    if not path(spool, job, REQUEST).exists():
        raise JobMissing(f"No job {job} waits or runs.")
    _write(path(spool, job, CANCEL), b"")


def load(spool: Path, job: str) -> Request:
    """A job as it was asked for, secrets included: for its child alone.

    Raises:
        JobMissing: there is none, or its file cannot be understood.
    """
    try:
        return _decode(files.read(path(spool, job, REQUEST), REQUEST_BYTES))
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise JobMissing(f"There is no job {job}: {type(error).__name__}.") from None


def waiting(spool: Path) -> Iterator[Request]:
    """Jobs whose files are there, in the order of their asking, without their secrets."""
    found = []
    with contextlib.suppress(OSError):
        for entry in (spool / FOLDER).iterdir():
            if entry.suffix == REQUEST and _ID.fullmatch(entry.stem):
                with contextlib.suppress(JobMissing):
                    found.append(msgspec.structs.replace(load(spool, entry.stem), secrets={}))
    yield from sorted(found, key=lambda one: (one.created_us, one.id))


def tell(spool: Path, job: str, told: Told) -> None:
    """Say how far a job is.

    Raises:
        JobUnwritable: the spool cannot be written.
    """
    told.updated_us = time.time_ns() // 1000
    _write(path(spool, job, TOLD), encode_told(told))


def told(spool: Path, job: str) -> Told | None:
    """How far a job says it is; None: it has said nothing yet."""
    try:
        return decode_told(files.read(path(spool, job, TOLD), TOLD_BYTES))
    except (OSError, ValueError, msgspec.DecodeError):
        return None


def is_cancelled(spool: Path, job: str) -> bool:
    """Whether it is asked to end early."""
    return path(spool, job, CANCEL).exists()


def forget(spool: Path, job: str) -> None:
    """Remove the files of a job; the request goes last, so that a crash leaves none without."""
    for suffix in (CANCEL, TOLD, MADE, REQUEST):
        with contextlib.suppress(OSError):
            path(spool, job, suffix).unlink(missing_ok=True)


def path(spool: Path, job: str, suffix: str) -> Path:
    """Where a file of a job is.

    Raises:
        JobMissing: this is no id of a job.
    """
    if not _ID.fullmatch(job):
        raise JobMissing(f"{job!r} is no id of a job: 32 hex digits.")
    return spool / FOLDER / f"{job}{suffix}"


def _write(target: Path, data: bytes) -> None:
    try:
        files.write(target, data)
    except OSError as error:
        raise JobUnwritable(
            f"{target.parent} cannot be written ({error.strerror}). Set STATEMETER_SPOOL to a "
            "folder that this user may write, on a disk that has room."
        ) from None
