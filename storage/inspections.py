"""What a look into a database of LangGraph found: the contract between collector and pages.

It holds names, sizes, counts and statements: no value of the state, no password.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Status = Literal["ok", "warning", "critical", "unknown"]
"""``unknown``: it could not be seen, ``why`` says the reason. It counts as nothing wrong."""

Language = Literal["", "sql", "python", "shell", "redis", "mongodb"]
"""What a mending statement is for: ``redis`` for redis-cli, ``mongodb`` for mongosh."""

STATUSES: tuple[Status, ...] = ("ok", "unknown", "warning", "critical")
"""From best to worst."""


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at."""

    id: str
    """Name for scripts, such as ``table.size``; with ``subject`` it is unique in an inspection."""
    what: str
    """The same for people."""
    subject: str = ""
    """Table, collection, index, key prefix or process that it is about; empty: the whole."""
    status: Status = "ok"
    value: int | float | str | None = None
    """What was found; None: nothing could be."""
    unit: str = ""
    """``bytes``, ``rows``, ``keys``, ``%``, ``seconds``, …; empty for a text."""
    estimate: bool = False
    """The value is not exact: of statistics, or of a sample."""
    error: float | None = None
    """Half the width of the 95 % confidence interval of a sampled value, in ``unit``."""
    why: str = ""
    """What the value means, and what it does to the application where something is wrong."""
    mend: str = ""
    """The statement that mends it, for this database; nothing here ever runs it."""
    language: Language = ""


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one look."""

    id: str
    """UUID, 32 hex digits."""
    backend: str
    """``sqlite``, ``postgres``, ``redis``, ``valkey`` or ``mongodb``."""
    storage: str
    """Key of the storage, as the probe names it in ``Saver.key``: 12 hex digits."""
    label: str
    """What a person would call it: a file name, ``host:port/database``."""
    at_us: int
    """Start, µs since 1970."""
    duration_us: int
    server: str = ""
    """Name and version of the server or library."""
    checks: list[Check] = []
    problem: str = ""
    """Why nothing could be looked at: one line with the fix; empty: it could."""

    @property
    def status(self) -> Status:
        """The worst of all checks; ``unknown`` where nothing could be looked at."""
        if self.problem or not self.checks:
            return "unknown"
        return max((check.status for check in self.checks), key=STATUSES.index)

    @property
    def wrong(self) -> list[Check]:
        """The checks that found something wrong, the worst first."""
        found = [check for check in self.checks if check.status in ("warning", "critical")]
        return sorted(found, key=lambda check: -STATUSES.index(check.status))


encode = msgspec.json.Encoder().encode
"""An inspection → JSON."""

decode = msgspec.json.Decoder(Inspection).decode
"""JSON → an inspection. Raises ``msgspec.ValidationError`` or ``msgspec.DecodeError``."""
