"""Calls of a saver as they were once done, done again: see ``Script`` and ``Conversation``.

A turn is one super-step: the pending writes before a checkpoint, then its put; where a run of the
graph began there, it is read first, as LangGraph does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collector.compare import repack
from collector.compare.timing import Times, alisted, listed
from collector.compare.workloads import LIST_EVERY, LIST_ROWS, Conversation


@dataclass
class Writes:
    """One put_writes."""

    ns: str
    checkpoint: str
    task: str
    values: list[tuple[str, Any]]


@dataclass
class Step:
    """One checkpoint, with the pending writes that came before it."""

    ns: str
    parent: str
    checkpoint: dict[str, Any]
    metadata: dict[str, Any]
    versions: dict[str, Any]
    """Channels that the step wrote → their versions."""
    writes: list[Writes] = field(default_factory=list)

    def as_json(self) -> Step:
        """The same for a saver that keeps JSON."""
        values = repack.plain(self.checkpoint["channel_values"])
        return Step(
            self.ns, self.parent, {**self.checkpoint, "channel_values": values}, self.metadata,
            self.versions,
            [
                Writes(one.ns, one.checkpoint, one.task,
                       [(name, repack.plain(value)) for name, value in one.values])
                for one in self.writes
            ],
        )  # fmt: skip


class Replay:
    """Threads to be done again; see ``Script``."""

    def __init__(self, recordings: list[list[Step]], threads: int) -> None:
        self.serde = repack.Repack()
        self.threads = threads
        self.turns = max(len(one) for one in recordings)
        self.recordings = recordings
        self._as_json: list[list[Step]] | None = None

    @property
    def thread_bytes(self) -> int:
        """What the largest thread holds where whole checkpoints are kept, bytes."""
        return max(sum(_size(step) for step in one) for one in self.recordings)

    def conversation(self, saver: Any, thread: str, durability: str, times: Times) -> Conversation:
        recordings = self.recordings
        if hasattr(saver, "checkpoints_index"):  # RedisSaver
            recordings = self._json()
        digits = thread[len(thread.rstrip("0123456789")) :]
        steps = recordings[int(digits or 0) % len(recordings)]
        return _Again(steps, saver, thread, times)

    def _json(self) -> list[list[Step]]:
        """Made by the first client that needs it; another one would make the same."""
        if self._as_json is None:
            self._as_json = [[step.as_json() for step in one] for one in self.recordings]
        return self._as_json


class _Again:
    """One thread."""

    def __init__(self, steps: list[Step], saver: Any, thread: str, times: Times) -> None:
        self.turns = len(steps)
        self._steps = steps
        self._saver = saver
        self._thread = thread
        self._times = times

    def turn(self, number: int) -> None:
        step = self._steps[number]
        start = time.perf_counter_ns()
        if step.metadata.get("source") == "input":
            self._saver.get_tuple(self._config(step.ns))
        for one in step.writes:
            self._saver.put_writes(self._config(one.ns, one.checkpoint), one.values, one.task)
        self._saver.put(*self._put(step))
        self._times.add("turn", time.perf_counter_ns() - start)
        if self._lists(number):
            _read(listed(self._saver, self._config(""), LIST_ROWS))

    async def aturn(self, number: int) -> None:
        step = self._steps[number]
        start = time.perf_counter_ns()
        if step.metadata.get("source") == "input":
            await self._saver.aget_tuple(self._config(step.ns))
        for one in step.writes:
            await self._saver.aput_writes(
                self._config(one.ns, one.checkpoint), one.values, one.task
            )
        await self._saver.aput(*self._put(step))
        self._times.add("turn", time.perf_counter_ns() - start)
        if self._lists(number):
            _read(await alisted(self._saver, self._config(""), LIST_ROWS))

    def _put(self, step: Step) -> tuple[Any, ...]:
        # Savers take parts of it apart.
        checkpoint = {**step.checkpoint, "channel_values": {**step.checkpoint["channel_values"]}}
        return (
            self._config(step.ns, step.parent), checkpoint, {**step.metadata}, {**step.versions}
        )  # fmt: skip

    def _config(self, ns: str, checkpoint: str = "") -> dict[str, Any]:
        named = {"thread_id": self._thread, "checkpoint_ns": ns}
        return {"configurable": named | ({"checkpoint_id": checkpoint} if checkpoint else {})}

    def _lists(self, number: int) -> bool:
        return (number + 1) % LIST_EVERY == 0 or number + 1 == self.turns


def _size(step: Step) -> int:
    """Bytes of the whole checkpoint and of its pending writes, as msgpack has them."""
    values = [value for one in step.writes for _, value in one.values]
    return len(repack.packed(step.checkpoint)) + sum(len(repack.packed(one)) for one in values)


def _read(rows: Iterator[Any]) -> None:
    for _ in rows:
        pass
