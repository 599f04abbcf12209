"""Reports of threads that are worked out from their calls: durability, and delta channels."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from storage.queries_delta import delta_channels
from storage.queries_durability import durability as of_runs

if TYPE_CHECKING:
    from storage.report import Choice, Row


def durability(connection: Connection, choice: Choice) -> list[Row]:
    """One row a run that put something, oldest first; threads used last come first."""
    found: list[Row] = []
    for key, names in _threads(connection, choice):
        table = of_runs(connection.engine, key, choice.limit).drop(columns="process_id")
        found += [names | _plain(row) for row in table.to_dict("records")]
        if len(found) >= choice.limit:
            break
    return found[: choice.limit]


def deltas(connection: Connection, choice: Choice) -> list[Row]:
    """One row a ``DeltaChannel`` of a namespace of a thread; threads used last come first."""
    found: list[Row] = []
    for key, names in _threads(connection, choice):
        found += [names | dataclasses.asdict(use) for use in delta_channels(connection.engine, key)]
        if len(found) >= choice.limit:
            break
    return found[: choice.limit]


def _threads(connection: Connection, choice: Choice) -> Iterator[tuple[int, Row]]:
    """Row id, and what names a thread, of those that may have rows."""
    rows = connection.exec_driver_sql(
        "SELECT id, thread_id, application, backend FROM threads "
        "WHERE (:thread IS NULL OR thread_id = :thread) "
        "ORDER BY last_seen_us DESC, id LIMIT :limit",
        {"thread": choice.thread, "limit": choice.limit},
    ).mappings()
    for row in rows.all():
        names = dict(row)
        yield names.pop("id"), names


def _plain(row: dict[Any, Any]) -> Row:
    """Numbers of Python's own, which JSON takes."""
    return {str(name): getattr(value, "item", lambda v=value: v)() for name, value in row.items()}


REPORTS = {"durability": durability, "deltas": deltas}
