"""Backends over time, and which errors their calls ended with."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from storage.queries import (
    ALL,
    SECOND_US,
    WRITES,
    IntArray,
    Scope,
    fetch,
    grid_for,
    now_us,
    reading,
    slots_of,
)
from storage.rollups import FOUND

ERRORS_MOST = 200
"""Most rows of errors told, those with the most calls."""


def rates(
    engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None
) -> pd.DataFrame:
    """Calls of savers: a row for each slot and backend, also where it was not called: at_us,
    backend, seconds (of the slot that have passed), operations, errors (counts), written_bytes
    (with those that were found in attached databases, whose calls nobody saw)."""
    at_us = now_us() if at_us is None else at_us
    with reading(engine) as connection:
        grid = grid_for(connection, window_s, at_us)
        found = fetch(
            connection,
            "SELECT bucket_us, backend, operation, sum(count) AS operations, "
            "sum(errors) AS errors, sum(payload_bytes) AS written_bytes FROM rollups "
            "WHERE resolution_s = :resolution AND bucket_us >= :start"
            f"{scope.where()} GROUP BY 1, 2, 3",
            resolution=grid.resolution_s,
            start=grid.start_us,
            **scope.values(),
        )
    sums = ("operations", "errors", "written_bytes")
    found[list(sums)] = found[list(sums)].astype(np.int64)
    found.loc[~found["operation"].isin([*WRITES, FOUND]), "written_bytes"] = 0
    found.loc[found["operation"] == FOUND, "operations"] = 0
    found["slot"] = slots_of(grid, found["bucket_us"])
    seconds = np.clip((at_us - grid.starts_us) / SECOND_US, 0, grid.slot_us / SECOND_US)
    parts = []
    for backend, part in found.groupby("backend"):
        curve = pd.DataFrame({"at_us": grid.starts_us, "backend": backend, "seconds": seconds})
        for name in sums:
            summed: IntArray = np.zeros(len(seconds), dtype=np.int64)
            np.add.at(summed, part["slot"].to_numpy(np.int64), part[name].to_numpy(np.int64))
            curve[name] = summed
        parts.append(curve)
    if not parts:
        return pd.DataFrame(columns=["at_us", "backend", "seconds", *sums])
    return pd.concat(parts, ignore_index=True)


def errors(
    engine: Engine, window_s: int, scope: Scope = ALL, at_us: int | None = None
) -> pd.DataFrame:
    """Calls of savers that raised: a row for each backend, operation and class of exception, most
    calls first: backend, operation, error, count, last_us. Calls of no thread have the backend
    ``""``: which storage they reached is not kept."""
    at_us = now_us() if at_us is None else at_us
    where = "".join(f" AND t.{name} = :{name}" for name in scope.values())
    with reading(engine) as connection:
        return fetch(
            connection,
            "SELECT coalesce(t.backend, '') AS backend, o.operation, o.error, count(*) AS count, "
            "max(o.at_us) AS last_us FROM operations AS o "
            "LEFT JOIN threads AS t ON t.id = o.thread_key "
            # As the condition of the index operations_failed has it.
            f"WHERE o.error <> '' AND o.at_us >= :start{where} GROUP BY 1, 2, 3 "
            "ORDER BY count(*) DESC, 1, 2, 3 LIMIT :limit",
            start=at_us - window_s * SECOND_US,
            limit=ERRORS_MOST,
            **scope.values(),
        )
