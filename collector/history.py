"""What a backend holds, found again from the operations that are stored: slow and rarely needed.

An event of a checkpoint that is no longer in memory, a fork of an old one, pruning: for these the
calls of a thread are replayed in the order in which they were read. Operations past their
retention are gone, and so is what only they told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection

from collector import latest, pruning
from collector.held import Entry, Key
from collector.savers import SaverState
from collector.threads import ThreadState

REMOVALS = ("delete_thread", "prune", "copy_thread", "delete_for_runs", "vanished")

_COLUMNS = (
    "id, process_id, run, operation, ns, checkpoint, parent, task, payload_bytes, live_bytes, "
    "channels, detail, duration_us"
)
_NAMES = ", ".join(f"'{name}'" for name in REMOVALS)
_ONE = (
    f"SELECT {_COLUMNS} FROM operations WHERE thread_key = ? AND error = '' AND id < ? AND "
    f"((checkpoint = ? AND ns = ? AND operation IN ('put', 'put_writes')) "
    f"OR operation IN ({_NAMES})) ORDER BY id"
)
_ALL = (
    f"SELECT {_COLUMNS} FROM operations WHERE thread_key = ? AND error = '' AND id < ? AND "
    f"operation IN ('put', 'put_writes', {_NAMES}) ORDER BY id"
)
_EVERY = 1 << 62

_sizes = msgspec.json.Decoder(dict[str, int]).decode
_writes = msgspec.json.Decoder(list[tuple[str, int]]).decode
_detail = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(slots=True)
class Held:
    """The checkpoints of a thread, and which run put each."""

    entries: dict[Key, Entry]
    runs: dict[Key, tuple[int, int]]
    """Checkpoint → (row of the process, number of the run)."""

    @property
    def stored_bytes(self) -> int:
        """All rows together."""
        return sum((entry.put or 0) + entry.write_bytes for entry in self.entries.values())

    def newest_root(self) -> tuple[str, int]:
        """(id, live bytes) of the newest checkpoint of the root namespace, ("", 0) for none."""
        roots = [
            (checkpoint, entry.live)
            for (ns, checkpoint), entry in self.entries.items()
            if not ns and entry.put is not None
        ]
        return max(roots, default=("", 0))

    def keep_latest(self, saver: SaverState, strategy: str) -> None:
        """Drop what ``prune`` does not keep."""
        if saver.layout == latest.LAYOUT:
            return
        self.entries = pruning.keep_latest(self.entries, saver.backend, strategy)
        if saver.layout == "channels":
            self.own_blobs()

    def own_blobs(self) -> None:
        """Count the blobs that older, pruned checkpoints wrote to those that still use them."""
        for entry in self.entries.values():
            entry.put = None if entry.put is None else entry.live


def entry_of(
    connection: Connection, state: ThreadState, saver: SaverState, key: Key
) -> Entry | None:
    """One checkpoint as the backend holds it, None where it does not."""
    if saver.layout == latest.LAYOUT:  # what came after it may have replaced it
        return all_of(connection, state.id, saver).entries.get(key)
    rows = connection.exec_driver_sql(_ONE, (state.id, _EVERY, key[1], key[0])).all()
    return _replay(connection, rows, saver, only=key).entries.get(key)


def all_of(
    connection: Connection, thread_key: int, saver: SaverState, before: int = _EVERY
) -> Held:
    """All checkpoints of a thread, as they were before the operation with this id."""
    rows = connection.exec_driver_sql(_ALL, (thread_key, before)).all()
    return _replay(connection, rows, saver)


def _replay(connection: Connection, rows: Any, saver: SaverState, only: Key | None = None) -> Held:
    held = Held({}, {})
    for (
        number,
        process,
        run,
        operation,
        ns,
        checkpoint,
        parent,
        task,
        payload,
        live,
        channels,
        detail,
        duration_us,
    ) in rows:
        key = (ns, checkpoint)
        if operation == "put":
            entry = held.entries.setdefault(key, Entry())
            if saver.layout == latest.LAYOUT:
                latest.replace(held.entries, key, parent, live or 0, saver.backend)
            else:
                entry.replace(payload, live or 0)
            entry.sizes = _sizes(channels)
            entry.found = duration_us < 0
            entry.root = _detail(detail).get("root", "") if ns else ""
            held.runs[key] = (process, run)
        elif operation == "put_writes":
            entry = held.entries.setdefault(key, Entry())
            writes = _writes(channels)
            if duration_us < 0:
                indexes = _detail(detail)["indexes"]
                sizes = (size for _, size in writes)
                entry.add_found(task, list(zip(indexes, sizes, strict=True)))
            else:
                entry.add_writes(task, writes, saver.backend)
        else:
            _remove(connection, held, saver, number, operation, _detail(detail), only)
    return held


def drop(entries: dict[Key, Entry], removed: list[Key], part: str = "") -> None:
    """Take checkpoints away; with ``part`` their rows (``checkpoints``) or ``writes`` alone."""
    for key in removed:
        entry = entries.get(key, Entry())
        if part == "checkpoints":
            entry.put, entry.live, entry.sizes = None, 0, None
        elif part == "writes":
            entry.writes = {}
        if not part or (entry.put is None and not entry.writes):
            entries.pop(key, None)


def _remove(  # noqa: PLR0917 (one row, taken apart)
    connection: Connection,
    held: Held,
    saver: SaverState,
    number: int,
    operation: str,
    detail: dict[str, Any],
    only: Key | None,
) -> None:
    if operation == "copy_thread":
        source = all_of(connection, int(detail.get("source_key", 0)), saver, before=number)
        copied = source.entries if only is None else {
            key: entry for key, entry in source.entries.items() if key == only
        }  # fmt: skip
        held.entries |= copied
    elif operation == "delete_for_runs" or "removed" in detail:
        removed = [(ns, checkpoint) for ns, checkpoint in detail.get("removed", [])]
        drop(held.entries, removed, detail.get("part", ""))
    elif operation == "prune" and detail.get("strategy", "").startswith(pruning.KEEP_LATEST):
        kept = {(ns, checkpoint) for ns, checkpoint in detail.get("kept", [])}
        held.entries = {key: entry for key, entry in held.entries.items() if key in kept}
        if saver.layout == "channels":
            held.own_blobs()
    else:
        held.entries.clear()
