"""Comparisons in a store: figures that are made up, in the shape that a job tells them in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import insert

from storage import comparisons
from storage.comparisons import (
    OPERATIONS,
    Asked,
    Cell,
    Comparison,
    Footprint,
    Point,
    Round,
    Spread,
    Survival,
    Target,
)
from storage.models_jobs import JobRow
from storage.store import open_writer

ID = "c" * 32
TURN_MS = {"memory": 1.0, "sqlite": 8.0, "postgres": 5.0, "redis": 4.0, "mongodb": 5.02}
"""Backend → median turn of the sample: PostgreSQL and MongoDB are a tie."""
DISK = {"sqlite": 900_000, "postgres": 500_000, "mongodb": 300_000}
MEMORY = {"memory": 400_000, "redis": 950_000, "mongodb": 600_000}


def comparison(concurrency: tuple[int, ...] = (1, 8), rounds: int = 5) -> Comparison:
    """Five backends; Redis keeps nothing over a restart."""
    targets = [Target(key=key, backend=key, shown=f"{key}://host") for key in TURN_MS]
    found = Comparison(rounds=rounds, backends=comparisons.outcomes(targets), notes=["A note."])
    for one in found.backends:
        one.keeps, one.kept_how = one.key not in ("memory", "redis"), "A reason."
        one.reach = {"memory": "process", "sqlite": "processes"}.get(one.key, "machines")
        for clients in concurrency:
            found.cells.append(_cell(one.key, clients, rounds))
        found.survivals.append(
            Survival(
                backend=one.key, turns_acknowledged=3, steps_acknowledged=3,
                turns_found=0 if one.key == "memory" else 3, resumed=one.key != "memory",
            )
        )  # fmt: skip
        found.footprints.append(
            Footprint(
                backend=one.key, threads=8, how="As it says.",
                points=[
                    Point(
                        turns=turns,
                        disk_bytes=DISK[one.key] * turns // 10 if one.key in DISK else None,
                        memory_bytes=MEMORY[one.key] * turns // 10 if one.key in MEMORY else None,
                    )
                    for turns in (0, 5, 10)
                ],
            )
        )  # fmt: skip
    return found


def _cell(key: str, clients: int, rounds: int) -> Cell:
    turn = TURN_MS[key] * clients
    cell = Cell(backend=key, concurrency=clients)
    for number in range(rounds):
        us = turn * 1000 * (0.98 + 0.01 * number)
        cell.rounds.append(
            Round(
                turns=100, turns_per_second=1e6 / us * clients, cpu_us_per_turn=500.0,
                operations_per_second=6e6 / us,
                **{
                    f"{name}_us": {one: us * share * factor for one, share in _SHARES.items()}
                    for name, factor in (("p50", 1.0), ("p95", 2.0), ("p99", 3.0))
                },
            )
        )  # fmt: skip
    for name in OPERATIONS:
        middle = turn * 1000 * _SHARES[name]
        values = [middle * factor for factor in (0.5, 0.8, 1.0, 1.3, 2.0, 3.0)]
        cell.spread[name] = Spread(count=100 * rounds, values=values)
    return cell


_SHARES = {"put": 0.1, "put_writes": 0.05, "get_tuple": 0.08, "list": 0.4, "turn": 1.0}


def add(store: Path, found: Comparison | None = None, **told: Any) -> str:
    """Add a job; its id.

    Args:
        store: file of the store; made where it is not there.
        found: its result.
        told: columns of ``JobRow``.
    """
    targets = [Target(key=key, backend=key, shown=key) for key in TURN_MS]
    engine = open_writer(str(store))
    row = {
        "id": ID, "kind": comparisons.KIND, "name": "chat on five",
        "asked": msgspec.json.encode(Asked(targets=targets)).decode(), "state": "done",
        "share": 1.0, "created_us": 1_750_000_000_000_000, "started_us": 1_750_000_001_000_000,
        "updated_us": 1_750_000_061_000_000, "ended_us": 1_750_000_061_000_000,
        "result": "null" if found is None else msgspec.json.encode(found).decode(),
    } | told  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(JobRow), [row])
    engine.dispose()
    return str(row["id"])
