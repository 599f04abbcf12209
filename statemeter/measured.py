"""What the graphs of one test stored: sums over events, with the step and channel of each maximum.

Bytes are those of ``statemeter.events``; metadata is counted nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from statemeter import events

LATEST = "latest"
"""Layout of savers that keep only the newest checkpoint of a namespace."""


@dataclass(frozen=True)
class Step:
    """One checkpoint that a thread stored."""

    thread: str
    ns: str
    step: int
    """Super-step, as LangGraph counts: -1 is the input."""
    bytes: int
    """Document and blobs that this call wrote."""
    live_bytes: int
    """Document and blobs that this checkpoint needs, whichever step wrote them; -1: unknown."""
    channels: dict[str, int]
    """Bytes of each channel in this checkpoint, whichever step wrote it."""
    written: dict[str, int]
    """Those of them that lie in the document or blobs of this call."""
    why: str = ""
    """Why the channels are unknown, else empty."""

    @property
    def largest(self) -> tuple[str, int]:
        """The largest channel that this call wrote, and its bytes; ("", -1) where unknown."""
        return max(self.written.items(), key=lambda pair: pair[1], default=("", -1))

    def place(self) -> str:
        """The step in words."""
        ns = f", namespace {self.ns}" if self.ns else ""
        return f"thread {self.thread!r}{ns}, step {self.step}"


@dataclass
class Thread:
    """What one thread of one saver stored."""

    name: str
    latest: bool = False
    steps: list[Step] = field(default_factory=list)
    """In the order of the calls, those of subgraphs too."""
    written_bytes: int = 0
    """Checkpoints, blobs and pending writes of every call, a repeated one again."""
    stored_after: list[int] = field(default_factory=list)
    """``stored_bytes`` after each of ``steps``."""
    unknown: int = 0
    """Calls whose bytes no serializer told."""
    held: dict[Any, int] = field(default_factory=dict)
    pending: dict[Any, int] = field(default_factory=dict)

    @property
    def stored_bytes(self) -> int:
        """Checkpoints, blobs and pending writes, each once; deleted ones still count."""
        return sum(self.held.values()) + self.writes_bytes

    @property
    def writes_bytes(self) -> int:
        """Values of pending writes, each once."""
        return sum(self.pending.values())

    @property
    def live_bytes(self) -> int:
        """What the newest checkpoint of the root namespace needs; -1: unknown."""
        return next((step.live_bytes for step in reversed(self.steps) if not step.ns), -1)

    @property
    def amplification(self) -> float | None:
        """Written bytes / live bytes; None where unknown."""
        known = self.live_bytes > 0 and not self.unknown
        return self.written_bytes / self.live_bytes if known else None


class Measured:
    """The threads of a test; give it events with ``add``."""

    def __init__(self) -> None:
        self.threads: dict[tuple[str, str], Thread] = {}
        self.lost: dict[str, int] = {}
        """Events that were dropped meanwhile, by reason: with any, every number is a least one."""
        self._layouts: dict[str, str] = {}
        self._checkpoints: dict[tuple[str, str, str, str], dict[str, int]] = {}

    def add(self, told: Iterable[Any]) -> None:
        """Take events in, in their order."""
        for event in told:
            if isinstance(event, events.Saver):
                self._layouts[event.key] = event.layout
            elif isinstance(event, events.Put) and not event.error:
                self._put(event)
            elif isinstance(event, events.Writes) and not event.error:
                self._writes(event)

    @property
    def steps(self) -> list[Step]:
        """Those of all threads."""
        return [step for thread in self.threads.values() for step in thread.steps]

    def channels(self) -> dict[str, int]:
        """Channel → the most bytes that it took in any checkpoint."""
        most: dict[str, int] = {}
        for step in self.steps:
            for name, size in step.channels.items():
                most[name] = max(size, most.get(name, 0))
        return most

    def _thread(self, event: events.Put | events.Writes) -> Thread:
        key = (event.saver, event.thread)
        thread = self.threads.setdefault(key, Thread(event.thread))
        thread.latest = self._layouts.get(event.saver) == LATEST
        return thread

    def _put(self, event: events.Put) -> None:
        thread = self._thread(event)
        told: dict[str, int | None] = msgspec.json.decode(bytes(event.channels))
        channels: dict[str, int] = {}
        where = (event.saver, event.thread, event.ns)
        if not event.whole:
            channels.update(self._checkpoints.get((*where, event.parent), {}))
        for name, size in told.items():
            channels.pop(name, None)
            if size is not None:
                channels[name] = size
        for name in event.deltas:
            channels.pop(name, None)
        self._checkpoints[(*where, event.checkpoint)] = channels
        written = {name: size for name, size in told.items() if size is not None}
        size = max(event.document_bytes, 0) + event.blob_bytes
        live = event.document_bytes
        if live < 0:
            thread.unknown += 1
        elif not event.whole:
            live += sum(channels.values()) - event.inline_bytes
        thread.held[event.ns if thread.latest else (event.ns, event.checkpoint)] = size
        thread.written_bytes += size
        thread.steps.append(
            Step(event.thread, event.ns, event.step, size, live, channels, written,
                 event.channels_unknown)
        )  # fmt: skip
        thread.stored_after.append(thread.stored_bytes)

    def _writes(self, event: events.Writes) -> None:
        thread = self._thread(event)
        for at, (channel, size) in enumerate(event.writes):
            index = events.SPECIAL_WRITE_INDEX.get(channel, at)
            if size < 0:
                thread.unknown += 1
            key = (event.ns, event.checkpoint, event.task, index)
            thread.written_bytes += max(size, 0)
            if index < 0 or key not in thread.pending:  # savers replace the special ones only
                thread.pending[key] = max(size, 0)
