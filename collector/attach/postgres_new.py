"""What is new in a PostgreSQL database since it was last looked at.

No index has the ids of checkpoints first. So the primary key is gone along, in pages, and only the
index is read; what has an id newer than the last, less a margin, is looked up. Pending writes are
looked for under new checkpoints, their parents, and the newest checkpoint of each namespace that
was active of late: those that come back to an older one, without a new checkpoint, are found with
the next one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psycopg

from collector.attach import cursors, postgres_rows, postgres_sends
from collector.attach.cursors import Cursor
from collector.attach.documents import Versions
from collector.attach.pages import Pages
from collector.attach.postgres_rows import Blob, Key
from collector.attach.remembered import Remembered
from collector.attach.source import Batch, Found, FoundCheckpoint

if TYPE_CHECKING:
    from collector.attach.postgres import Postgres

INDEX_ROWS = 20_000
"""Entries of the index in one statement: some 20 ms."""
_KEPT = 50_000
_OPEN = 2_000
_CHUNK = 500

_SWEEP = """
WITH page AS MATERIALIZED (
    SELECT {key}, {id} AS id FROM checkpoints WHERE ({key}) > ({marks}) ORDER BY {key} LIMIT %s)
SELECT thread_id, checkpoint_ns, id, true FROM page
WHERE id > %s OR length(id) <> 36 OR substr(id, 15, 1) <> '6'
UNION ALL (SELECT thread_id, checkpoint_ns, id, false FROM page ORDER BY {down} LIMIT 1)
"""
_FIRST_ONES = """
SELECT c.thread_id, c.checkpoint_ns, c.checkpoint_id FROM checkpoints c WHERE c.thread_id = ANY(%s)
AND NOT EXISTS (SELECT 1 FROM checkpoints p WHERE p.thread_id = c.thread_id
    AND p.checkpoint_ns = c.checkpoint_ns AND p.checkpoint_id = c.parent_checkpoint_id)
ORDER BY 1, 3, 2
"""
_TOLD_BEFORE = """
SELECT k.channel FROM unnest(%s::text[], %s::text[]) AS k (channel, version)
WHERE EXISTS (SELECT 1 FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = %s
    AND checkpoint_id < %s AND checkpoint -> 'channel_versions' ->> k.channel = k.version)
