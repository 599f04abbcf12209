"""What a backend holds of a checkpoint, by the rules of LangGraph's savers. No input or output.

*Stored bytes* follow from which rows a call adds, replaces or leaves:

* a checkpoint put again under its id replaces its row (``INSERT OR REPLACE``; InMemorySaver: its
  blobs have the same versions);
* a pending write is kept under (task, index), where the writes to special channels have negative
  indexes. SQLite and Postgres replace when *all* channels of the call are special, and otherwise
  keep what is there (langgraph-checkpoint-sqlite 3.1.2, ``SqliteSaver.put_writes``). InMemorySaver
  decides for each write: a special one replaces, another one stays as it was if the checkpoint had
  writes before the call (langgraph-checkpoint 4.3.2, ``InMemorySaver.put_writes``). MongoDB does
  as SQLite (langgraph-checkpoint-mongodb 0.5.1). RedisSaver and its relatives replace always
  (langgraph-checkpoint-redis 0.5.2), ValkeySaver replaces special ones and keeps the others
  (langgraph-checkpoint-aws 1.2.6, ``_merge_writes``);
* ``prune`` is implemented by few: see ``collector.pruning``;
* a shallow saver keeps the newest checkpoint alone: see ``collector.latest``.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import msgspec

from statemeter.events import SPECIAL_WRITE_INDEX

Key = tuple[str, str]
"""(namespace, checkpoint id)."""

WriteKey = tuple[str, int]
"""(task id, index)."""


_NO_WRITES: frozenset[WriteKey] = frozenset()


class Entry(msgspec.Struct):
    """A checkpoint of a namespace with its pending writes."""

    put: int | None = None
    """Bytes of its row: document and blobs of the call; None: never put."""
    live: int = 0
    """Document and the blobs of all its channels, bytes."""
    sizes: dict[str, int] | None = None
    """Live bytes by channel, kept where a ``put`` tells only those written."""
    root: str = ""
    """Of a subgraph's checkpoint: the one of the root graph from which its call started."""
    writes: dict[WriteKey, int] = {}
    """Bytes of each pending write."""
    found: bool = False
    """Whether its put was found in a database, and no probe told it."""
    found_writes: AbstractSet[WriteKey] = _NO_WRITES
    """Of ``writes``, those that were."""

    @property
    def write_bytes(self) -> int:
        """Bytes of all pending writes."""
        return sum(self.writes.values())

    def replace(self, row_bytes: int, live_bytes: int) -> int:
        """Put the checkpoint; the change of stored bytes."""
        change = row_bytes - (self.put or 0)
        self.put = row_bytes
        self.live = live_bytes
        return change

    def add_writes(self, task: str, writes: Sequence[tuple[str, int]], backend: str) -> int:
        """Put pending writes, (channel, bytes) each; the change of stored bytes."""
        if backend == "memory":
            return self._add_to_memory(task, writes)
        if not writes:
            return 0
        held = self.writes
        change = 0
        index_of = SPECIAL_WRITE_INDEX.get
        replace = backend == "redis" or (
            writes[0][0] in SPECIAL_WRITE_INDEX  # mostly not, and a generator costs more
            and all(channel in SPECIAL_WRITE_INDEX for channel, _ in writes)
        )
        for position, (channel, size) in enumerate(writes):
            key = (task, index_of(channel, position))
            old = held.get(key)
            if old is not None and not (replace or (backend == "valkey" and key[1] < 0)):
                continue
            held[key] = max(size, 0)
            change += held[key] - (old or 0)
        return change

    def add_found(self, task: str, writes: Sequence[tuple[int, int]]) -> int:
        """Take pending writes that lie in the database, (index, bytes) each; the change of stored
        bytes."""
        change = 0
        keys = set(self.found_writes)
        for index, size in writes:
            key = (task, index)
            change += size - self.writes.get(key, 0)
            self.writes[key] = size
            keys.add(key)
        self.found_writes = keys
        return change

    def _add_to_memory(self, task: str, writes: Sequence[tuple[str, int]]) -> int:
        held = self.writes
        change = 0
        had_writes = bool(held)
        for position, (channel, size) in enumerate(writes):
            key = (task, SPECIAL_WRITE_INDEX.get(channel, position))
            old = held.get(key)
            if old is not None and key[1] >= 0 and had_writes:
                continue
            held[key] = max(size, 0)
            change += held[key] - (old or 0)
        return change


def is_time_ordered(checkpoint: str) -> bool:
    """Whether a checkpoint id is a UUIDv6: those sort as text by the time they were made."""
    return len(checkpoint) == 36 and checkpoint[14] == "6"


def is_newest(checkpoint: str, newest: str) -> bool:
    """Whether a root checkpoint is the one that a reader asking for the latest gets.

    Ids that are not ordered by time count in the order of the calls.
    """
    return checkpoint >= newest or not is_time_ordered(checkpoint)


def plain_namespace(ns: str) -> str:
    """A checkpoint namespace without its task ids: ``a:uuid|b:uuid`` → ``a|b``."""
    return "|".join([part.partition(":")[0] for part in ns.split("|")]) if ns else ns
