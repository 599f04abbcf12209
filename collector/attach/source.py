"""What can be asked of a database of checkpoints, whatever backend it is.

Each backend has a module of its own (``sqlite``, ``postgres``, ``redis``, ``mongodb``) with

    def opened(address: Address) -> AbstractContextManager[Source]

which connects (``collector.inspection`` has the openers and time limits) and raises
``collector.inspection.errors.CouldNotLook`` where there is nothing to read. The connection only
reads, enforced by server or driver; each statement is short and ends before anything is yielded;
nothing is deserialized; memory is bounded by a batch, whatever the database holds.

What is *found* is told as a probe would have told the call that wrote it: the same bytes by the
same rules (``statemeter.events``, docs/measures.md), so that an attached thread and its
instrumented twin have the same sums. Times of calls are unknown; the time of a checkpoint is its
own (``times.of_checkpoint``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from statemeter.sizes import ListSize

BATCH_BYTES = 4_000_000
"""About how much of a database a batch reads, and so holds in memory."""
BATCH_ROWS = 500
"""Most rows of a batch."""


@dataclass(frozen=True, slots=True)
class SaverFacts:
    """The storage, as ``statemeter.events.Saver`` has it."""

    key: str
    """``collector.inspection.url.storage_key``: equal to the probe's."""
    backend: str
    class_name: str
    """Of the saver that wrote it, as far as can be told: ``SqliteSaver``, ``PostgresSaver``, …"""
    layout: str
    """``whole``, ``channels`` or ``latest``."""
    label: str = ""
    serializer: str = ""
    database: str = ""
    """Absolute path of a database file, else empty."""


@dataclass(frozen=True, slots=True)
class Total:
    """How much there is, for the progress of the first pass; None: unknown."""

    checkpoints: int | None = None
    bytes: int | None = None
    """In the unit of ``Batch.read_bytes``."""


@dataclass(slots=True)
class FoundCheckpoint:
    """A checkpoint. Fields mean what they mean in ``statemeter.events.Put``."""

    thread: str
    ns: str
    checkpoint: str
    parent: str
    at_us: int
    """Its own time, see ``times.of_checkpoint``."""
    serializer: str
    """Tag: ``msgpack``, ``json``, …"""
    step: int = -2
    """From its metadata; -2 where unknown."""
    source: str = ""
    document_bytes: int = -1
    blob_bytes: int = 0
    """Channel blobs that came with it: of the channels whose version is not the parent's."""
    metadata_bytes: int = -1
    bookkeeping_bytes: int = -1
    whole: bool = False
    channels: dict[str, int | None] = field(default_factory=dict)
    """``whole``: every channel; else those that came with it (None: emptied by this step)."""
    changed: list[str] | None = None
    """Channels whose version is not the parent's; None: all in ``channels``."""
    lists: dict[str, ListSize] = field(default_factory=dict)
    """Of changed list channels, where that costs no shipping of blobs."""
    channels_unknown: str = ""
    inline_bytes: int = 0
    root: str = ""
    """Of a subgraph: checkpoint of the root graph, where the database tells."""
    deltas: dict[str, int] = field(default_factory=dict)
    snapshots: list[str] = field(default_factory=list)
    run_id: str = ""
    """From its metadata. For the reader alone; no event has it."""

    @property
    def read_bytes(self) -> int:
        """What of ``Batch.read_bytes`` it is."""
        return max(self.document_bytes, 0) + self.blob_bytes


@dataclass(slots=True)
class FoundWrites:
    """Pending writes of one task under one checkpoint, all that are kept of it now."""

    thread: str
    ns: str
    checkpoint: str
    at_us: int
    """Time of the checkpoint that they belong to; nothing tells their own."""
    serializer: str
    task: str
    node: str
    """From the task path (``times.node_of``), empty where that does not tell."""
    writes: list[tuple[int, str, int]]
    """(index as it is stored: negative for special channels; channel, bytes of the value)."""

    @property
    def read_bytes(self) -> int:
        """What of ``Batch.read_bytes`` they are."""
        return sum(max(size, 0) for _, _, size in self.writes)


Found = FoundCheckpoint | FoundWrites


@dataclass(slots=True)
class Batch:
    """A part of what there is."""

    found: list[Found]
    """In an order in which they can have been written: a parent before its children, writes after
    their checkpoint. The same may come again, in this batch or a later one: it is counted once."""
    cursor: str
    """Where to read on after this batch: text of the backend's own, at most 1,000 characters. It
    is committed together with what was found, and given to ``read`` after a restart."""
    read_bytes: int
    """What of ``Total.bytes`` this batch was."""


@dataclass(slots=True)
class Held:
    """What of a thread is there now."""

    checkpoints: set[tuple[str, str]]
    """(namespace, checkpoint id)."""
    writes: set[tuple[str, str]]
    """The same of those that have pending writes, with or without their checkpoint."""


class Source(Protocol):
    """An open database. Every method is a few short statements; errors of the driver are let out.

    ``failures`` names them: the reader tells the problem, scrubbed of secrets, closes the source,
    and opens it again later.
    """

    failures: tuple[type[Exception], ...]

    def saver(self) -> SaverFacts:
        """The storage."""
        ...

    def total(self) -> Total:
        """How much there is now, by estimate where exact figures cost a scan."""
        ...

    def read(self, cursor: str) -> Iterator[Batch]:
        """All from the cursor (empty: from the beginning) to the present, then end.

        Between batches the reader may wait for minutes, or stop. No transaction, cursor of a server
        or lock is open then.
        """
        ...

    def changed(self) -> bool:
        """Whether there can be anything new or gone since this was last asked; cheap. True at the
        first call, and wherever that cannot be told."""
        ...

    def gauges(self) -> dict[str, int]:
        """Counts and bytes of the whole database: ``checkpoints``, ``threads``, ``namespaces``,
        ``writes``, ``orphan_writes``, ``orphan_write_bytes`` (pending writes without their
        checkpoint), ``orphan_blobs``, ``orphan_blob_bytes``, ``dead_bytes`` (space that holds
        nothing), ``file_bytes``. What is not known in a short statement is absent. At most 32."""
        ...

    def counts(self, threads: Sequence[str]) -> dict[str, int]:
        """Checkpoints that each of these threads (at most 500) has now; absent or 0: none."""
        ...

    def held(self, thread: str) -> Held:
        """What of one thread is there now; asked where ``counts`` tells fewer than were read."""
        ...
