"""The table of jobs: work that was asked for, how far it is, and what it found.

Rows are written by the collector alone, from what the children tell (``storage.jobs``).
"""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.models import widen


class JobRow(SQLModel, table=True):
    """One job, see ``storage.jobs``; it stays until it is forgotten."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_by_kind", "kind", "created_us"),)

    id: str = Field(primary_key=True, description="UUID, 32 hex digits")
    kind: str = Field(description="which work, see collector.jobs.kinds")
    name: str = Field(default="", description="what people call it")
    asked: str = Field(default="{}", description="JSON, its settings; no secret")
    state: str = Field(default="waiting", description="waiting, running, done, failed or cancelled")
    phase: str = Field(default="", description="what it does now, in words")
    share: float | None = Field(default=None, description="how much is done, 0 to 1; null: unknown")
    problem: str = Field(default="", description="why it failed, with the fix")
    partial: int = Field(default=0, description="1: the result is not all that was asked for")
    created_us: int = 0
    started_us: int = Field(default=0, description="0: it has not begun")
    updated_us: int = Field(default=0, description="when it told something last")
    ended_us: int = Field(default=0, description="0: it has not ended")
    result: str = Field(default="null", description="JSON of its kind; no value of a state")


TABLES = [SQLModel.metadata.tables["jobs"]]
"""The table of this module: schema change 7."""

widen(TABLES)