"""


class Told:
    """Versions of channels by which a checkpoint is understood that has no parent."""

    def __init__(self, source: Postgres) -> None:
        self._source = source
        self._versions: Remembered[tuple[str, str], Versions] = Remembered(_OPEN)

    def before(self, row: Mapping[str, Any]) -> Versions | None:
        """Versions that the checkpoint of a row came after: its parent's; of a saver that keeps the
        newest alone, those of the one that was told before it."""
        if self._source.latest:
            return self._versions.get((row["thread_id"], row["checkpoint_ns"]))
        before: Versions | None = row["before"]
        return before

    def blob_bytes(
        self, row: Mapping[str, Any], found: FoundCheckpoint, blobs: Mapping[str, Blob]
    ) -> int:
        """Bytes of blobs that came with it. Where its parent was pruned, those that no earlier
        checkpoint of the namespace has."""
        if self._source.latest or row["before"] is not None or not found.parent:
            return found.blob_bytes
        versions = {name: str(row["versions"][name]) for name in blobs}
        try:
            rows = self._source.rows(
                _TOLD_BEFORE, list(versions), list(versions.values()), found.thread, found.ns,
                found.checkpoint,
            )  # fmt: skip
        except psycopg.errors.QueryCanceled:  # a namespace of very many checkpoints
            return found.blob_bytes
        return found.blob_bytes - sum(blobs[name][1] for (name,) in rows)

    def tell(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """These rows were told."""
        if self._source.latest:
            for row in rows:
                self._versions[row["thread_id"], row["checkpoint_ns"]] = row["versions"] or {}


class New:
    """What is new, and what is known already."""

    def __init__(self, source: Postgres) -> None:
        self._source = source
        self.told = Told(source)
        self._seen: Remembered[Key, bool] = Remembered(_KEPT)
        self._open: Remembered[tuple[str, str], str] = Remembered(_OPEN)
        self._writes: Remembered[Key, tuple[int, int]] = Remembered(_KEPT)
        self._shortened: set[str] = set()
        latest = source.latest
        key = "thread_id, checkpoint_ns" if latest else "thread_id, checkpoint_ns, checkpoint_id"
        self._width = 2 if latest else 3
        self._sweep = _SWEEP.format(
            key=key, id="checkpoint ->> 'id'" if latest else "checkpoint_id",
            marks=", ".join(["%s"] * self._width),
            down="thread_id DESC, checkpoint_ns DESC, id DESC",
        )  # fmt: skip

    def saw(self, found: Sequence[Found]) -> None:
        """These were told."""
        for one in found:
            if isinstance(one, FoundCheckpoint):
                self._seen[one.thread, one.ns, one.checkpoint] = True
                newest = self._open.get((one.thread, one.ns)) or ""
                self._open[one.thread, one.ns] = max(newest, one.checkpoint)

    def shortened(self, thread: str) -> None:
        """Checkpoints of a thread are gone: those that came after them have their blobs now, and
        are told again at the next reading."""
        if not self._source.latest:
            self._shortened.add(thread)

    @property
    def waits(self) -> bool:
        """Whether there is something to be told again."""
        return bool(self._shortened)

    def read(self, at: Cursor) -> Iterator[Batch]:
        """All that came after the cursor."""
        since, mark = at.since, at.mark
        key: tuple[str, ...] = ("",) * self._width
        pages = Pages()
        looked: set[Key] = set()
        shortened, self._shortened = sorted(self._shortened), set()
        first = self._source.rows(_FIRST_ONES, shortened) if shortened else []
        for begin in range(0, len(first), _CHUNK):
            yield Batch(self.checkpoints(first[begin : begin + _CHUNK])[0], at.text(), 0)
        while True:
            rows = self._source.rows(self._sweep, *key, INDEX_ROWS, since)
            if not rows:
                break
            key = next(row for row in rows if not row[3])[: self._width]
            hits = [row[:3] for row in rows if row[3] and row[:3] not in self._seen]
            while hits:
                part, hits = hits[: pages.rows], hits[pages.rows :]
                begun = time.monotonic()
                found, size = self.checkpoints(part)
                looked.update(_beside(found))
                mark = max([mark, *(cursors.newest(mark, one.checkpoint) for one in found)])
                pages.took(time.monotonic() - begun)
                yield Batch(found, at.text(), size)
        looked.update((thread, ns, newest) for (thread, ns), newest in self._open.items())
        keys = sorted(looked)
        for begin in range(0, len(keys), _CHUNK):
            yield from self._pending(keys[begin : begin + _CHUNK], at)
        at.mark = mark
        yield Batch([], at.text(), 0)

    def checkpoints(self, keys: Sequence[Key]) -> tuple[list[Found], int]:
        """Checkpoints of these keys, and their bytes; they count as told."""
        columns = [list(column) for column in zip(*keys, strict=True)]
        rows = self._source.named_rows(self._source.statements.given, *columns)
        found, size = self._source.checkpoints(rows, self.told)
        self.told.tell(rows)
        self.saw(found)
        return found, size

    def fresh(self, pending: Sequence[Any]) -> list[Any]:
        """Of rows of pending writes, those under checkpoints that have others than were told
        before; they count as told."""
        by_checkpoint: dict[Key, list[Any]] = {}
        for row in pending:
            by_checkpoint.setdefault(row[:3], []).append(row)
        fresh = []
        for key, held in by_checkpoint.items():
            state = (len(held), sum(row[8] for row in held))
            if self._writes.get(key) != state:
                self._writes[key] = state
                fresh += held
        return postgres_sends.named(self._source, fresh)

    def _pending(self, keys: Sequence[Key], at: Cursor) -> Iterator[Batch]:
        fresh = self.fresh(self._source.pending(keys))
        if fresh:
            yield Batch(list(postgres_rows.writes(fresh)), at.text(), sum(row[8] for row in fresh))


def _beside(found: Sequence[Found]) -> Iterator[Key]:
    """Where new pending writes may lie, besides under the newest checkpoints."""
    for one in found:
        yield one.thread, one.ns, one.checkpoint
        if isinstance(one, FoundCheckpoint) and one.parent:
            yield one.thread, one.ns, one.parent
