"""The table of regions: parts of an application's own code, marked by ``statemeter.track``."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.models import widen


class RegionRun(SQLModel, table=True):
    """A region ran once."""

    __tablename__ = "regions"
    __table_args__ = (Index("regions_by_process", "process_id", "at_us"),)

    id: int | None = Field(default=None, primary_key=True)
    process_id: int = Field(foreign_key="processes.id")
    seq: int
    run: int = Field(description="number of the run, 0: outside one")
    thread_key: int = Field(description="row of the thread, 0: none")
    at_us: int
    duration_us: int
    graph: str
    node: str = Field(description="node that it ran in, empty: outside one")
    name: str
    error: str
    before_bytes: int | None = Field(description="resident memory of the process when it began")
    after_bytes: int | None = Field(description="the same when it ended")
    peak_bytes: int | None = Field(
        description="the most that was read of it; null: nothing was read in between"
    )


TABLES = [SQLModel.metadata.tables["regions"]]
"""The table of this module."""

widen(TABLES)
