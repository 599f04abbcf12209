"""Counts, bytes and leftovers of a MongoDB database of a saver."""

from __future__ import annotations

import time
from typing import Any

from pymongo.database import Database
from pymongo.errors import ExecutionTimeout, OperationFailure

from collector.attach import cursors
from collector.attach.mongodb_documents import CHECKPOINTS, MS, WRITES

COUNTED = 2_000_000
"""Up to so many checkpoints, threads and namespaces are counted by an index."""
LOOK_SECONDS = 1.0
"""How long one call looks for leftovers, before it goes on at the next."""
FRESH_SECONDS = 600
"""What is younger may still get its checkpoint: puts run in the background."""


class Gauges:
    """What is counted; leftovers a part at each call, told when all of it was looked at."""

    def __init__(self, database: Database[Any]) -> None:
        self._database = database
        self._thread = ""
        self._counting = (0, 0)
        self._counted: tuple[int, int] | None = None
        self._missing: set[str] = set()

    def stats(self, name: str) -> dict[str, int]:
        """``count``, ``size`` and others of ``collStats``; empty where there is no collection, or
        where the user may not ask."""
        stages: list[dict[str, Any]] = [{"$collStats": {"storageStats": {}}}]
        try:
            rows = list(self._database[name].aggregate(stages, maxTimeMS=MS))
        except OperationFailure:
            return {}
        known = rows[0]["storageStats"] if rows else {}
        return {key: int(value) for key, value in known.items() if isinstance(value, int | float)}

    def read(self) -> dict[str, int]:
        """See ``Source.gauges``."""
        checkpoints, writes = self.stats(CHECKPOINTS), self.stats(WRITES)
        found: dict[str, int | None] = {
            "checkpoints": checkpoints.get("count"), "writes": writes.get("count"),
        }  # fmt: skip
        for sizes in (checkpoints, writes):
            if "storageSize" in sizes:
                disk = sizes["storageSize"] + sizes.get("totalIndexSize", 0)
                found["file_bytes"] = (found.get("file_bytes") or 0) + disk
                free = sizes.get("freeStorageSize", 0)
                found["dead_bytes"] = (found.get("dead_bytes") or 0) + free
        if (found["checkpoints"] or 0) <= COUNTED:
            found["threads"] = self._distinct("thread_id")
            found["namespaces"] = self._distinct("thread_id", "checkpoint_ns")
        self._look()
        if self._counted is not None:
            found["orphan_writes"], found["orphan_write_bytes"] = self._counted
        return {name: value for name, value in found.items() if value is not None}

    def _distinct(self, *names: str) -> int | None:
        key = {name: f"${name}" for name in names}
        rows = self._rows(CHECKPOINTS, "&".join(names), [{"$group": {"_id": key}}, {"$count": "n"}])
        if rows is None:
            return None
        return int(rows[0]["n"]) if rows else 0

    def _rows(
        self, collection: str, name: str, stages: list[dict[str, Any]]
    ) -> list[dict[str, Any]] | None:
        """All rows, None where they take too long: then they are not asked for again."""
        if name in self._missing:
            return None
        try:
            return list(self._database[collection].aggregate(stages, maxTimeMS=MS))
        except ExecutionTimeout:
            self._missing.add(name)
            return None

    def _look(self) -> None:
        """Look for pending writes without their checkpoint, thread by thread."""
        ends = time.monotonic() + LOOK_SECONDS
        fresh = cursors.id_at(time.time() - FRESH_SECONDS)
        while time.monotonic() < ends:
            row = self._database[WRITES].find_one(
                {"thread_id": {"$gt": self._thread}}, {"_id": 0, "thread_id": 1},
                sort=[("thread_id", 1)], max_time_ms=MS,
            )  # fmt: skip
            if row is None:
                self._counted, self._counting, self._thread = self._counting, (0, 0), ""
                return
            self._thread = row["thread_id"]
            found = self._orphans(self._thread, fresh)
            if found is None:
                self._counted = None
                return
            self._counting = (self._counting[0] + found[0], self._counting[1] + found[1])

    def _orphans(self, thread: str, fresh: str) -> tuple[int, int] | None:
        key = {"ns": "$checkpoint_ns", "id": "$checkpoint_id"}
        size = {"$binarySize": "$value"}
        rows = self._rows(
            WRITES, "orphans",
            [
                {"$match": {"thread_id": thread}},
                {"$group": {"_id": key, "n": {"$sum": 1}, "size": {"$sum": size}}},
            ],
        )  # fmt: skip
        there = self._rows(
            CHECKPOINTS, "orphans", [{"$match": {"thread_id": thread}}, {"$project": {"_id": key}}]
        )
        if rows is None or there is None:
            return None
        held = {(row["_id"]["ns"], row["_id"]["id"]) for row in there}
        lost = [
            row for row in rows
            if (row["_id"]["ns"], row["_id"]["id"]) not in held and row["_id"]["id"] < fresh
        ]  # fmt: skip
        return sum(int(row["n"]) for row in lost), sum(int(row["size"]) for row in lost)
