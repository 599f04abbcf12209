"""What one look of alerts saw: plain data, from the process that looks to the one that stores.

Nothing that looks is imported here, nor by ``keep``; targets are names, never their addresses.
"""

from __future__ import annotations

import msgspec

from storage.alerts import Change, Rule, State, Subject


class Seen(msgspec.Struct):
    """An alert of a subject after a look."""

    subject: Subject
    state: State
    since_us: int
    """When it went past its threshold."""
    back_us: int
    """Since when it is back, while it fires; 0: it is not."""
    change: Change
    value: float | None
    peak: float | None
    fired_us: int
    told: bool
    changed: bool
    """Its row is to be written."""


class Looked(msgspec.Struct):
    """What a rule saw."""

    rule: Rule
    changed_us: int
    """Of the rule as it was looked at."""
    value: float | None = None
    subjects: int = 0
    untold: int = 0
    why: str = ""
    seen: list[Seen] = msgspec.field(default_factory=list)


class Outcome(msgspec.Struct):
    """What one look saw."""

    at_us: int
    looked: list[Looked]
    readings: list[tuple[str, int, float | None]]
    targets: list[str]
    """Names of all that there are."""


class Listed(msgspec.Struct):
    """A target as the store is told of it."""

    name: str
    """Empty: of the whole file."""
    service: str
    problem: str


class Answer(msgspec.Struct):
    """What is to be stored, or done, after a look."""

    due: bool
    """A message waits, and it is time."""
    targets: list[Listed] | None
    """None: as before."""
    outcome: Outcome | None
    """None: that time was looked at already."""
