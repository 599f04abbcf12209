"""Rows of ``operations`` and of what runs beside, in the order of the columns."""

from __future__ import annotations

from typing import Any

import msgspec

from collector.processes import ProcessState
from collector.threads import ThreadState
from statemeter import events
from storage.inserts import ABSENT, Row

_encode = msgspec.json.Encoder().encode


def of_put(  # noqa: PLR0917 (called for every put: keywords cost)
    process: ProcessState, state: ThreadState, event: events.Put, payload: int, live: int,
    stored: int, channels: str, changed: str, lists: str, detail: dict[str, Any] | None,
) -> Row:  # fmt: skip
    """A put: bytes of its payload, live, and the change of stored ones; the JSON of its channels,
    of those that its step wrote, and of lists."""
    return (
        process.id, event.seq, state.id, event.at_us, "put", event.duration_us,
        event.serde_us, event.serializer, event.graph, event.run, event.ns, event.checkpoint,
        event.parent, event.step if event.step >= -1 else ABSENT, event.source, "", "",
        event.error, payload, ABSENT if event.error else live,
        event.metadata_bytes if event.metadata_bytes >= 0 else ABSENT,
        event.bookkeeping_bytes if event.bookkeeping_bytes >= 0 else ABSENT, stored, ABSENT,
        channels, changed, lists, _detail(event, detail),
    )  # fmt: skip


def of_writes(  # noqa: PLR0917 (called for most events: keywords cost)
    process: ProcessState, state: ThreadState, event: events.Writes, written: int, stored: int,
    detail: dict[str, Any] | None,
) -> Row:  # fmt: skip
    """Pending writes: their bytes, and the change of stored ones."""
    return (
        process.id, event.seq, state.id, event.at_us, "put_writes", event.duration_us,
        event.serde_us, event.serializer, event.graph, event.run, event.ns, event.checkpoint,
        "", ABSENT, "", event.task, event.node, event.error, written, ABSENT, ABSENT, ABSENT,
        stored, len(event.writes), _encode(event.writes).decode(), "0", "{}",
        _encode(detail).decode() if detail else "{}",
    )  # fmt: skip


def of_other(
    process: ProcessState, state: ThreadState | None, event: events.Operation,
    told: tuple[str, int, int, int | None], detail: dict[str, Any] | None,
) -> Row:  # fmt: skip
    """A call that put nothing; ``told`` is its operation, payload, change of stored bytes and
    number of rows."""
    operation, payload, stored, rows = told
    return (
        process.id, event.seq, state.id if state is not None else 0, event.at_us, operation,
        event.duration_us, event.serde_us, event.serializer, event.graph, event.run, event.ns,
        event.checkpoint, "", ABSENT, "", "", "", event.error, payload, ABSENT, ABSENT, ABSENT,
        stored, rows, "{}", "0", "{}", _encode(detail).decode() if detail else "{}",
    )  # fmt: skip


def of_node(process: ProcessState, event: events.Node, thread_key: int) -> Row:
    """An attempt of a node; a row of ``node_runs``."""
    return (
        process.id, event.seq, event.run, thread_key, event.at_us, event.duration_us, event.ns,
        event.graph, event.step, event.node, event.task, event.error, event.cached,
        _known(event.rss_before_bytes), _known(event.rss_after_bytes),
        _known(event.rss_peak_bytes),
    )  # fmt: skip


def of_region(process: ProcessState, event: events.Region, thread_key: int) -> Row:
    """A region of the application's own code; a row of ``regions``."""
    return (
        process.id, event.seq, event.run, thread_key, event.at_us, event.duration_us,
        event.graph, event.node, event.name, event.error, _known(event.before_bytes),
        _known(event.after_bytes), _known(event.peak_bytes),
    )  # fmt: skip


def _detail(event: events.Put, more: dict[str, Any] | None) -> str:
    """What few puts tell, as JSON."""
    why, root, deltas = event.channels_unknown, event.root, event.deltas
    if not (why or root or deltas or event.snapshots or more):
        return "{}"
    told: dict[str, Any] = (more or {}) | {
        "channels_unknown": why, "root": root, "deltas": deltas, "snapshots": event.snapshots,
    }  # fmt: skip
    return _encode({name: value for name, value in told.items() if value}).decode()


def _known(size: int) -> int:
    return size if size >= 0 else ABSENT
