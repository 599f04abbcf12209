"""Lists of threads: the largest, a page of all, and those that an address names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, text

from storage.queries import SECOND_US, IntArray, fetch, now_us, reading
from storage.thread_filter import GAINED, MINUTE_US, Filter, narrowed

SORTS = {
    "stored": "t.stored_bytes DESC",
    "live": "t.live_bytes DESC",
    "written": "t.written_bytes DESC",
    "amplification": "t.written_bytes * 1.0 / (CASE WHEN t.live_bytes > 0 THEN t.live_bytes END) "
    "DESC",
    "steps": "t.steps DESC",
    "errors": "t.errors DESC",
    "recent": "t.last_seen_us DESC",
    "oldest": "t.last_seen_us ASC",
    "newest": "t.first_seen_us DESC",
    "gained": f"{GAINED} DESC",
    "name": "t.thread_id ASC",
}
"""Orders of the list, name → SQL; rows without a value come last."""

REWRITTEN = 20
"""Written bytes over live bytes from which a thread is flagged as rewritten: a state that is
stored once a step in full passes it after about 40 steps (langgraph #7547)."""

GROWING = 1.2
"""Growth of live bytes over the second half of a thread's time in the window from which it is
flagged as growing, factor."""

GROWING_BYTES = 10_000
"""Live bytes below which no thread is flagged as growing."""

_COLUMNS = (
    "t.id, t.thread_id, s.key AS saver, s.label AS saver_label, t.application, t.graph, "
    "t.backend, t.steps, t.operations, t.errors, t.live_bytes, t.stored_bytes, t.written_bytes, "
    "t.metadata_bytes, t.duration_us, t.serde_us, t.first_seen_us, t.last_seen_us, "
    "t.deleted_us, t.partial"
)
_LISTED = f"{_COLUMNS}, {GAINED} AS gained_bytes"


@dataclass(frozen=True)
class Page:
    """Some rows of the list, and how many there are in all."""

    rows: pd.DataFrame
    total: int | None
    """None where it was not asked for: counting reads all threads, a page only some."""


def list_threads(
    engine: Engine,
    chosen: Filter | None = None,
    sort: str = "stored",
    offset: int = 0,
    limit: int = 25,
    *,
    counted: bool = True,
) -> Page:
    """A page of the list of threads, in one of the orders of ``SORTS``.

    Columns: id, thread_id, saver (key), saver_label, application, graph, backend, steps,
    operations, errors, live_bytes, stored_bytes, written_bytes, metadata_bytes, duration_us,
    serde_us (the last two and errors are missing of what was found in a database), first_seen_us,
    last_seen_us, deleted_us, partial, gained_bytes (since the window began, missing where that is
    unknown), amplification. By bytes gained only threads are listed that were used in the window.
    """
    chosen = _listable(chosen or Filter(), sort)
    order = f"{SORTS[sort]} NULLS LAST, t.id"
    with reading(engine) as connection:
        where, values = narrowed(connection, chosen)
        # The order is found over row numbers alone: rows are wide, and only a page is wanted.
        rows = fetch(
            connection,
            f"SELECT {_LISTED} FROM (SELECT t.id FROM threads AS t WHERE {where} "
            f"ORDER BY {order} LIMIT :limit OFFSET :offset) AS page "
            "JOIN threads AS t ON t.id = page.id JOIN savers AS s ON s.id = t.saver_id "
            f"ORDER BY {order}",
            **values,
            limit=limit,
            offset=offset,
        )
        total = _count(connection, where, values) if counted else None
    return Page(_finished(rows, chosen), total)


def count_threads(engine: Engine, chosen: Filter | None = None, sort: str = "stored") -> int:
    """How many threads the list has in that order."""
    with reading(engine) as connection:
        return _count(connection, *narrowed(connection, _listable(chosen or Filter(), sort)))


def read_threads(
    engine: Engine, chosen: Filter, sort: str, most: int, chunk: int = 10_000
) -> Iterator[pd.DataFrame]:
    """The first ``most`` threads of the list, in frames as of ``list_threads``, at least one.

    Their row numbers are read at once, their rows part by part, each part in a transaction of its
    own: memory stays bounded, and no reader stays open.
    """
    chosen = _listable(chosen, sort)
    with reading(engine) as connection:
        where, values = narrowed(connection, chosen)
        keys = connection.execute(
            text(
                f"SELECT t.id FROM threads AS t WHERE {where} "
                f"ORDER BY {SORTS[sort]} NULLS LAST, t.id LIMIT :most"
            ),
            values | {"most": most},
        ).scalars().all()  # fmt: skip
    for begin in range(0, max(len(keys), 1), chunk):
        with reading(engine) as connection:
            rows = fetch(
                connection,
                f"SELECT {_LISTED} FROM json_each(:part) AS page "
                "JOIN threads AS t ON t.id = page.value JOIN savers AS s ON s.id = t.saver_id "
                "ORDER BY page.key",
                part=json.dumps(keys[begin : begin + chunk]),
                begin=chosen.begin_minute_us,
            )
        yield _finished(rows, chosen)


def graphs(engine: Engine, most: int = 2_000) -> list[str]:
    """Names of the graphs of the threads used last."""
    with reading(engine) as connection:
        rows = connection.execute(
            text(
                "SELECT DISTINCT graph FROM (SELECT graph FROM threads ORDER BY last_seen_us DESC "
                "LIMIT :most) WHERE graph <> '' ORDER BY graph"
            ),
            {"most": most},
        )
        return [name for (name,) in rows]


def storages(engine: Engine) -> list[tuple[str, str]]:
    """Key and label of all storages; the label is empty where there is none."""
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT key, label FROM savers ORDER BY label, key"))
        return [(key, label) for key, label in rows]


def find_thread(engine: Engine, thread_id: str, saver: str = "") -> pd.DataFrame:
    """The threads with this id, newest first; several where storages share an id.

    Columns as in ``list_threads``, and channels (JSON, see ``storage.models.Thread``),
    serializer, class_name, layout of the saver and the checkpoint id.
    """
    with reading(engine) as connection:
        rows = fetch(
            connection,
            f"SELECT {_COLUMNS}, t.channels, t.checkpoint, s.serializer, s.class_name, s.layout "
            "FROM threads AS t JOIN savers AS s ON s.id = t.saver_id WHERE t.thread_id = :thread "
            "AND (:saver = '' OR s.key = :saver) ORDER BY t.last_seen_us DESC, t.id",
            thread=thread_id,
            saver=saver,
        )
    return _known(rows)


def histories(
    engine: Engine, keys: Sequence[int], window_s: int, at_us: int | None = None
) -> dict[int, IntArray]:
    """Stored and live bytes of threads over a window: a small curve for each.

    Returns:
        row of the thread → array of shape (2, points): stored bytes, live bytes, at the end of
        each slot of the window. Before the first minute known of a thread, both are 0; threads
        that were not used in the window or before it in the last day are missing.
    """
    at_us = now_us() if at_us is None else at_us
    if not len(keys):
        return {}
    start_us = (at_us - window_s * SECOND_US) // MINUTE_US * MINUTE_US
    names = ", ".join(str(int(key)) for key in keys)
    with reading(engine) as connection:
        rows = fetch(
            connection,
            "SELECT thread_key, minute_us, stored_bytes, live_bytes FROM thread_minutes "
            f"WHERE thread_key IN ({names}) AND minute_us >= :start ORDER BY minute_us",
            start=start_us - 86_400 * SECOND_US,
        )
    if len(rows):
        # One axis for all curves; it begins with the first of them in a young store.
        start_us = max(start_us, int(rows["minute_us"].min()) - MINUTE_US)
    slot_us = max(MINUTE_US, (at_us - start_us) // 40 // MINUTE_US * MINUTE_US)
    ends = np.arange(start_us + slot_us, at_us + slot_us, slot_us)
    curves = {}
    for key, part in rows.groupby("thread_key"):
        last = np.searchsorted(part["minute_us"].to_numpy(np.int64), ends) - 1
        both = part[["stored_bytes", "live_bytes"]].to_numpy(np.int64).T
        curves[int(key)] = np.where(last >= 0, both[:, np.maximum(last, 0)], 0)
    return curves


def flags(rows: pd.DataFrame, curves: dict[int, IntArray]) -> list[list[str]]:
    """What stands out of each thread of a list: growing, rewritten, errors, deleted, partial."""
    found = []
    for row in rows.itertuples():
        flagged = []
        curve = curves.get(int(row.id))
        if curve is not None:
            live = curve[1][curve[1] > 0]
            if len(live) > 1 and live[-1] >= max(GROWING_BYTES, GROWING * live[len(live) // 2 - 1]):
                flagged.append("growing")
        if row.live_bytes and row.written_bytes > REWRITTEN * row.live_bytes:
            flagged.append("rewritten")
        flagged += [
            name
            for name, yes in (
                ("errors", row.errors > 0),
                ("deleted", row.deleted_us and not row.live_bytes),
                ("partial", row.partial),
            )
            if yes
        ]
        found.append(flagged)
    return found


def _listable(chosen: Filter, sort: str) -> Filter:
    """By bytes gained, whatever gained none would have to be read for nothing."""
    if sort != "gained":
        return chosen
    return replace(chosen, used_after_us=max(chosen.used_after_us, chosen.begin_minute_us))


def _count(connection: Connection, where: str, values: dict[str, str | int]) -> int:
    found = connection.execute(text(f"SELECT count(*) FROM threads AS t WHERE {where}"), values)
    return int(found.scalar_one())


def _finished(rows: pd.DataFrame, chosen: Filter) -> pd.DataFrame:
    rows["gained_bytes"] = rows["gained_bytes"].astype(float) if chosen.begin_us else np.nan
    return _known(rows)


def _known(rows: pd.DataFrame) -> pd.DataFrame:
    """Adds written bytes over live bytes, missing where nothing is live. What only a probe tells is
    missing of threads that were found in a database: their calls took no known time, and those that
    failed left nothing there."""
    seen = rows["duration_us"] > 0
    for name in ("errors", "duration_us", "serde_us"):
        rows[name] = rows[name].astype(float).where(seen)
    live = rows["live_bytes"].astype(float)
    rows["amplification"] = rows["written_bytes"].astype(float) / live.where(live > 0)
    return rows
