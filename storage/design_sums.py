"""What a recorded thread takes: bytes written, held and read, and time, under any design.

The rules are those of the savers, see docs/measures.md: ``whole`` writes a document with all values
at every step; ``channels`` a document, and a blob for each value that changed. A ``DeltaChannel``
has no value in most checkpoints: a read walks its ancestors up to the last snapshot (``get_delta_
channel_history`` of langgraph-checkpoint 4.3.2), and takes the pending writes found there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from storage.design_thread import Put, Recorded, put_bytes

Key = tuple[str, str]

DOCUMENTS_UNREAD = frozenset({"postgres"})
"""Backends whose walk over ancestors reads none of their documents."""

BY_TUPLES = frozenset({"mongodb", "valkey"})
"""Backends without a method for the walk: they read every ancestor with all of its writes, by a
query each."""


@dataclass(frozen=True)
class Reads:
    """What loading a thread takes."""

    bytes: int
    """Read to load the newest checkpoint of the root namespace."""
    ancestors: int
    """Walked for it, count."""
    seed_bytes: int
    """Of it, snapshots that are blobs of other checkpoints."""
    most_bytes: int
    """The same of the checkpoint that takes most."""
    most_ancestors: int


@dataclass(frozen=True)
class Sums:
    """A thread in numbers."""

    written_bytes: int
    stored_bytes: int
    """Held by the saver in the end."""
    elsewhere_bytes: int
    """Held by a store."""
    live_bytes: int
    """Document and values of the newest checkpoint of the root namespace, with the last snapshots
    where these are blobs; without deltas."""
    checkpoints: int
    """Held in the end, count."""
    calls: int
    """Of ``put`` and ``put_writes``, count."""
    duration_us: float | None
    """In these calls; None: unknown."""
    reads: Reads
    curve: tuple[tuple[int, int], ...]
    """(place of a checkpoint among those of today, stored bytes after it), in the order of the
    calls."""


def sums(thread: Recorded) -> Sums:
    """All numbers of a thread."""
    sent = [put_bytes(put, thread.inline, thread.layout) for put in thread.puts]
    written = sum(sent) + sum(write.bytes for write in thread.writes) + thread.gone_bytes
    stored, checkpoints, curve = _stored(thread, sent)
    newest = newest_root(thread)
    reads = _reads(thread, newest)
    calls = len(thread.puts) + len(thread.writes)
    return Sums(
        written_bytes=written, stored_bytes=stored, elsewhere_bytes=thread.elsewhere_bytes,
        live_bytes=newest.frame_bytes + sum(newest.values.values()) + reads.seed_bytes
        if newest
        else 0,
        checkpoints=checkpoints, calls=calls,
        duration_us=None if thread.duration_us is None
        else thread.call_us[0] * calls + thread.call_us[1] * (written - thread.gone_bytes),
        reads=reads, curve=tuple(curve),
    )  # fmt: skip


def newest_root(thread: Recorded) -> Put | None:
    """What a reader who asks for the thread gets: the greatest id, as LangGraph's savers sort."""
    return max(
        (put for put in thread.puts if not put.ns), key=lambda put: put.checkpoint, default=None
    )


class _Held:
    """What the backend holds while calls come in."""

    def __init__(self, thread: Recorded) -> None:
        self._thread = thread
        self._blobs: dict[Key, dict[str, Key]] = {}
        """Checkpoint → channel → checkpoint that wrote its blob."""
        self._uses: Counter[tuple[Key, str]] = Counter()
        self._blob_bytes: dict[tuple[Key, str], int] = {}
        self.rows: dict[Key, int] = {}
        """Checkpoint → bytes of its row."""
        self.writes: Counter[Key] = Counter()
        self.bytes = 0

    def put(self, put: Put, sent: int) -> None:
        """Add a checkpoint."""
        row = sent
        if self._thread.layout == "channels":
            row = self._use(put)
        self.rows[put.key] = row
        self.bytes += row

    def _use(self, put: Put) -> int:
        """Add its blobs; the bytes of its document."""
        inline = self._thread.inline
        before = self._blobs.get((put.ns, put.parent), {})
        mine: dict[str, Key] = {}
        for name, size in put.values.items():
            if name in inline:
                continue
            mine[name] = put.key if name in put.written else before.get(name, put.key)
            blob = (mine[name], name)
            if not self._uses[blob]:
                self._blob_bytes[blob] = size
                self.bytes += size
            self._uses[blob] += 1
        self._blobs[put.key] = mine
        return put.frame_bytes + sum(put.values[name] for name in put.values.keys() & inline)

    def write(self, key: Key, size: int) -> None:
        """Add pending writes."""
        self.writes[key] += size
        self.bytes += size

    def drop(self, key: Key) -> None:
        """Remove a checkpoint, its writes, and blobs that no other uses."""
        self.bytes -= self.rows.pop(key) + self.writes.pop(key, 0)
        for name, owner in self._blobs.pop(key, {}).items():
            self._uses[owner, name] -= 1
            if not self._uses[owner, name]:
                self.bytes -= self._blob_bytes.pop((owner, name))


