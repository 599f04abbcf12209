"""The same calls twice: as a probe told them in the process that made them, and as they are found
in the database afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collector.attach.source import Batch, Found, FoundCheckpoint, FoundWrites
from collector.records import PutParts, take
from statemeter import events
from tests.conftest import REPOSITORY

Key = tuple[str, str, str]
"""Thread, namespace, checkpoint id."""


@dataclass
class Told:
    """What a probe told, errors left out."""

    puts: dict[Key, tuple[events.Put, PutParts]] = field(default_factory=dict)
    writes: dict[tuple[Key, str], dict[int, tuple[str, int]]] = field(default_factory=dict)
    """(checkpoint, task) → index → (channel, bytes)."""
    nodes: dict[tuple[Key, str], str] = field(default_factory=dict)
    backends: dict[str, str] = field(default_factory=dict)
    """By key of the saver."""


@dataclass
class Seen:
    """What was found."""

    checkpoints: dict[Key, FoundCheckpoint] = field(default_factory=dict)
    writes: dict[tuple[Key, str], dict[int, tuple[str, int]]] = field(default_factory=dict)
    nodes: dict[tuple[Key, str], str] = field(default_factory=dict)

    def stored(self, thread: str) -> int:
        """Bytes that the database holds of a thread."""
        documents = sum(
            one.document_bytes + one.blob_bytes
            for key, one in self.checkpoints.items()
            if key[0] == thread
        )
        writes = sum(
            size
            for (key, _), held in self.writes.items()
            for _, size in held.values()
            if key[0] == thread
        )
        return documents + writes


def run(module: str, spool: Path, *arguments: str) -> Told:
    """Applications, in a process of its own that is instrumented; what the probe told of them."""
    subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"STATEMETER_SPOOL": str(spool), "STATEMETER_APP": "twin"},
        check=True,
    )
    return told(spool)


def told(spool: Path) -> Told:
    """All of a spool."""
    found = Told()
    for segment in sorted(spool.glob("*.spool")):
        items, rejected, _ = take(segment.read_bytes(), 1 << 30)
        assert not rejected
        for event, parts in items:
            if isinstance(event, events.Saver):
                found.backends[event.key] = event.backend
            if isinstance(event, events.Put) and not event.error:
                found.puts[event.thread, event.ns, event.checkpoint] = (event, parts)
            if isinstance(event, events.Writes) and not event.error:
                _add(found, event)
    return found


def _add(found: Told, event: events.Writes) -> None:
    key = ((event.thread, event.ns, event.checkpoint), event.task)
    held = found.writes.setdefault(key, {})
    special = all(channel in events.SPECIAL_WRITE_INDEX for channel, _ in event.writes)
    backend = found.backends[event.saver]
    for position, (channel, size) in enumerate(event.writes):
        index = events.SPECIAL_WRITE_INDEX.get(channel, position)
        replaces = special or backend == "redis" or (backend == "valkey" and index < 0)
        if replaces or index not in held:
            held[index] = (channel, size)
    found.nodes[key] = event.node or found.nodes.get(key, "")


def seen(batches: Iterable[Batch]) -> Seen:
    """All of some batches; one that comes twice has to be the same."""
    found = Seen()
    for one in all_of(batches):
        key = (one.thread, one.ns, one.checkpoint)
        if isinstance(one, FoundCheckpoint):
            assert found.checkpoints.setdefault(key, one) == one
        else:
            found.writes.setdefault((key, one.task), {}).update(
                {index: (channel, size) for index, channel, size in one.writes}
            )
            found.nodes[key, one.task] = one.node
    return found


def all_of(batches: Iterable[Batch]) -> Iterator[Found]:
    """Everything in them."""
    for batch in batches:
        yield from batch.found


def as_told(event: events.Put, parts: PutParts) -> dict[str, Any]:
    """What a put and the checkpoint that is found have in common, but for lists and times."""
    changed = parts.channels if parts.changed is None else parts.changed
    return {
        "parent": event.parent, "step": event.step, "source": event.source,
        "document": event.document_bytes, "blobs": event.blob_bytes,
        "metadata": event.metadata_bytes, "bookkeeping": event.bookkeeping_bytes,
        "channels": parts.channels, "changed": set(changed), "whole": bool(event.whole),
        "inline": event.inline_bytes, "root": event.root, "deltas": event.deltas,
        "snapshots": set(event.snapshots), "why": event.channels_unknown,
    }  # fmt: skip


def as_found(one: FoundCheckpoint) -> dict[str, Any]:
    """The same of what was found."""
    changed = one.channels if one.changed is None else one.changed
    return {
        "parent": one.parent, "step": one.step, "source": one.source,
        "document": one.document_bytes, "blobs": one.blob_bytes, "metadata": one.metadata_bytes,
        "bookkeeping": one.bookkeeping_bytes, "channels": one.channels, "changed": set(changed),
        "whole": one.whole, "inline": one.inline_bytes, "root": one.root, "deltas": one.deltas,
        "snapshots": set(one.snapshots), "why": one.channels_unknown,
    }  # fmt: skip


def compare(told: Told, found: Seen, thread_prefix: str = "") -> int:
    """Every checkpoint and write that is found is as it was told, and made when it was told; how
    many checkpoints. Those whose parent is gone are left out: they have their blobs from it."""
    number = 0
    for key, one in found.checkpoints.items():
        if not key[0].startswith(thread_prefix):
            continue
        event, parts = told.puts[key]
        assert 0 <= event.at_us - one.at_us < 60_000_000
        if event.parent and (key[0], key[1], event.parent) not in found.checkpoints:
            continue
        assert as_found(one) == as_told(event, parts), key
        number += 1
    for (key, task), held in found.writes.items():
        if key[0].startswith(thread_prefix):
            assert held == told.writes[key, task], (key, task)
    return number


def in_order(found: Iterable[Found]) -> None:
    """A parent comes before its children, writes after their checkpoint where that is there."""
    listed = list(found)
    there = {(o.thread, o.ns, o.checkpoint) for o in listed if isinstance(o, FoundCheckpoint)}
    before: set[Key] = set()
    for one in listed:
        key = (one.thread, one.ns, one.checkpoint)
        if isinstance(one, FoundCheckpoint):
            parent = (one.thread, one.ns, one.parent)
            assert parent not in there or parent in before
            before.add(key)
        else:
            assert isinstance(one, FoundWrites)
            assert key not in there or key in before
