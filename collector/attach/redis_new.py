"""What is new in a Redis or Valkey database since it was last looked at.

By the search index of RedisSaver, which knows when each checkpoint was written; where there is
none, and from time to time, all keys are scanned for ids newer than the last, less a margin.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from collector.attach import redis_keys, times
from collector.attach.cursors import Cursor, newest
from collector.attach.pages import Pages
from collector.attach.redis_documents import Key
from collector.attach.remembered import Remembered
from collector.attach.source import Batch, Found, FoundCheckpoint
from collector.held import is_time_ordered

if TYPE_CHECKING:
    from collector.attach.redis import Redis

RESCAN_SECONDS = 600
"""A document that the server could not index is found by the next scan."""
_KEPT = 50_000
_OPEN = 2_000
_AT_ONCE = 100
_SECONDS = 0.03


class New:
    """What is new, and what is known already."""

    def __init__(self, source: Redis) -> None:
        self._source = source
        self._told: Remembered[tuple[bytes, str], bool] = Remembered(_KEPT)
        self._open: Remembered[tuple[str, str], str] = Remembered(_OPEN)
        self._states: Remembered[Key, int] = Remembered(_KEPT)
        self._tasks: Remembered[tuple[Key, str], list[tuple[int, str, int]]] = Remembered(_KEPT)
        self._floor: str | None = None
        self._scanned = -float(RESCAN_SECONDS)

    def fresh(self, found: Sequence[Found], at: Cursor) -> list[Found]:
        """Without pending writes that were told just so; of a shallow saver, which keeps those of
        all checkpoints that there ever were, nor those that an earlier reader told."""
        if self._floor is None:
            self._floor = at.mark if at.key is None else ""
        fresh: list[Found] = []
        for one in found:
            if not isinstance(one, FoundCheckpoint):
                task = ((one.thread, one.ns, one.checkpoint), one.task)
                if self._tasks.get(task) == one.writes:
                    continue
                if self._source.form.layout == "latest" and one.checkpoint < self._floor:
                    continue
                self._tasks[task] = one.writes
            fresh.append(one)
        return fresh

    def saw(self, found: Sequence[Found]) -> None:
        """These were told."""
        for one in found:
            if isinstance(one, FoundCheckpoint):
                key = (one.thread, one.ns, one.checkpoint)
                for place in self._source.form.places_of(key):
                    self._told[place, one.checkpoint] = True
                last = self._open.get((one.thread, one.ns)) or ""
                self._open[one.thread, one.ns] = max(last, one.checkpoint)

    def saw_states(self, keys: Sequence[Key]) -> None:
        """The pending writes of these checkpoints are told as they are now."""
        for key, state in zip(keys, self._source.form.states(keys), strict=True):
            self._states[key] = state

    def read(self, at: Cursor) -> Iterator[Batch]:
        """All that came after the cursor."""
        mark, pages = at.mark, Pages(_AT_ONCE, _SECONDS)
        looked: dict[Key, bool] = {}
        keys = sorted(self._candidates(at.since), key=redis_keys.place_of)
        while keys:
            part, keys = keys[: pages.rows], keys[pages.rows :]
            begun = time.monotonic()
            found, size = self._source.batch(part)
            pages.took(time.monotonic() - begun, size)
            for one in found:
                if isinstance(one, FoundCheckpoint):
                    mark = newest(mark, one.checkpoint)
                    if one.parent:
                        looked[one.thread, one.ns, one.parent] = True
            self.saw(found)
            if fresh := self.fresh(found, at):
                yield Batch(fresh, at.text(), size)
        for (thread, ns), checkpoint in self._open.items():
            looked[thread, ns, checkpoint] = True
        yield from self._pending(list(looked), at)
        at.mark = mark
        yield Batch([], at.text(), 0)

    def _candidates(self, since: str) -> list[bytes]:
        """Keys of checkpoints that may be new."""
        form, server = self._source.form, self._source.server
        known: list[bytes] | None = None
        now = time.monotonic()
        if form.index and now - self._scanned < RESCAN_SECONDS and form.index in server.indexes():
            begun_ms = times.of_checkpoint(since) // 1000
            known = server.search(form.index, f"@checkpoint_ts:[{begun_ms} +inf]")
        if known is None:
            self._scanned = now
        lists = server.scan("checkpoint:*") if known is None else [known]
        found = []
        for keys in lists:
            for key, checkpoint in form.ids([*filter(form.is_checkpoint, keys)]):
                if (key, checkpoint) not in self._told and _may_be_new(checkpoint, since):
                    found.append(key)
        return found

    def _pending(self, keys: Sequence[Key], at: Cursor) -> Iterator[Batch]:
        """Pending writes under these checkpoints, where there are others than before."""
        form = self._source.form
        for begin in range(0, len(keys), _AT_ONCE):
            some = keys[begin : begin + _AT_ONCE]
            states = form.states(some)
            changed = [
                (key, state) for key, state in zip(some, states, strict=True)
                if state and self._states.get(key) != state
            ]  # fmt: skip
            if not changed:
                continue
            found: list[Found] = []
            size = 0
            for pending in form.writes([key for key, _ in changed]):
                found += form.tasks(pending)
                size += sum(write[6] for write in pending)
            for key, state in changed:
                self._states[key] = state
            if fresh := self.fresh(found, at):
                yield Batch(fresh, at.text(), size)


def _may_be_new(checkpoint: str, since: str) -> bool:
    return checkpoint > since or not is_time_ordered(checkpoint)