def _stored(thread: Recorded, sent: list[int]) -> tuple[int, int, list[tuple[int, int]]]:
    held, curve = _Held(thread), []
    under: dict[Key, int] = {}
    for write in thread.writes:
        under[write.key] = under.get(write.key, 0) + write.kept_bytes
    roots: list[str] = []
    for put, size in zip(thread.puts, sent, strict=True):
        held.put(put, size)
        held.write(put.key, under.pop(put.key, 0))
        if thread.keep and not put.ns:
            roots.append(put.checkpoint)
            _prune(held, roots, thread)
        curve.append((put.place, held.bytes))
    for key, size in under.items():  # of checkpoints that never landed, or are gone
        held.write(key, size)
    if curve:
        curve[-1] = (curve[-1][0], held.bytes)
    return held.bytes, len(held.rows), curve


def _prune(held: _Held, roots: list[str], thread: Recorded) -> None:
    """Keep the newest checkpoints of the root graph, and what its subgraphs made since the oldest
    of them; a namespace without a task id outlives its call, and stays. RedisSaver's own ``prune``
    keeps so many of every namespace."""
    if thread.backend == "redis":
        by_ns: dict[str, list[str]] = {}
        for ns, checkpoint in held.rows:
            by_ns.setdefault(ns, []).append(checkpoint)
        for ns, checkpoints in by_ns.items():
            for checkpoint in sorted(checkpoints)[: -thread.keep]:
                held.drop((ns, checkpoint))
        return
    if len(roots) <= thread.keep:
        return
    roots.sort()
    oldest = roots[-thread.keep]
    for ns, checkpoint in list(held.rows):
        if checkpoint < oldest and (not ns or ":" in ns):
            held.drop((ns, checkpoint))
    del roots[: -thread.keep]


@dataclass(frozen=True, slots=True)
class _Walk:
    """From a checkpoint up to the snapshot of one channel."""

    ancestors: int = 0
    document_bytes: int = 0
    channel_bytes: int = 0
    seed_bytes: int = 0


def _reads(thread: Recorded, newest: Put | None) -> Reads:
    pending: Counter[Key] = Counter()
    of_channel: Counter[tuple[str, str, str]] = Counter()
    for write in thread.writes:
        pending[write.key] += write.kept_bytes
    if not any(put.walked for put in thread.puts):
        sizes = {
            put.key: put.frame_bytes + sum(put.values.values()) + pending[put.key]
            for put in thread.puts
        }
        return Reads(sizes[newest.key] if newest else 0, 0, 0, max(sizes.values(), default=0), 0)
    for write in thread.writes:
        for name, size in write.parts:
            of_channel[write.ns, write.checkpoint, name] += size
    walks: dict[Key, dict[str, _Walk]] = {}
    found: dict[Key, tuple[int, int, int]] = {}
    for put, parent in thread.ways():
        mine: dict[str, _Walk] = {}
        for name in put.walked if parent is not None else ():
            assert parent is not None
            before = walks[parent.key].get(name, _Walk())
            documents = _document(thread, parent, pending[parent.key])
            deltas = of_channel[parent.ns, parent.checkpoint, name]
            # A snapshot lies in the document, or is a blob beside it.
            seed = parent.values.get(name, 0) if thread.layout == "channels" else 0
            mine[name] = _Walk(
                before.ancestors + 1, before.document_bytes + documents,
                before.channel_bytes + deltas + seed, before.seed_bytes + seed,
            )  # fmt: skip
        walks[put.key] = mine
        own = put.frame_bytes + sum(put.values.values()) + pending[put.key]
        own += max((walk.document_bytes for walk in mine.values()), default=0)
        if thread.backend not in BY_TUPLES:
            own += sum(walk.channel_bytes for walk in mine.values())
        found[put.key] = (
            own, max((walk.ancestors for walk in mine.values()), default=0),
            sum(walk.seed_bytes for walk in mine.values()),
        )  # fmt: skip
    size, ancestors, seed = found[newest.key] if newest else (0, 0, 0)
    return Reads(
        size, ancestors, seed, max((one[0] for one in found.values()), default=0),
        max((one[1] for one in found.values()), default=0),
    )  # fmt: skip


def _document(thread: Recorded, put: Put, pending: int) -> int:
    """What the walk reads of an ancestor beside the writes to the channel it is after."""
    if thread.backend in DOCUMENTS_UNREAD:
        return 0
    if thread.layout == "channels":
        return put.frame_bytes
    whole = put.frame_bytes + sum(put.values.values())
    return whole + pending if thread.backend in BY_TUPLES else whole
