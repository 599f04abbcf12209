"""What pages and scripts ask about findings: those that are open, their history, how rules ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, Row, text

from storage.findings import (
    SEVERITIES,
    About,
    Finding,
    Severity,
    Subject,
    decode,
    decode_about,
)
from storage.queries import ALL, Scope, reading
from storage.queries_resources import has_tables

SINCE = 11
"""Schema change that made the tables: a store that no collector has opened since has none."""
MOST = 2_000
"""Findings that are read at once, the worst first."""


@dataclass(frozen=True)
class Shown:
    """A finding as it stands."""

    id: int
    key: str
    finding: Finding
    since_us: int
    opened_us: int
    updated_us: int
    resolved_us: int
    """0: it is open."""
    opened: int
    """How often."""
    acknowledged: bool
    muted: bool
    reason: str
    thread_key: int

    @property
    def state(self) -> str:
        """``open``, ``acknowledged``, ``muted`` or ``resolved``."""
        if self.muted:
            return "muted"
        if self.resolved_us:
            return "resolved"
        return "acknowledged" if self.acknowledged else "open"


@dataclass(frozen=True)
class Group:
    """Findings of a rule that are alike: the same channel, node or resource of many threads."""

    worst: Shown
    members: Sequence[Shown]
    """The worst first."""

    @property
    def bytes(self) -> float | None:
        """What all together hold and do not need; None: of none is it known."""
        return _sum(one.finding.cost.bytes for one in self.members)

    @property
    def usd(self) -> float | None:
        """What all together cost a month."""
        return _sum(one.finding.cost.usd_a_month for one in self.members)

    @property
    def since_us(self) -> int:
        """When the first of them began."""
        return min(one.since_us for one in self.members)


@dataclass(frozen=True)
class Change:
    """A line of a finding's history."""

    at_us: int
    change: str
    detail: str


@dataclass(frozen=True)
class RuleShown:
    """A rule, and how it ran."""

    about: About
    ran_us: int
    looks: int
    subjects: int
    took_us: int
    why: str
    untold: int
    open: int
    """Findings of it, without muted ones."""
    changed: Mapping[str, float] = field(default_factory=dict)
    """Thresholds that were changed, name → value."""

    @property
    def ran(self) -> bool:
        """Whether it could look."""
        return bool(self.ran_us) and not self.why

    def value(self, name: str) -> float:
        """A threshold as it is used."""
        default = next(one.default for one in self.about.thresholds if one.name == name)
        return self.changed.get(name, default)


_FINDINGS = """
SELECT * FROM findings WHERE {state} {scope}
ORDER BY severity DESC, coalesce(cost_usd, 0) DESC, coalesce(cost_bytes, 0) DESC, opened_us, id
LIMIT :most"""
STATES = ("open", "muted", "resolved")
_STATES = {
    "open": "resolved_us = 0 AND muted_us = 0",
    "muted": "muted_us > 0",
    "resolved": "resolved_us > 0 AND muted_us = 0",
}
"""The same in SQL; an acknowledged finding is open."""


def findings(
    engine: Engine, state: str = "open", scope: Scope = ALL, thread: str = "", limit: int = MOST
) -> list[Shown]:
    """Findings, the worst first.

    Args:
        engine: a reader's.
        state: ``open``, ``muted`` or ``resolved``.
        scope: of a backend and an application; a finding that is of none is in each.
        thread: of this thread alone; empty: all.
        limit: most of them.
    """
    with reading(engine) as connection:
        return read(connection, state, scope, thread, limit)


def read(
    connection: Connection, state: str = "open", scope: Scope = ALL, thread: str = "",
    limit: int = MOST,
) -> list[Shown]:  # fmt: skip
    """The same, by a connection."""
    if not has_tables(connection, SINCE):
        return []
    where = "".join(f" AND {name} IN ('', :{name})" for name in scope.values())
    values: dict[str, object] = {**scope.values(), "most": limit}
    if thread:
        where += " AND thread_key IN (SELECT id FROM threads WHERE thread_id = :thread)"
        values["thread"] = thread
    rows = connection.execute(
        text(_FINDINGS.format(state=_STATES[state], scope=where)), values
    )  # fmt: skip
    return [_shown(row) for row in rows]


