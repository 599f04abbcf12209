"""A checkpoint as its backend keeps it: blobs with their tags, nothing decoded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

from storage.values import HEAD_BYTES

BLOB_BYTES = 32_000_000
"""Largest blob that is fetched whole; of a larger one, its length and its first bytes are."""

TOTAL_BYTES = 64_000_000
"""Most bytes that one answer fetches; what comes after is fetched by length and first bytes."""

MOST_WRITES = 10_000
"""Most pending writes of a checkpoint that are fetched."""


@dataclass(frozen=True, slots=True)
class Blob:
    """One serialized value."""

    type: str
    """Tag of the serializer."""
    size: int
    """Length, bytes; -1: unknown."""
    content: bytes = b""
    """All of it, or its first bytes where it is too large to be fetched."""

    @property
    def whole(self) -> bool:
        """Whether all of it was fetched."""
        return self.size == len(self.content)


EMPTY = Blob("empty", 0)


@dataclass(frozen=True, slots=True)
class Pending:
    """One pending write."""

    task: str
    path: str
    index: int
    channel: str
    blob: Blob

    @property
    def order(self) -> tuple[str, str, int]:
        """By which LangGraph sorts them (``langgraph.checkpoint.base.writes_sort_key``)."""
        return self.path, self.task, self.index


@dataclass(slots=True)
class Replay:
    """What a ``DeltaChannel`` is rebuilt from."""

    seed: Blob | None = None
    """Its value in the nearest ancestor that has one; None: it starts empty."""
    writes: list[Blob] = field(default_factory=list)
    """Oldest first."""
    ancestors: int = 0
    """How many were read."""
    complete: bool = True
    """False: the walk ended at a limit."""


@dataclass(slots=True)
class Found:
    """One checkpoint."""

    checkpoint: str
    """Its id."""
    parent: str
    """Id of its parent; empty: none."""
    document: Blob
    """The checkpoint; where the backend keeps channels inside it, they are in it."""
    metadata: Blob
    channels: dict[str, Blob] = field(default_factory=dict)
    """Channels that are kept beside the document."""
    writes: list[Pending] = field(default_factory=list)
    """In the order in which LangGraph applies them."""
    more_writes: bool = False
    """There are some that were not fetched."""
    unread: bool = False
    """LangGraph does not read its pending writes: RedisSaver's mark that there are some was lost
    where they came before the checkpoint. What it rebuilds of delta channels lacks them, too."""
    replays: dict[str, Replay] | None = None
    """Delta channels; None: to be found by reading the ancestors."""


@dataclass(slots=True)
class Budget:
    """Bytes that may still be fetched."""

    left: int = TOTAL_BYTES

    def most(self, size: int) -> int:
        """How many bytes of a blob of ``size`` to fetch: all, or its head; they are spent."""
        most = size if size <= min(BLOB_BYTES, self.left) else min(size, HEAD_BYTES)
        self.left -= most
        return most


class Reader(Protocol):
    """A connection to one database, opened for one question."""

    def find(
        self, thread: str, ns: str, checkpoint: str, channels: Collection[str] | None
    ) -> Found | None:
        """A checkpoint, None where there is none.

        Args:
            thread: id of the thread.
            ns: checkpoint namespace.
            checkpoint: its id; empty: the newest.
            channels: of these alone; None: of all. Pending writes likewise.

        Raises:
            CouldNotLook: the database refused.
        """
        ...
