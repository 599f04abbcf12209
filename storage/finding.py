"""The thread that a pasted text means: its id, an address of ours, a checkpoint, a run."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Engine, text

from storage.errors import StoreError
from storage.queries import SECOND_US, reading
from storage.queries_threads import find_thread

_GREGORIAN = 0x01B21DD213814000
"""Ticks of 100 ns from 1582-10-15, where UUIDs begin, to 1970."""

EARLY_US = 2 * SECOND_US
LATE_US = 60 * SECOND_US
"""How long before and after its id was made a checkpoint may be put."""

MOST_THREADS = 200_000
"""Threads that are looked into for a checkpoint: those used soonest after it."""

MOST_RUNS = 200_000
"""Runs that are looked through, the newest."""

_QUOTES = "\"'`“”‘’«»„‚ \t\r\n,;\u200b\ufeff\u00a0"
_NAMED = re.compile(r"""["']?thread_id["']?\s*[:=]\s*(?:"([^"]+)"|'([^']+)'|([^\s,;}\])]+))""")


@dataclass(frozen=True)
class Pasted:
    """What a text from a clipboard says."""

    thread: str
    """The thread id, or a part of it."""
    saver: str = ""
    """Key of the storage, where an address names it."""
    whole: bool = False
    """Whether it surely is a whole id."""


@dataclass(frozen=True)
class Found:
    """Threads that a checkpoint or run belongs to."""

    keys: tuple[int, ...] = ()
    """Rows of the threads."""
    by: str = ""
    """``checkpoint`` or ``run``; empty: nothing was found."""


def pasted(words: str) -> Pasted:
    """The id in a text: quotes and spaces around it, an address of a thread's page, a config."""
    # An id may have quotes of its own: what is taken off stands around it all.
    told = words.strip(_QUOTES)
    if "thread=" in told and "?" in told:
        try:
            names = parse_qs(urlsplit(told).query)
        except ValueError:
            names = {}
        if names.get("thread"):
            return Pasted(names["thread"][0], names.get("saver", [""])[0], True)
    named = _NAMED.search(told)
    if named:
        return Pasted(next(part for part in named.groups() if part), whole=True)
    return Pasted(told)


def find(engine: Engine, words: str) -> Found:
    """The threads with this checkpoint id or run id, both UUIDs; bounded, see the constants."""
    try:
        number = uuid.UUID(words)
    except ValueError:
        return Found()
    with reading(engine) as connection:
        if number.version == 6:
            # The id has the time at which it was made: a look into that moment of each thread.
            at_us = (((number.int >> 80) << 12 | number.int >> 64 & 0xFFF) - _GREGORIAN) // 10
            keys = connection.execute(
                text(
                    "SELECT DISTINCT o.thread_key FROM (SELECT id FROM threads "
                    "WHERE last_seen_us >= :low ORDER BY last_seen_us LIMIT :most) AS t "
                    "CROSS JOIN operations AS o ON o.thread_key = t.id "
                    "AND o.at_us BETWEEN :low AND :high WHERE o.checkpoint = :id LIMIT 20"
                ),
                {
                    "low": at_us - EARLY_US, "high": at_us + LATE_US, "most": MOST_THREADS,
                    "id": str(number),
                },
            ).scalars().all()  # fmt: skip
            if keys:
                return Found(tuple(keys), "checkpoint")
        keys = connection.execute(
            text(
                "SELECT DISTINCT thread_key FROM (SELECT thread_key, run_id FROM runs "
                "ORDER BY id DESC LIMIT :most) WHERE run_id IN (:id, :hex) AND thread_key > 0 "
                "LIMIT 20"
            ),
            {"most": MOST_RUNS, "id": str(number), "hex": number.hex},
        ).scalars().all()  # fmt: skip
    return Found(tuple(keys), "run") if keys else Found()


def one_thread(engine: Engine, thread: str, saver: str) -> Any:
    """The row of a thread, by attributes, as of ``find_thread``.

    Raises:
        StoreError: no storage has it, or several have; the message says which.
    """
    rows = find_thread(engine, thread, saver)
    if rows.empty:
        raise StoreError(
            f"The store has no thread {thread!r}{f' of saver {saver!r}' if saver else ''}. "
            "python -m storage threads lists those it has."
        )
    if len(rows) > 1:
        there = ", ".join(
            f"{row.saver} ({row.saver_label or row.backend})" for row in rows.itertuples()
        )
        raise StoreError(
            f"Several storages have a thread {thread!r}: choose one with --saver, of {there}."
        )
    return next(rows.itertuples(index=False))