def finding(engine: Engine, key: str) -> Shown | None:
    """One finding, whatever its state."""
    with reading(engine) as connection:
        if not has_tables(connection, SINCE):
            return None
        row = connection.execute(
            text("SELECT * FROM findings WHERE key = :key"), {"key": key}
        ).first()
    return None if row is None else _shown(row)


def groups(found: Iterable[Shown]) -> list[Group]:
    """Findings that are alike, together; the order stays that of the worst of each."""
    members: dict[tuple[str, ...], list[Shown]] = {}
    for one in found:
        members.setdefault(_alike(one.finding.rule, one.finding.subject), []).append(one)
    return [Group(several[0], several) for several in members.values()]


def changes(engine: Engine, finding_id: int, limit: int = 50) -> list[Change]:
    """The history of a finding, newest first."""
    with reading(engine) as connection:
        rows = connection.execute(
            text(
                "SELECT at_us, change, detail FROM finding_changes WHERE finding_id = :id "
                "ORDER BY at_us DESC, id DESC LIMIT :most"
            ),
            {"id": finding_id, "most": limit},
        )
        return [Change(row.at_us, row.change, row.detail) for row in rows]


def changed(connection: Connection) -> dict[str, dict[str, float]]:
    """Rule → its thresholds that were changed, by name."""
    told: dict[str, dict[str, float]] = {}
    if has_tables(connection, SINCE):
        for row in connection.execute(text("SELECT name, value FROM rule_settings")):
            rule, _, name = row.name.rpartition(".")
            told.setdefault(rule, {})[name] = row.value
    return told


def rules(engine: Engine) -> list[RuleShown]:
    """All rules of the collector, by their names."""
    with reading(engine) as connection:
        if not has_tables(connection, SINCE):
            return []
        settings = changed(connection)
        rows = connection.execute(
            text(
                "SELECT r.*, (SELECT count(*) FROM findings f WHERE f.rule = r.id "
                "AND resolved_us = 0 AND muted_us = 0) AS open FROM rules r ORDER BY id"
            )
        )
        return [
            RuleShown(
                decode_about(row.about), row.ran_us, row.looks, row.subjects, row.took_us, row.why,
                row.untold, row.open, settings.get(row.id, {}),
            )
            for row in rows
        ]  # fmt: skip


def flags(engine: Engine, thread_keys: Iterable[int]) -> dict[int, Severity]:
    """Row of a thread → the worst open finding of it; threads without one are not in it."""
    keys = [int(key) for key in thread_keys]
    if not keys:
        return {}
    marks = ", ".join(map(str, keys))
    with reading(engine) as connection:
        if not has_tables(connection, SINCE):
            return {}
        rows = connection.execute(
            text(
                "SELECT thread_key, max(severity) AS worst FROM findings WHERE resolved_us = 0 "
                f"AND muted_us = 0 AND thread_key IN ({marks}) GROUP BY thread_key"
            )
        )
        return {row.thread_key: SEVERITIES[row.worst] for row in rows}


def _alike(rule: str, subject: Subject) -> tuple[str, ...]:
    return (
        rule, subject.application, subject.backend, subject.graph, subject.namespace,
        subject.channel, subject.node, subject.resource, subject.process, subject.detail,
    )  # fmt: skip


def _shown(row: Row[tuple[object, ...]]) -> Shown:
    return Shown(
        row.id, row.key, decode(row.body), row.since_us, row.opened_us, row.updated_us,
        row.resolved_us, row.opened, bool(row.acknowledged_us), bool(row.muted_us), row.reason,
        row.thread_key,
    )  # fmt: skip


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
