"""The table of attached databases: how far each was read.

Rows are written by the collector alone; where a database is and its password are not here, but in
a file of the spool (``storage.sources``).
"""

from __future__ import annotations

from sqlmodel import Field, SQLModel

from storage.models import widen


class SourceRow(SQLModel, table=True):
    """A database that is attached, or was."""

    __tablename__ = "sources"

    key: str = Field(primary_key=True, description="key of the storage, as of a saver")
    backend: str = ""
    shown: str = Field(default="", description="the URL as it may be shown, without secrets")
    application: str = ""
    mode: str = Field(default="attach", description="attach or values, see storage.sources")
    phase: str = Field(
        default="waiting",
        description="waiting: not begun; first: what was there is being read; following: it was, "
        "new ones are kept up with",
    )
    cursor: str = Field(default="", description="where to read on, text of the backend's own")
    done_checkpoints: int = Field(default=0, description="read so far, count")
    total_checkpoints: int = Field(default=-1, description="there to be read, count; -1: unknown")
    done_bytes: int = Field(default=0, description="read so far, bytes")
    total_bytes: int = Field(default=-1, description="there to be read, bytes; -1: unknown")
    problem: str = Field(default="", description="what keeps it from being read now")
    problem_since_us: int = Field(default=0, description="0: there is none")
    updated_us: int = Field(default=0, description="when the reader told something last")
    added_us: int = Field(default=0, description="when it was attached")
    removed_us: int = Field(default=0, description="when it was detached, 0: it is attached")


TABLES = [SQLModel.metadata.tables["sources"]]
"""The table of this module: part of schema change 5."""

widen(TABLES)
