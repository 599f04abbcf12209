"""The table of inspections: looks into databases of LangGraph, on request.

Rows are written by the collector alone, from what the looks hand over.
"""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.models import widen


class InspectionRow(SQLModel, table=True):
    """One look into one database; see ``storage.inspections.Inspection``."""

    __tablename__ = "inspections"
    __table_args__ = (Index("inspections_by_storage", "storage", "at_us"),)

    id: int | None = Field(default=None, primary_key=True)
    inspection: str = Field(unique=True, description="UUID of the look, 32 hex digits")
    storage: str = Field(description="key of the storage, as of a saver")
    backend: str
    label: str
    at_us: int = Field(description="start of the look")
    status: str = Field(description="worst of its checks: ok, unknown, warning or critical")
    result: str = Field(description="JSON of the Inspection; no value of a state, no password")


TABLES = [SQLModel.metadata.tables["inspections"]]
"""The tables of this module: those of schema change 3."""

widen(TABLES)
