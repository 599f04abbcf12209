"""The first pass over a PostgreSQL database: thread by thread, each in the order of its time.

The primary key has the namespace before the checkpoint. So the keys of some threads are sorted,
``KEYS`` at a time and off the index alone, and then looked up in that order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import psycopg

from collector.attach import postgres_rows
from collector.attach.cursors import Cursor
from collector.attach.pages import Pages
from collector.attach.postgres_rows import Key
from collector.attach.source import Batch, Found

if TYPE_CHECKING:
    from collector.attach.postgres import Postgres
    from collector.attach.postgres_new import New

THREADS = 100
KEYS = 20_000
"""Keys in memory at once."""
ALONE_ROWS = 5_000


def read(source: Postgres, new: New, at: Cursor) -> Iterator[Batch]:
    """All from the place of the cursor, which is (thread, id, namespace) or (thread) where all of
    that thread was told."""
    pages = Pages()
    while True:
        begun, *rest = map(str, at.key or [""])
        threads = ([begun] if rest else []) + _next(source, begun)
        if not threads:
            break
        last = (begun, *rest) if rest else ("", "", "")
        while keys := source.rows(source.statements.keys, threads, *last, KEYS):
            yield from _keys(source, new, keys, pages, at)
            last = (keys[-1][0], keys[-1][2], keys[-1][1])
            if len(keys) < KEYS:
                break
        yield from _alone(source, threads, at)
        at.key = [threads[-1]]
        yield Batch([], at.text(), 0)
    at.key = None
    yield Batch([], at.text(), 0)


def _next(source: Postgres, thread: str) -> list[str]:
    """Threads behind one, of those with checkpoints and of those with pending writes alone."""
    found: set[str] = set()
    for table in ("checkpoints", "checkpoint_writes"):
        found.update(
            row[0] for row in source.rows(postgres_rows.next_threads(table), thread, THREADS)
        )
    return sorted(found)[:THREADS]


def _keys(
    source: Postgres, new: New, keys: Sequence[Key], pages: Pages, at: Cursor
) -> Iterator[Batch]:
    while keys:
        part = keys[: pages.rows]
        begun = time.monotonic()
        try:
            there, size = new.checkpoints(part)
            pending = new.fresh(source.pending([_key(one) for one in there]))
        except psycopg.errors.QueryCanceled:
            if pages.shrink():
                continue
            raise
        pages.took(time.monotonic() - begun)
        keys = keys[len(part) :]
        at.key = [part[-1][0], part[-1][2], part[-1][1]]
        yield Batch(beside(there, pending), at.text(), size + sum(row[8] for row in pending))
        pages.rest()


def beside(found: Sequence[Found], pending: Sequence[Any]) -> list[Found]:
    """Checkpoints, each followed by its pending writes; at the end those of others."""
    times = {_key(one): one.at_us for one in found}
    writes: dict[Key, list[Found]] = {}
    for one in postgres_rows.writes(pending, times):
        writes.setdefault(_key(one), []).append(one)
    told = [part for one in found for part in (one, *writes.pop(_key(one), ()))]
    return told + [one for others in writes.values() for one in others]


def _alone(source: Postgres, threads: Sequence[str], at: Cursor) -> Iterator[Batch]:
    """Pending writes whose checkpoint is not there: put before it, and never followed by it."""
    rows = source.rows(source.statements.writes_alone, threads, ALONE_ROWS)
    if rows:
        yield Batch(list(postgres_rows.writes(rows)), at.text(), sum(row[8] for row in rows))


def _key(one: Found) -> Key:
    return one.thread, one.ns, one.checkpoint
