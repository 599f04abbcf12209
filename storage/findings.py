"""What a rule found: the contract between the rules of the collector and the pages.

A finding is about one *subject*, says with numbers what was measured, what that costs, and how to
mend it. It holds names, sizes, counts and code of ours: no value of the state, no password.
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
"""From mild to worst. ``critical``: data is lost, calls fail, or a limit is reached soon;
``warning``: it costs memory, time or money now; ``info``: better is possible."""

Language = Literal["", "python", "sql", "shell", "redis", "mongodb"]
"""What code is for: ``redis`` for redis-cli, ``mongodb`` for mongosh."""


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a finding is about; empty: it has none of these."""

    application: str = ""
    backend: str = ""
    saver: str = ""
    """Key of the storage, as in ``Saver.key``."""
    thread: str = ""
    namespace: str = ""
    channel: str = ""
    graph: str = ""
    node: str = ""
    resource: str = ""
    """Key of a store, cache, pool, embeddings or server, as in ``Resource.key``."""
    process: str = ""
    """Incarnation of a process."""
    detail: str = ""
    """What else tells two findings of a rule apart: a namespace of a store, a table."""


class Measure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A number that was measured."""

    name: str
    value: float | str | None
    """None: unknown."""
    unit: str = ""
    """``bytes``, ``us``, ``count``, ``share`` (0 to 1), ``times``, ``seconds``, ``per second``;
    empty: a text."""
    limit: float | None = None
    """The threshold that it passed, in the same unit."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a page shows it."""

    page: str
    """Address of the page: ``threads``, ``history``, ``backends``, …"""
    words: str
    """What is to be seen there."""
    names: dict[str, str] = {}
    """Parameters of the address."""


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a problem takes, or a fix saves; None: unknown, or not a matter of this problem."""

    bytes: float | None = None
    """Held now and not needed."""
    bytes_a_month: float | None = None
    """Added each month and not needed, at the rate that was measured."""
    ms: float | None = None
    """Of time for each run, call or load that ``what`` names."""
    what: str = ""
    """What ``ms`` is of: ``a run``, ``a put``, ``a load`` …"""
    usd_a_month: float | None = None
    """By the price book; None: a price is unknown."""


class Fix(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One way to mend it."""

    words: str
    code: str = ""
    """For this backend and the installed versions; nothing here ever runs it."""
    language: Language = ""
    saving: Cost | None = None
    """What it is predicted to save; None: it cannot be said."""
    loss: str = ""
    """What is given up; empty: nothing."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A problem that a rule sees now."""

    rule: str
    """Name of the rule, such as ``quadratic-channel``."""
    severity: Severity
    title: str
    """One sentence with the subject and the main number."""
    subject: Subject
    measured: list[Measure]
    since_us: int
    """When it began, as far as that can be told; else when it was seen first. µs since 1970."""
    why: str
    """What it means, in plain words."""
    fixes: list[Fix]
    evidence: list[Evidence] = []
    cost: Cost = Cost()

    @property
    def key(self) -> str:
        """The same for the same problem of the same subject, 32 hex digits."""
        subject = msgspec.json.encode(self.subject)
        return hashlib.sha256(self.rule.encode() + b"\0" + subject).hexdigest()[:32]


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """A number of a rule that a user may change."""

    name: str
    """Unique in its rule; with the rule it is the setting, ``quadratic-channel.amplification``."""
    default: float
    unit: str
    least: float
    most: float
    why: str
    """What it decides, and where the default comes from."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it is described to people; the collector tells its own to the store."""

    id: str
    title: str
    looks_at: str
    """What it reads, in plain words."""
    thresholds: list[Threshold] = []


encode = msgspec.json.Encoder().encode
"""A finding or a description of a rule → JSON."""
decode = msgspec.json.Decoder(Finding).decode
decode_about = msgspec.json.Decoder(About).decode
