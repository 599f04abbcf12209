"""What the documents of MongoDBSaver tell.

The checkpoint and each write's value are binary fields, measured by a walk over their bytes. The
metadata is a sub-document in which each value is (tag, bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from collector.attach import documents, metadata, nodes, times
from collector.attach.documents import Document, Versions
from collector.attach.source import FoundCheckpoint, FoundWrites
from collector.inspection.limits import STATEMENT_SECONDS

CHECKPOINTS, WRITES = "checkpoints", "checkpoint_writes"
"""Collections of MongoDBSaver, by their default names."""
MS = STATEMENT_SECONDS * 1000
"""Longest operation."""

Key = tuple[str, str, str]
"""Thread, namespace, checkpoint id."""

_LONGEST_VALUE = 10_000
_unpack = msgspec.msgpack.Decoder().decode


def key_of(row: dict[str, Any]) -> Key:
    """Which checkpoint a row is of."""
    return row["thread_id"], row["checkpoint_ns"], row["checkpoint_id"]


def checkpoint(
    row: dict[str, Any], parent: Callable[[], Versions | None]
) -> tuple[FoundCheckpoint, Document]:
    """What a row of ``checkpoints`` tells, and its document.

    Args:
        row: the row.
        parent: channel versions of the parent: empty for none, None where they are unknown.
    """
    tag, blob = str(row.get("type") or ""), bytes(row.get("checkpoint") or b"")
    known = row.get("metadata")
    told = metadata.of_mapping(_plain(known))
    deltas = told.deltas()
    document = documents.measure(tag, blob, parent, deltas)
    found = FoundCheckpoint(
        thread=row["thread_id"], ns=row["checkpoint_ns"], checkpoint=row["checkpoint_id"],
        parent=row.get("parent_checkpoint_id") or "",
        at_us=times.of_checkpoint(row["checkpoint_id"], document.ts), serializer=tag,
        step=told.step_number(), source=told.source_name(), document_bytes=len(blob),
        metadata_bytes=sum(map(len, _values(known))), bookkeeping_bytes=document.bookkeeping_bytes,
        whole=True, channels=dict(document.channels),
        changed=document.changed + document.emptied, lists=document.lists,
        channels_unknown=document.unknown, root=told.root(), deltas=deltas,
        snapshots=document.snapshots, run_id=told.run(),
    )  # fmt: skip
    return found, document


def writes(
    rows: list[dict[str, Any]], sends: Callable[[Key], list[str] | None]
) -> tuple[list[FoundWrites], int]:
    """Pending writes by task, and their bytes; ``sends`` gives the nodes that a checkpoint sends
    to, as far as they are known."""
    by_task: dict[tuple[str, str, str, str], FoundWrites] = {}
    size = 0
    for row in sorted(rows, key=lambda row: (key_of(row), row["task_id"], row["idx"])):
        key = (*key_of(row), row["task_id"])
        found = by_task.get(key)
        if found is None:
            found = by_task[key] = FoundWrites(
                *key[:3], times.of_checkpoint(key[2]), str(row.get("type") or ""), key[3],
                nodes.node_of(row.get("task_path") or "", sends(key_of(row)) or ()), [],
            )  # fmt: skip
        found.writes.append((int(row["idx"]), row["channel"], int(row["size"] or 0)))
        size += int(row["size"] or 0)
    return list(by_task.values()), size


def _values(known: Any) -> Iterator[bytes]:
    """Each serialized value of the metadata."""
    if isinstance(known, dict):
        for value in known.values():
            yield from _values(value)
    elif isinstance(known, list | tuple) and len(known) == len(("tag", "bytes")):
        yield bytes(known[1] or b"")


def _plain(known: Any) -> dict[str, Any]:
    """The few values that are told, unpacked."""
    if not isinstance(known, dict):
        return {}
    names = metadata.Metadata.__struct_fields__
    return {name: _unpacked(known[name]) for name in names if name in known}


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unpacked(part) for name, part in value.items()}
    tag, packed = value if isinstance(value, list | tuple) and len(value) == 2 else ("", b"")
    if tag != "msgpack" or len(packed) > _LONGEST_VALUE:
        return None
    try:
        return _unpack(bytes(packed))
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
