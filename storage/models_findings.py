"""Tables of findings: what rules see now and saw before, how the rules ran, and their thresholds.

Rows are written by the collector alone: by its rules, and by orders of visitors.
"""

from __future__ import annotations

from sqlmodel import Field, Index, SQLModel

from storage.models import widen


class FindingRow(SQLModel, table=True):
    """A problem of a subject, open or resolved; see ``storage.findings``."""

    __tablename__ = "findings"
    __table_args__ = (
        Index("findings_by_rule", "rule", "resolved_us", "thread_key"),
        Index("findings_by_thread", "thread_key"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True, description="of rule and subject, Finding.key")
    rule: str
    severity: int = Field(description="0 info, 1 warning, 2 critical")
    application: str = ""
    backend: str = ""
    saver: str = Field(default="", description="key of the storage")
    thread_key: int = Field(default=0, description="row of the thread, 0: of none")
    body: str = Field(description="JSON, a Finding as it was seen last")
    since_us: int
    opened_us: int = Field(description="when it was seen first, the last time that it opened")
    updated_us: int = Field(description="when body changed")
    resolved_us: int = Field(default=0, description="when it was no longer seen, 0: it is open")
    opened: int = Field(default=1, description="how often it opened, count")
    cost_bytes: float | None = Field(default=None, description="Cost.bytes of the body")
    cost_usd: float | None = Field(default=None, description="Cost.usd_a_month of the body")
    acknowledged_us: int = Field(default=0, description="until it is resolved; 0: it is not")
    muted_us: int = Field(default=0, description="for good, until a visitor ends it; 0: is not")
    reason: str = Field(default="", description="of the acknowledgement or mute, a user's words")


class FindingChange(SQLModel, table=True):
    """Something happened to a finding."""

    __tablename__ = "finding_changes"
    __table_args__ = (Index("finding_changes_by_finding", "finding_id", "at_us"),)

    id: int | None = Field(default=None, primary_key=True)
    finding_id: int = Field(foreign_key="findings.id")
    at_us: int
    change: str = Field(
        description="opened, worse, better, resolved, acknowledged, unacknowledged, muted, unmuted"
    )
    detail: str = Field(default="", description="its title then, or a user's reason")


class RuleState(SQLModel, table=True):
    """How a rule ran last."""

    __tablename__ = "rules"

    id: str = Field(primary_key=True)
    about: str = Field(description="JSON, storage.findings.About")
    ran_us: int = Field(default=0, description="when it looked last, 0: never")
    looks: int = Field(default=0, description="subjects looked at, each time counted")
    subjects: int = Field(default=0, description="subjects that it has looked at and are there")
    took_us: int = Field(default=0, description="time in the rule ever, µs")
    why: str = Field(default="", description="why it could not look; empty: it could")
    untold: int = Field(default=0, description="findings beyond those kept for a rule, count")


class RuleSetting(SQLModel, table=True):
    """A threshold that a user changed."""

    __tablename__ = "rule_settings"

    name: str = Field(primary_key=True, description="rule and threshold, with a dot between")
    value: float
    changed_us: int = 0


class RuleCursor(SQLModel, table=True):
    """How far the rules have looked."""

    __tablename__ = "rule_cursors"

    name: str = Field(primary_key=True)
    position: int


TABLES = [
    SQLModel.metadata.tables[str(model.__tablename__)]
    for model in (FindingRow, FindingChange, RuleState, RuleSetting, RuleCursor)
]
"""The tables of this module: schema change 11."""

widen(TABLES)
