"""Deleting what is past its age, in chunks so small that ingest never waits for them.

Single operations, runs, nodes, samples, minutes of threads: ``STATEMETER_RETENTION_DAYS``. Sums
by second: two days; by minute: 90 days; by hour, and the threads themselves: for good.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from storage.store import plain

CHUNK_ROWS = 2_000
VACUUM_PAGES = 500
"""Pages given back to the file system after each chunk."""

DAY_US = 86_400_000_000
SECONDS_KEPT_US = 2 * DAY_US
MINUTES_KEPT_US = 90 * DAY_US

_NUMBERED = ("operations", "runs", "node_runs")


def sweep(
    engine: Engine,
    now_us: int,
    days: float,
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Delete what is too old; returns how many rows.

    Args:
        engine: the writer's.
        now_us: the present, µs since 1970.
        days: age of single operations in days.
        go_on: asked between chunks; False ends the sweep early, the next one goes on.
    """
    before_us = now_us - int(days * DAY_US)
    deleted = 0
    for table in _NUMBERED:
        deleted += _sweep_numbered(engine, table, (before_us, now_us), go_on)
    for sql, value in (
        ("samples WHERE at_us < ?", before_us),
        ("thread_minutes WHERE minute_us < ?", before_us),
        ("rollups WHERE resolution_s = 1 AND bucket_us < ?", now_us - SECONDS_KEPT_US),
        ("rollups WHERE resolution_s = 60 AND bucket_us < ?", now_us - MINUTES_KEPT_US),
    ):
        deleted += _sweep_timed(engine, sql, value, go_on)
    return deleted


def _sweep_numbered(
    engine: Engine, table: str, ages: tuple[int, int], go_on: Callable[[], bool]
) -> int:
    """Rows are numbered as they arrive, so that the oldest come first.

    Only rows of a clock that was wrong do not: those dated in the future are passed over.
    """
    before_us, now_us = ages
    deleted = last = 0
    while go_on():
        with engine.begin() as connection:
            rows = connection.exec_driver_sql(
                f"SELECT id, at_us FROM {table} WHERE id > ? ORDER BY id LIMIT {CHUNK_ROWS}",
                (last,),
            ).all()
            old = [(number,) for number, at_us in rows if at_us < before_us]
            if not old and (not rows or any(at_us <= now_us for _, at_us in rows)):
                break
            if old:
                connection.exec_driver_sql(f"DELETE FROM {table} WHERE id = ?", old)
        deleted += len(old)
        last = rows[-1][0]
        _give_back(engine)
    return deleted


def _sweep_timed(engine: Engine, sql: str, before_us: int, go_on: Callable[[], bool]) -> int:
    table, _, condition = sql.partition(" WHERE ")
    names = {"samples": "process_id, at_us", "thread_minutes": "thread_key, minute_us"}
    key = names.get(table, "resolution_s, bucket_us, application, backend, operation")
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


def _give_back(engine: Engine) -> None:
    with plain(engine) as cursor:
        cursor.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()
