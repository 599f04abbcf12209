"""The tables of the metrics store. Every column says its unit; times are µs since 1970 (UTC).

Rows are written by the collector alone (``storage.writer``), in bulk, and read by
``storage.queries``. Identifiers of LangGraph are kept as text, as LangGraph writes them.

*stored bytes* are what the backend holds now: checkpoint documents, channel blobs and values of
pending writes, without metadata and without the backend's own overhead (keys, indexes, pages).
For SQLite that is ``sum(length(checkpoint)) + sum(length(value))`` of its two tables; for the other
backends see docs/measures.md.
*written bytes* are all that was ever sent of these. *live bytes* are those of the newest
checkpoint of the root namespace: its document plus the blobs of all its channels.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel


class Process(SQLModel, table=True):
    """One life (incarnation) of one process that wrote to the spool."""

    __tablename__ = "processes"

    id: int | None = Field(default=None, primary_key=True)
    incarnation: str = Field(unique=True, description="UUID of this life, 32 hex digits")
    application: str = ""
    host: str = ""
    pid: int = 0
    started_us: int = Field(default=0, description="creation of the process, µs since 1970")
    python: str = ""
    langgraph: str = ""
    probe: str = ""
    first_seen_us: int = 0
    last_seen_us: int = 0
    last_seq: int = Field(default=0, description="highest sequence number stored")
    rss_bytes: int | None = Field(default=None, description="newest sample, bytes")
    cpu_us: int | None = Field(default=None, description="newest sample, µs of CPU since start")
    threads: int | None = Field(default=None, description="newest sample, threads")
    emitted: int = Field(default=0, description="events the probe took, count")
    dropped: str = Field(default="{}", description="JSON, reason → events the probe lost, count")
    failures: int = Field(default=0, description="faults inside the probe, count")
    ended: int = Field(default=0, description="1: in good order; others: see storage.deaths")
    kind: str = Field(
        default="",
        description="empty: an instrumented process; attached: one of ours, that reads a database",
    )


class Saver(SQLModel, table=True):
    """A storage of checkpoints: one database, or one in-memory saver of one process."""

    __tablename__ = "savers"

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True, description="name of the storage given by the probe")
    backend: str = "other"
    class_name: str = ""
    layout: str = "unknown"
    label: str = ""
    serializer: str = ""
    database: str = Field(default="", description="path of a database file, empty: none")


class Thread(SQLModel, table=True):
    """A LangGraph thread in one storage, kept up to date at ingest."""

    __tablename__ = "threads"
    __table_args__ = (
        UniqueConstraint("saver_id", "thread_id"),
        Index("threads_by_stored", "stored_bytes"),
        # Both hold all that the Overview sums and counts: with 100,000 threads, their wide rows
        # would take longer to read than all else of the page.
        Index("threads_by_seen", "last_seen_us", "backend", "application"),
        Index(
            "threads_by_backend",
            "backend",
            "application",
            "deleted_us",
            "live_bytes",
            "stored_bytes",
            "written_bytes",
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    saver_id: int = Field(foreign_key="savers.id")
    thread_id: str
    application: str = ""
    graph: str = ""
    backend: str = ""
    steps: int = Field(default=0, description="checkpoints written in all namespaces, count")
    operations: int = Field(default=0, description="saver calls, count")
    errors: int = Field(default=0, description="saver calls that raised, count")
    live_bytes: int = Field(default=0, description="newest root checkpoint, bytes")
    stored_bytes: int = Field(default=0, description="held by the backend now, bytes")
    written_bytes: int = Field(default=0, description="ever sent to the backend, bytes")
    metadata_bytes: int = Field(default=0, description="checkpoint metadata ever sent, bytes")
    duration_us: int = Field(default=0, description="time in saver calls, µs")
    serde_us: int = Field(default=0, description="of it in the serializer, µs")
    first_seen_us: int = 0
    last_seen_us: int = 0
    checkpoint: str = Field(default="", description="newest root checkpoint id")
    newest: str = Field(
        default="",
        description="largest time-ordered checkpoint id (UUIDv6) that the backend may hold, of all "
        "namespaces",
    )
    deleted_us: int = Field(default=0, description="when last deleted, 0: is not")
    partial: int = Field(
        default=0,
        description="1: seen from the middle on, so that bytes written earlier are missing",
    )
    channels: str = Field(
        default="{}",
        description=(
            "JSON, namespace without task ids → channel → [live bytes, written bytes, writes, "
            "list elements or null]; written bytes count each step that wrote the channel"
        ),
    )


class Operation(SQLModel, table=True):
    """One call of a saver."""

    __tablename__ = "operations"
    __table_args__ = (Index("operations_by_thread", "thread_key", "at_us"),)

    id: int | None = Field(default=None, primary_key=True)
    process_id: int = Field(foreign_key="processes.id")
    seq: int
    thread_key: int = Field(foreign_key="threads.id", description="row of the thread, 0: none")
    at_us: int
    operation: str = Field(
        description="put, put_writes, get_tuple, list, get_delta_channel_history, delete_thread, "
        "prune, copy_thread, delete_for_runs or vanished (from an attached database); sync and "
        "async alike"
    )
    duration_us: int = Field(description="-1: found in an attached database, nobody saw the call")
    serde_us: int = Field(description="-1: the same")
    serializer: str
    graph: str
    run: int = Field(description="number of the run in its process, 0: none")
    ns: str
    checkpoint: str
    parent: str
    step: int | None
    source: str
    task: str
    node: str
    error: str = Field(description="class of the exception, empty: none")
    payload_bytes: int = Field(description="put, put_writes: written; reads: deserialized bytes")
    live_bytes: int | None = Field(description="put: document + all channel blobs, bytes")
    metadata_bytes: int | None
    bookkeeping_bytes: int | None
    stored_delta_bytes: int = Field(description="change of the thread's stored bytes by this call")
    rows: int | None = Field(description="list: rows; put_writes: writes; get_tuple: found 0 or 1")
    channels: str = Field(
        description="JSON; put: channel → live bytes, all channels of the checkpoint; put_writes: "
        "[[channel, bytes], …]"
    )
    changed: str = Field(description="JSON; put: channels written by the step, 0: all")
    lists: str = Field(description="JSON; put: list channel → [elements, [[index, type, bytes]…]]")
    detail: str = Field(
        description="JSON; what else the operation tells, {} for most. put: channels_unknown, root "
        "(checkpoint a subgraph's call started from), deltas (DeltaChannel → super-steps since its "
        "snapshot), snapshots (DeltaChannels written in full). Found in an attached database: "
        "found (application of its sums), change (live bytes, threads), indexes (of put_writes)"
    )


class Run(SQLModel, table=True):
    """A run of a graph."""

    __tablename__ = "runs"
    __table_args__ = (Index("runs_by_thread", "thread_key", "at_us"),)

    id: int | None = Field(default=None, primary_key=True)
    process_id: int = Field(foreign_key="processes.id")
    seq: int
    number: int
    thread_key: int = Field(description="row of the thread, 0: none")
    at_us: int
    duration_us: int
    graph: str
    run_id: str
    status: str = Field(description="done, interrupted, error or closed")
    error: str


class NodeRun(SQLModel, table=True):
    """A node ran once, or was answered by its cache."""

    __tablename__ = "node_runs"
    __table_args__ = (Index("node_runs_by_thread", "thread_key", "at_us"),)

    id: int | None = Field(default=None, primary_key=True)
    process_id: int = Field(foreign_key="processes.id")
    seq: int
    run: int
    thread_key: int = Field(description="row of the thread, 0: none")
    at_us: int
    duration_us: int
    ns: str
    graph: str
    step: int
    node: str
    task: str
    error: str
    cached: int = Field(description="1: answered by the node cache")
    rss_before_bytes: int | None = Field(default=None, description="of the process, at the start")
    rss_after_bytes: int | None = None
    rss_peak_bytes: int | None = None


class Sample(SQLModel, table=True):
    """A process, once a second."""

    __tablename__ = "samples"

    process_id: int = Field(primary_key=True, foreign_key="processes.id")
    at_us: int = Field(primary_key=True)
    rss_bytes: int
    cpu_percent: float | None = Field(description="of one core since the sample before, %")
    threads: int


class Rollup(SQLModel, table=True):
    """Operations summed by time, application, backend and operation.

    ``bucket_us`` is the start of a bucket of ``resolution_s`` seconds (1, 60 or 3600). For a
    quantity that is held rather than counted (stored, live bytes, threads) a bucket has the
    *change*; the level at its end is today's level minus all later changes.
    """

    __tablename__ = "rollups"

    resolution_s: int = Field(primary_key=True)
    bucket_us: int = Field(primary_key=True)
    application: str = Field(primary_key=True)
    backend: str = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    count: int
    errors: int
    payload_bytes: int = Field(description="written or read, bytes")
    duration_us: int = Field(description="sum, µs")
    duration_min_us: int
    duration_max_us: int
    serde_us: int = Field(description="sum, µs")
    stored_delta_bytes: int = Field(description="change of stored bytes")
    live_delta_bytes: int = Field(description="change of live bytes")
    threads_delta: int = Field(description="new threads minus deleted ones, count")
    histogram: bytes = Field(
        sa_column=Column(LargeBinary, nullable=False),
        description="durations, see storage.histogram",
    )


class ThreadMinute(SQLModel, table=True):
    """A thread in one minute in which it was used: for small charts in lists."""

    __tablename__ = "thread_minutes"

    thread_key: int = Field(primary_key=True, foreign_key="threads.id")
    minute_us: int = Field(primary_key=True)
    live_bytes: int = Field(description="at the end of the minute, bytes")
    stored_bytes: int = Field(description="at the end of the minute, bytes")
    written_bytes: int = Field(description="in this minute, bytes")
    operations: int = Field(description="in this minute, count")


class Segment(SQLModel, table=True):
    """How far a spool segment was read."""

    __tablename__ = "segments"

    incarnation: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    position: int = Field(default=0, description="bytes read and stored")
    size: int = Field(default=0, description="bytes last seen")
    sealed: int = Field(default=0, description="1: nothing will be added")
    deleted: int = Field(default=0, description="1: consumed whole and removed from the spool")


class Gap(SQLModel, table=True):
    """Sequence numbers of an incarnation that never arrived: a proved loss."""

    __tablename__ = "gaps"

    incarnation: str = Field(primary_key=True)
    first_seq: int = Field(primary_key=True)
    last_seq: int
    at_us: int


class DeadLetter(SQLModel, table=True):
    """A record that could not be taken, with its reason; kept for a look by hand."""

    __tablename__ = "dead_letters"

    id: int | None = Field(default=None, primary_key=True)
    at_us: int = Field(description="when the collector met it")
    incarnation: str
    segment: int
    position: int = Field(description="of its first byte in the segment")
    reason: str = Field(description="checksum, torn, json, shape, range, too_long or store")
    length: int = Field(description="bytes")
    record: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Collector(SQLModel, table=True):
    """The collector's own state: one row, id 1. It is the lease, too."""

    __tablename__ = "collector"

    id: int | None = Field(default=None, primary_key=True)
    holder: str = Field(default="", description="UUID of the collector that may write")
    host: str = ""
    pid: int = 0
    expires_us: int = Field(default=0, description="end of the lease unless renewed")
    started_us: int = 0
    heartbeat_us: int = 0
    spool: str = Field(default="", description="folder that is read")
    ingested: int = Field(default=0, description="events stored ever, count")
    events_per_second: float = Field(default=0.0, description="over the last seconds")
    lag_bytes: int = Field(default=0, description="spooled and not yet stored, bytes")
    lag_events: int = Field(default=0, description="the same in events, estimated by mean size")
    lag_seconds: float = Field(default=0.0, description="age of the oldest event not yet stored")
    backlog_bytes: int = Field(default=0, description="lag_bytes when the present drain began")
    dead_letters: str = Field(default="{}", description="JSON, reason → count ever")
    store_bytes: int = Field(default=0, description="file of the store with its WAL")
    problem: str = Field(default="", description="what stops it from reading or writing now")
    problem_since_us: int = 0


class Migration(SQLModel, table=True):
    """A schema change that was applied, written in the transaction that made it."""

    __tablename__ = "migrations"

    version: int = Field(primary_key=True)
    name: str
    applied_us: int


def widen(tables: Iterable[Table]) -> None:
    """Make whole numbers 64 bits wide: times in µs and sums of bytes outgrow 32 bits, which is
    what INTEGER means to PostgreSQL."""
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, Integer) and column.name != "id":
                column.type = BigInteger()


TABLES = [
    SQLModel.metadata.tables[str(model.__tablename__)]
    for model in (
        Process, Saver, Thread, Operation, Run, NodeRun, Sample, Rollup, ThreadMinute, Segment,
        Gap, DeadLetter, Collector, Migration,
    )
]  # fmt: skip
"""The tables of this module: those of schema change 1."""

widen(TABLES)
