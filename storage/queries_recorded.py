"""The calls of one thread as they were recorded, for a comparison that does them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, text

from storage.history_writes import parsed
from storage.queries import reading

CALLS_READ = 50_000
"""Most calls of a thread that are taken, its first."""


@dataclass(frozen=True)
class RecordedThread:
    """A thread and where it is."""

    key: int
    """Its row."""
    thread_id: str
    saver: str
    """Key of its storage."""
    backend: str
    database: str
    """Path of a database file; empty: none is known."""
    stored_bytes: int
    partial: int
    """1: its beginning was not seen."""


@dataclass(frozen=True)
class Recorded:
    """One put or put_writes."""

    operation: str
    ns: str
    checkpoint: str
    parent: str
    step: int | None
    source: str
    task: str
    channels: dict[str, int]
    """put: channel → bytes, of all channels of the checkpoint."""
    changed: list[str] | None
    """put: channels that the step wrote; None: all."""
    elements: dict[str, int]
    """put: list channel → elements, of those that the step wrote."""
    writes: list[tuple[str, int]]
    """put_writes: channel, bytes."""
    live_bytes: int
    """put: document and all channel blobs."""
    metadata_bytes: int


def find_threads(
    engine: Engine, thread_id: str = "", saver: str = "", limit: int = 1
) -> list[RecordedThread]:
    """Threads that were recorded, those used last first.

    Args:
        engine: of the store.
        thread_id: of this id alone; empty: any.
        saver: of the storage with this key alone; empty: of any.
        limit: most threads.
    """
    with reading(engine) as connection:
        rows: Sequence[Any] = connection.execute(
            text(
                "SELECT t.id, t.thread_id, s.key, t.backend, s.database, t.stored_bytes, t.partial "
                "FROM threads t JOIN savers s ON s.id = t.saver_id "
                "WHERE (:thread = '' OR t.thread_id = :thread) AND (:saver = '' OR s.key = :saver) "
                "AND t.steps > 0 ORDER BY t.last_seen_us DESC, t.id LIMIT :limit"
            ),
            {"thread": thread_id, "saver": saver, "limit": limit},
        ).all()
    return [RecordedThread(*row) for row in rows]


def calls(engine: Engine, thread_key: int, puts: int) -> list[Recorded]:
    """Puts and put_writes of a thread that returned, oldest first.

    Args:
        engine: of the store.
        thread_key: row of the thread.
        puts: most checkpoints; writes after the last one are left out.
    """
    with reading(engine) as connection:
        rows: Sequence[Any] = connection.execute(
            text(
                "SELECT operation, ns, checkpoint, parent, step, source, task, channels, changed, "
                "lists, coalesce(live_bytes, 0), coalesce(metadata_bytes, 0) FROM operations "
                "WHERE thread_key = :key AND operation IN ('put', 'put_writes') AND error = '' "
                "ORDER BY at_us, id LIMIT :most"
            ),
            {"key": thread_key, "most": CALLS_READ},
        ).all()
    found: list[Recorded] = []
    for row in rows:
        if puts == 0:
            break
        found.append(_recorded(row))
        puts -= row[0] == "put"
    return found


def _recorded(row: Any) -> Recorded:
    operation, ns, checkpoint, parent, step, source, task, channels, changed, lists, *sizes = row
    is_put = operation == "put"
    told = parsed(channels, {} if is_put else [])
    names = parsed(changed, 0)
    elements = parsed(lists, {})
    return Recorded(
        operation, ns, checkpoint, parent, step, source, task,
        {name: int(size or 0) for name, size in told.items()} if isinstance(told, dict) else {},
        names if isinstance(names, list) else None,
        {name: int(one[0]) for name, one in elements.items()} if isinstance(elements, dict) else {},
        [(str(name), int(size or 0)) for name, size in told] if isinstance(told, list) else [],
        int(sizes[0]), int(sizes[1]),
    )  # fmt: skip
