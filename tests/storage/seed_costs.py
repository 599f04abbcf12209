"""What costs are worked out from, in a made-up store: the work by hour, and a longer history."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.histogram import pack
from storage.layouts import Work

if TYPE_CHECKING:
    from tests.storage.seed import Seed

HOUR_US = 3_600_000_000


def workload_hours(seed: Seed) -> list[dict[str, Any]]:
    """The rows that a collector would have made of the operations of a seed."""
    found: dict[tuple[int, str, str], dict[str, Any]] = {}

    def of(row: dict[str, Any]) -> dict[str, Any]:
        thread = seed.threads[row["thread_key"] - 1]
        hour = row["at_us"] // HOUR_US * HOUR_US
        key = (hour, thread["application"], thread["backend"])
        names = ("bucket_us", "application", "backend")
        blank = dict.fromkeys(Work.__dataclass_fields__, 0)
        return found.setdefault(key, dict(zip(names, key, strict=True)) | blank)

    for row in seed.operations:
        if row["error"]:
            continue
        if row["operation"] == "put_writes":
            of(row)["writes_bytes"] += row["payload_bytes"]
        if row["operation"] != "put":
            continue
        work = of(row)
        try:
            sizes, wrote = json.loads(row["channels"]), json.loads(row["changed"])
        except json.JSONDecodeError:  # of a row that a test damaged: the sums are of whole ones
            continue
        # What a DeltaChannel wrote has no value in the checkpoint, as for the collector.
        changed = [name for name in wrote if name in sizes] if wrote else list(sizes)
        small = [name for name, size in sizes.items() if size <= 2000 and name != "messages"]
        held = sum(sizes.values())
        whole = work["backend"] not in {"memory", "postgres"}
        told = {
            "puts": 1, "seen_puts": 1, "held_bytes": held, "bookkeeping_bytes": 300,
            "document_bytes": row["live_bytes"] - (0 if whole else held),
            "name_bytes": sum(len(name) + 1 for name in sizes),
            "changed_bytes": sum(sizes[name] for name in changed),
            "small_bytes": sum(sizes[name] for name in small),
            "small_changed_bytes": sum(sizes[name] for name in small if name in changed),
        }  # fmt: skip
        if "messages" in changed:
            elements = json.loads(row["lists"]).get("messages", [0])[0]
            told |= {"message_writes": 1, "message_bytes": sizes["messages"],
                     "message_elements": elements}  # fmt: skip
        for name, value in told.items():
            work[name] += value
    for run in seed.runs:
        of(run | {"thread_key": run["thread_key"]})["runs"] += 1
    return list(found.values())


def add_history(  # noqa: PLR0917 (what an hour is of)
    store: Path, now_us: int, hours: int, gained: Callable[[int], int], backend: str = "sqlite",
    application: str = "support-bot",
) -> None:  # fmt: skip
    """Sums of earlier hours, as the collector keeps them: ``gained(hour)`` bytes, the oldest 0."""
    first = now_us // HOUR_US * HOUR_US - hours * HOUR_US
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.executemany(
            "INSERT OR IGNORE INTO rollups VALUES (3600, ?, ?, ?, 'put', 10, 0, ?, 9000, 100, "
            "2000, 900, ?, 0, 0, ?)",
            [
                (first + hour * HOUR_US, application, backend, abs(gained(hour)), gained(hour),
                 pack({}))
                for hour in range(hours)
            ],
        )  # fmt: skip


def choose_own_memory(path: Path) -> None:
    """The memory of an application is priced as that of one's own machine, which has no price."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO cost_settings (name, value, changed_us) "
            "VALUES ('service:memory', 'Memory of your own machine', 1)"
        )
