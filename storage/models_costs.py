"""Tables of what costs are worked out from: the work by hour, prices that a user edited, settings.

Rows are written by the collector alone: of the work at ingest, of the others by orders of visitors.
"""

from __future__ import annotations

from sqlmodel import Field, SQLModel

from storage.models import widen


class WorkloadHour(SQLModel, table=True):
    """What an hour's calls would write in another layout, and what they tell of a model's context.

    Its sums are read as ratios of each other: a checkpoint that an attached database and a probe
    both tell of is in them twice.
    """

    __tablename__ = "workload_hours"

    bucket_us: int = Field(primary_key=True, description="start of the hour")
    application: str = Field(primary_key=True)
    backend: str = Field(primary_key=True)
    puts: int = Field(description="checkpoints whose channels were told, count")
    unknown_puts: int = Field(description="checkpoints whose channels were not told, count")
    document_bytes: int = Field(
        description="checkpoint documents as the backend holds them; in a layout of whole "
        "checkpoints with all values"
    )
    bookkeeping_bytes: int = Field(description="channel_versions and versions_seen in them")
    held_bytes: int = Field(description="values of all channels of each checkpoint")
    name_bytes: int = Field(description="names of these channels")
    changed_bytes: int = Field(description="values of the channels that each step wrote")
    small_bytes: int = Field(
        description="of held_bytes, those that PostgresSaver keeps inside the document: told by "
        "it; of other backends values of SMALL_BYTES at most that are no lists"
    )
    small_changed_bytes: int = Field(description="of changed_bytes, the same")
    writes_bytes: int = Field(description="values of pending writes")
    seen_puts: int = Field(description="checkpoints of calls that a probe saw, count")
    message_writes: int = Field(description="of these, steps that wrote the channel messages")
    message_bytes: int = Field(description="of messages after each such step, sum")
    message_elements: int = Field(description="the same, count")
    runs: int = Field(description="runs of graphs that ended, count")


class PriceRow(SQLModel, table=True):
    """A price that a user changed, added or removed; see ``storage.prices``."""

    __tablename__ = "prices"

    key: str = Field(primary_key=True, description="service, item and region, see Price.key")
    service: str = ""
    backend: str = ""
    item: str = ""
    price: float | None = Field(default=None, description="of one unit, in currency; null: unknown")
    currency: str = ""
    unit: str = ""
    region: str = ""
    as_of: str = Field(default="", description="YYYY, YYYY-MM, YYYY-MM-DD or undated")
    source: str = ""
    confidence: str = ""
    removed: int = Field(default=0, description="1: the shipped price is not wanted")
    changed_us: int = 0


class CostSetting(SQLModel, table=True):
    """A setting of the cost model that a user changed; see ``storage.cost_settings``."""

    __tablename__ = "cost_settings"

    name: str = Field(primary_key=True)
    value: str = Field(default="", description="as text")
    changed_us: int = 0


TABLES = [
    SQLModel.metadata.tables[str(model.__tablename__)]
    for model in (WorkloadHour, PriceRow, CostSetting)
]
"""The tables of this module: schema change 8."""

widen(TABLES)
