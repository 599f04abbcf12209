"""What the store knows of a database and the database no longer has.

The threads of the store are gone through in pages; the database counts the checkpoints of each. Of
a thread that has fewer than were told, what is left is compared one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Engine

from collector import history
from collector.attach.source import SaverFacts, Source
from collector.latest import LAYOUT
from collector.savers import SaverState

PAGE_THREADS = 500
CHECKPOINTS, WRITES = "checkpoints", "writes"
SUBJECTS = 1_000
"""Most checkpoints in an event."""

_TOLD = (
    "SELECT sum(steps) FROM threads JOIN savers ON savers.id = threads.saver_id "
    "WHERE savers.key = ? AND deleted_us = 0"
)
_PAGE = (
    "SELECT threads.id, thread_id, steps, savers.id FROM threads "
    "JOIN savers ON savers.id = threads.saver_id WHERE savers.key = ? AND deleted_us = 0 "
    f"AND threads.id > ? ORDER BY threads.id LIMIT {PAGE_THREADS}"
)


class Gone(NamedTuple):
    """A thread, or of it the checkpoints or pending writes of some checkpoints."""

    thread: str
    part: str = ""
    """``checkpoints`` or ``writes``; empty: all of the thread."""
    checkpoints: list[str] = []  # noqa: RUF012 (never changed)


def vanished(store: Engine, key: str, facts: SaverFacts, source: Source) -> Iterator[Gone]:
    """What is gone. Each page is read from the store before it is asked for in the database, so
    that what is new is not taken for gone."""
    with store.connect() as connection:
        told = connection.exec_driver_sql(_TOLD, (key,)).scalar_one() or 0
    total = source.total().checkpoints
    if total is not None and total >= told and facts.layout != LAYOUT:
        return
    last = 0
    while True:
        with store.connect() as connection:
            page = connection.exec_driver_sql(_PAGE, (key, last)).all()
        if not page:
            return
        last = page[-1][0]
        counts = source.counts([thread for _, thread, _, _ in page])
        for number, thread, steps, saver_id in page:
            count = counts.get(thread, 0)
            if count >= steps or (count and facts.layout == LAYOUT):
                continue
            known = SaverState(saver_id, key, facts.backend, layout=facts.layout)
            yield from _of_thread(store, number, known, source, thread)


def _of_thread(
    store: Engine, number: int, saver: SaverState, source: Source, thread: str
) -> Iterator[Gone]:
    with store.connect() as connection:
        known = history.all_of(connection, number, saver).entries
    held = source.held(thread)
    if not held.checkpoints and not held.writes:
        yield Gone(thread)
        return
    for part, gone in (
        (CHECKPOINTS, {k[1] for k, entry in known.items() if entry.put is not None}),
        (WRITES, {k[1] for k, entry in known.items() if entry.writes}),
    ):
        there = held.checkpoints if part == CHECKPOINTS else held.writes
        ids = sorted(gone - {checkpoint for _, checkpoint in there})
        for begin in range(0, len(ids), SUBJECTS):
            yield Gone(thread, part, ids[begin : begin + SUBJECTS])
