"""Deleting what is past its age, in chunks so small that ingest never waits for them.

Single operations, runs, nodes, regions, samples, minutes of threads, keys of caches:
``STATEMETER_RETENTION_DAYS``. Sums and readings by second: two days; by minute: 90 days; by hour,
and the threads themselves: for good. What was found in an attached database stays as long as the
database holds it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from sqlalchemy import Engine

from storage import inserts
from storage.store import plain

CHUNK_ROWS = 2_000
VACUUM_PAGES = 500
"""Pages given back to the file system after each chunk."""

DAY_US = 86_400_000_000
SECONDS_KEPT_US = 2 * DAY_US
MINUTES_KEPT_US = 90 * DAY_US

_NUMBERED = ("operations", "runs", "node_runs", "regions")
_ROLLED_UP = ("rollups", "access_rollups", "gauge_samples")


def sweep(
    engine: Engine,
    now_us: int,
    days: float,
    go_on: Callable[[], bool] = lambda: True,
    kept: dict[str, int] | None = None,
) -> int:
    """Delete what is too old; returns how many rows.

    Args:
        engine: the writer's.
        now_us: the present, µs since 1970.
        days: age of single operations in days.
        go_on: asked between chunks; False ends the sweep early, the next one goes on.
        kept: by table, up to which row there is nothing left to delete; a sweep begins there, and
            tells it to the next one.
    """
    kept = {} if kept is None else kept
    before_us = now_us - int(days * DAY_US)
    deleted = 0
    for table in _NUMBERED:
        deleted += _sweep_numbered(engine, table, (before_us, now_us), go_on, kept)
    for sql, value in (
        ("samples WHERE at_us < ?", before_us),
        ("thread_minutes WHERE minute_us < ?", before_us),
        *(
            (f"{table} WHERE resolution_s = {resolution_s} AND bucket_us < ?", now_us - kept_us)
            for table in _ROLLED_UP
            for resolution_s, kept_us in ((1, SECONDS_KEPT_US), (60, MINUTES_KEPT_US))
        ),
    ):
        deleted += _sweep_timed(engine, sql, value, go_on)
    return deleted + _sweep_keys(engine, before_us, go_on)


def _sweep_numbered(
    engine: Engine,
    table: str,
    ages: tuple[int, int],
    go_on: Callable[[], bool],
    kept: dict[str, int],
) -> int:
    """Rows are numbered as they arrive, so that the oldest come first.

    Only rows of a clock that was wrong do not: those dated in the future are passed over; and what
    was found in a database, which is passed over as well.
    """
    before_us, now_us = ages
    deleted, last = 0, kept.get(table, 0)
    with engine.begin() as connection:
        newest = connection.exec_driver_sql(f"SELECT max(id) FROM {table}").scalar_one() or 0
    if newest < last:  # numbers are given anew
        last = kept[table] = 0
    while go_on():
        with engine.begin() as connection:
            rows = connection.exec_driver_sql(
                f"SELECT id, at_us, duration_us FROM {table} WHERE id > ? "
                f"ORDER BY id LIMIT {CHUNK_ROWS}",
                (last,),
            ).all()
            seen = [(number, at_us) for number, at_us, duration_us in rows if duration_us >= 0]
            old = [(number,) for number, at_us in seen if at_us < before_us]
            if not rows or (not old and any(at_us <= now_us for _, at_us in seen)):
                break
            if old:
                connection.exec_driver_sql(f"DELETE FROM {table} WHERE id = ?", old)
        deleted += len(old)
        if not seen and kept.get(table, 0) == last:
            kept[table] = rows[-1][0]
        last = rows[-1][0]
        if old:
            _give_back(engine)
    return deleted


def _sweep_timed(engine: Engine, sql: str, before_us: int, go_on: Callable[[], bool]) -> int:
    table, _, condition = sql.partition(" WHERE ")
    key = ", ".join(column.name for column in inserts.table(table).primary_key)
    deleted = 0
    while go_on():
        with engine.begin() as connection:
            count = connection.exec_driver_sql(
                f"DELETE FROM {table} WHERE ({key}) IN "
                f"(SELECT {key} FROM {table} WHERE {condition} LIMIT {CHUNK_ROWS})",
                (before_us,),
            ).rowcount
        deleted += count
        if count < CHUNK_ROWS:
            break
        _give_back(engine)
    return deleted


def _sweep_keys(engine: Engine, before_us: int, go_on: Callable[[], bool]) -> int:
    """Keys of caches that were not used for long, and nodes of which none is left."""
    deleted = 0
    while go_on():
        with engine.begin() as connection:
            rows = connection.exec_driver_sql(
                "SELECT resource_id, node, key FROM cache_keys WHERE last_seen_us < ? LIMIT ?",
                (before_us, CHUNK_ROWS),
            ).all()
            inserts.run(
                connection,
                "DELETE FROM cache_keys WHERE resource_id = ? AND node = ? AND key = ?",
                [tuple(row) for row in rows],
            )
            gone = Counter((resource_id, node) for resource_id, node, _ in rows)
            inserts.run(
                connection,
                "UPDATE cache_nodes SET kept = kept - ? WHERE resource_id = ? AND node = ?",
                [(count, *node) for node, count in gone.items()],
            )
            if len(rows) < CHUNK_ROWS:
                nodes = connection.exec_driver_sql(
                    "DELETE FROM cache_nodes WHERE last_seen_us < ? AND kept = 0", (before_us,)
                ).rowcount
                return deleted + len(rows) + nodes
        deleted += len(rows)
        _give_back(engine)
    return deleted


def _give_back(engine: Engine) -> None:
    with plain(engine) as cursor:
        cursor.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()
