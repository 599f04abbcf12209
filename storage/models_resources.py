"""Tables of what is measured beside savers: stores, node caches, embeddings, pools, lru caches.

Every column says its unit; times are µs since 1970 (UTC). Rows are written by the collector alone.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from storage.models import widen

FOLDED = "…"
"""Name of the part, and label of the resource, that sums what is beyond a bound."""


class Resource(SQLModel, table=True):
    """A store, a cache of nodes, embeddings, an ``lru_cache`` or a pool of connections."""

    __tablename__ = "resources"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True, description="name given by the probe")
    kind: str = Field(
        default="", description="store, cache, embeddings, lru or pool; empty: untold"
    )
    backend: str = "other"
    class_name: str = ""
    label: str = ""
    database: str = Field(default="", description="path of a database file, empty: none")
    facts: str = Field(default="{}", description="JSON, what was set up: maximum, ttl_seconds, …")
    first_seen_us: int = 0
    last_seen_us: int = 0


class AccessRollup(SQLModel, table=True):
    """Calls of a resource summed by time, application, method and part.

    ``bucket_us`` is the start of a bucket of ``resolution_s`` seconds (1, 60 or 3600). A part is a
    namespace prefix of a store or a node of a cache; beyond a number of them in an hour, the calls
    of further ones are summed under ``…``.
    """

    __tablename__ = "access_rollups"

    resolution_s: int = Field(primary_key=True)
    bucket_us: int = Field(primary_key=True)
    application: str = Field(primary_key=True)
    resource_id: int = Field(primary_key=True, foreign_key="resources.id")
    method: str = Field(primary_key=True)
    part: str = Field(primary_key=True)
    count: int = Field(description="calls")
    errors: int = Field(description="of these, calls that raised")
    items: int = Field(description="keys asked for, items written or deleted, rows, texts")
    asked: int = Field(
        description="items of the calls that ask by key and told hits: misses are asked - hits"
    )
    hits: int
    payload_bytes: int = Field(description="read or written, of the calls that told it")
    unsized: int = Field(description="calls that did not tell bytes")
    duration_us: int = Field(description="sum, µs")
    duration_min_us: int
    duration_max_us: int
    waited_us: int = Field(description="in a batch before the call reached the backend, sum, µs")
    characters: int = Field(description="of embedded texts")
    saved_us: int = Field(description="cache: usual durations of the nodes that hits spared, µs")
    unknown_hits: int = Field(description="cache: hits of nodes whose usual duration was unknown")
    histogram: bytes = Field(
        sa_column=Column(LargeBinary, nullable=False),
        description="durations, see storage.histogram",
    )


class CacheNode(SQLModel, table=True):
    """A node in a cache: what is known of its keys as a whole."""

    __tablename__ = "cache_nodes"

    resource_id: int = Field(primary_key=True, foreign_key="resources.id")
    node: str = Field(primary_key=True)
    kept: int = Field(default=0, description="rows of cache_keys, count")
    dropped: int = Field(default=0, description="keys beyond the bound, oldest first, count")
    dropped_unhit: int = Field(default=0, description="of these, set and never hit, count")
    untold: int = Field(default=0, description="keys of calls that named only their first, count")
    last_seen_us: int = 0


class CacheKey(SQLModel, table=True):
    """A key of a node in a cache, by its hash."""

    __tablename__ = "cache_keys"
    __table_args__ = (
        Index("cache_keys_by_age", "resource_id", "node", "last_seen_us"),
        Index("cache_keys_by_time", "last_seen_us"),
    )

    resource_id: int = Field(primary_key=True, foreign_key="resources.id")
    node: str = Field(primary_key=True)
    key: str = Field(primary_key=True, description="16 hex digits of a hash")
    first_seen_us: int
    last_seen_us: int
    hits: int = Field(description="asked for and there, count")
    misses: int = Field(description="asked for and not there, count")
    sets: int = Field(description="written, count")
    value_bytes: int | None = Field(description="as last written, 0: cleared since; null: not told")
    ttl_seconds: int | None = Field(description="as last written; null: never expires")


class GaugeSample(SQLModel, table=True):
    """Counters and levels of a pool or an ``lru_cache`` in one process, by time.

    ``bucket_us`` is the start of a bucket of ``resolution_s`` seconds (1, 60 or 3600).
    """

    __tablename__ = "gauge_samples"
    __table_args__ = (Index("gauge_samples_by_time", "resolution_s", "bucket_us"),)

    resolution_s: int = Field(primary_key=True)
    resource_id: int = Field(primary_key=True, foreign_key="resources.id")
    process_id: int = Field(primary_key=True, foreign_key="processes.id")
    bucket_us: int = Field(primary_key=True)
    at_us: int = Field(description="of the newest reading in the bucket")
    readings: str = Field(description="JSON, name → the newest reading, as the probe told it")
    peaks: str = Field(description="JSON, name of a level → the highest reading in the bucket")
    added: str = Field(
        description="JSON, name of a counter → by how much it grew in the bucket; a counter that "
        "fell had begun again from 0"
    )


class NodeDuration(SQLModel, table=True):
    """How long a node usually takes when it runs: neither cached, nor ended by an exception."""

    __tablename__ = "node_durations"

    application: str = Field(primary_key=True)
    graph: str = Field(primary_key=True)
    node: str = Field(primary_key=True)
    count: int = Field(description="runs")
    last_seen_us: int
    histogram: bytes = Field(
        sa_column=Column(LargeBinary, nullable=False),
        description="durations, see storage.histogram",
    )


TABLES = [
    SQLModel.metadata.tables[model.__tablename__]
    for model in (Resource, AccessRollup, CacheNode, CacheKey, GaugeSample, NodeDuration)
]
"""The tables of this module: those of schema change 2."""

widen(TABLES)
