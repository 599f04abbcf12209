"""Tables of alerts: rules, what is pending or fires, history, silences, and what was sent where.

Rows are written by the collector alone: by its watch, its sender, and orders of visitors. No column
holds an address or a password of a target.
"""

from __future__ import annotations

from sqlmodel import Field, Index, SQLModel

from storage.models import widen


class AlertRule(SQLModel, table=True):
    """A rule, and how it was looked at last."""

    __tablename__ = "alert_rules"

    id: str = Field(primary_key=True, description="see storage.alerts.Rule")
    body: str = Field(description="JSON, storage.alerts.Rule")
    enabled: int = Field(default=1, description="0: it is not looked at")
    changed_us: int = Field(default=0, description="when a visitor changed it last")
    looked_us: int = Field(default=0, description="when it was looked at last, 0: never")
    value: float | None = Field(default=None, description="the worst then; null: unknown")
    subjects: int = Field(default=0, description="subjects with a value then, count")
    untold: int = Field(default=0, description="subjects beyond those followed, count")
    why: str = Field(default="", description="why it could not be looked at; empty: it could")


class AlertState(SQLModel, table=True):
    """An alert that is pending or fires."""

    __tablename__ = "alert_states"

    rule_id: str = Field(primary_key=True)
    subject_key: str = Field(primary_key=True)
    subject: str = Field(description="JSON, storage.alerts.Subject")
    state: str = Field(description="pending or firing")
    since_us: int = Field(description="when it went past the threshold")
    fired_us: int = Field(default=0, description="0: it is pending")
    back_us: int = Field(default=0, description="since when it is back, 0: it is not")
    value: float | None = Field(default=None, description="the newest; null: unknown")
    peak: float | None = Field(default=None, description="the worst so far")
    told: int = Field(default=0, description="1: a message about it was left for a target")


class AlertEvent(SQLModel, table=True):
    """Something happened to an alert."""

    __tablename__ = "alert_events"
    __table_args__ = (Index("alert_events_by_time", "at_us"),)

    id: int | None = Field(default=None, primary_key=True)
    at_us: int
    rule_id: str
    title: str = Field(description="of the rule, then")
    subject: str = Field(description="JSON, storage.alerts.Subject")
    change: str = Field(description="fired, resolved")
    severity: str
    value: float | None = Field(default=None, description="then; of resolved: the worst that was")
    threshold: float
    unit: str
    silenced: str = Field(default="", description="reason of the silence, empty: none")
    detail: str = Field(default="", description="why it was resolved, where not by its value")


class AlertSilence(SQLModel, table=True):
    """Nothing is sent of a rule until a time."""

    __tablename__ = "alert_silences"

    id: str = Field(primary_key=True)
    rule_id: str = Field(default="", description="empty: of all rules")
    subject: str = Field(default="", description="a part of the words of a subject, empty: any")
    until_us: int
    reason: str
    created_us: int


class AlertDelivery(SQLModel, table=True):
    """A message to one target. ``sending`` is committed before it is handed over."""

    __tablename__ = "alert_deliveries"
    __table_args__ = (Index("alert_deliveries_by_state", "state", "next_us"),)

    id: str = Field(primary_key=True, description="32 hex digits; its beginning is in the message")
    target: str = Field(description="name of the target")
    created_us: int
    kind: str = Field(description="info, success, warning or failure, as Apprise has them")
    title: str
    body: str
    state: str = Field(
        description="waiting, sending, sent, unknown (the collector ended while it was being sent; "
        "it is not sent again) or failed (given up)"
    )
    tries: int = Field(default=0, description="count")
    next_us: int = Field(default=0, description="not before that, of one that waits")
    ended_us: int = Field(default=0, description="when it was sent or given up, 0: it was not")
    problem: str = Field(default="", description="of the last try, our own words")


class AlertTarget(SQLModel, table=True):
    """Where messages can go: names only, told by the collector."""

    __tablename__ = "alert_targets"

    name: str = Field(primary_key=True)
    service: str = Field(description="what it is, as Apprise calls it: Slack, JSON, …")
    problem: str = Field(default="", description="why it cannot be used; empty: it can")


class AlertReading(SQLModel, table=True):
    """A metric that has no history of its own, written down when it changed, or after a minute."""

    __tablename__ = "alert_readings"

    metric: str = Field(primary_key=True)
    at_us: int = Field(primary_key=True)
    value: float | None = Field(description="null: unknown")


TABLES = [
    SQLModel.metadata.tables[str(model.__tablename__)]
    for model in (
        AlertRule, AlertState, AlertEvent, AlertSilence, AlertDelivery, AlertTarget, AlertReading
    )
]  # fmt: skip
"""The tables of this module: schema change 12."""

widen(TABLES)
