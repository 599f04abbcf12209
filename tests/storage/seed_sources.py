"""Attached databases in a store, written by the functions that the collector writes them with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from storage import models, models_resources
from storage.gauges import GaugeRollups
from storage.models_sources import SourceRow
from storage.store import open_writer

SECOND = 1_000_000
FIRST_ROW = 900
"""Of resources and processes: behind those that other samples make."""


def add(store: Path, key: str, now_us: int, readings: Sequence[Any] = (), **told: Any) -> None:
    """Add an attached database.

    Args:
        store: file of the store; made where it is not there.
        key: of the database.
        now_us: time that ``readings`` go by.
        readings: (seconds before now, what its reader told), in the order of their times; a third
            part is the number of the reader's process, 0 by default.
        told: columns of ``SourceRow``.
    """
    row = {
        "key": key, "backend": "sqlite", "shown": f"/data/{key}.sqlite", "application": "chat",
        "phase": "following", "added_us": now_us - 600 * SECOND, "updated_us": now_us,
    } | told  # fmt: skip
    with _written(store) as connection:
        connection.execute(insert(SourceRow), [row])
        if not readings:
            return
        number = FIRST_ROW + len(connection.exec_driver_sql("SELECT key FROM sources").all()) * 10
        connection.execute(
            insert(models_resources.Resource),
            [{"id": number, "key": key, "kind": "source", "backend": row["backend"]}],
        )
        processes = sorted({part[2] if len(part) > 2 else 0 for part in readings})
        connection.execute(
            insert(models.Process),
            [
                {"id": number + one, "incarnation": f"{number + one:032x}", "kind": "attached"}
                for one in processes
            ],
        )
        rollups = GaugeRollups()
        before: dict[int, dict[str, int]] = {}
        for ago, values, *process in readings:
            one = number + (process[0] if process else 0)
            rollups.add((number, one), int(now_us - ago * SECOND), before.get(one, {}), values)
            before[one] = values
        rollups.save(connection)


@contextmanager
def _written(store: Path) -> Iterator[Connection]:
    engine = open_writer(str(store))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
