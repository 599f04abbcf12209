"""Stored and live bytes of real graphs on MongoDB equal what the server says."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import bson
import pymongo

from tests.collector.made import collect, one, query
from tests.conftest import REPOSITORY

PAYLOADS = {"checkpoints": "checkpoint", "checkpoint_writes": "value"}


def by_thread(database: Any, operator: str) -> dict[str, int]:
    """Thread → bytes, summed by the server over both collections."""
    found: dict[str, int] = {}
    for collection, payload in PAYLOADS.items():
        measured = {"$bsonSize": "$$ROOT"} if operator == "$bsonSize" else {operator: f"${payload}"}
        group = {"$group": {"_id": "$thread_id", "bytes": {"$sum": measured}}}
        for row in database[collection].aggregate([group]):
            found[row["_id"]] = found.get(row["_id"], 0) + row["bytes"]
    return found


def newest(database: Any, thread: str) -> int:
    """Bytes of the newest root checkpoint."""
    row = database["checkpoints"].find_one(
        {"thread_id": thread, "checkpoint_ns": ""}, sort=[("checkpoint_id", -1)]
    )
    return len(row["checkpoint"]) if row else 0


def test_to_the_byte(mongo_url: str, tmp_path: Path) -> None:
    """Payloads are told to the byte; what documents have beside them is names, ids, metadata."""
    name = f"test_{uuid.uuid4().hex}"
    subprocess.run(
        [sys.executable, "-m", "tests.collector.on_mongodb", mongo_url, name],
        cwd=REPOSITORY,
        env=os.environ | {"STATEMETER_SPOOL": str(tmp_path / "spool")},
        check=True,
    )
    store = tmp_path / "store.sqlite"
    collect(tmp_path / "spool", store)
    rows = query(store, "SELECT * FROM threads WHERE backend = 'mongodb'")
    told = {row["thread_id"]: row["stored_bytes"] for row in rows}
    assert {row["partial"] for row in rows} == {0}
    (process,) = query(store, "SELECT * FROM processes")
    assert (process["dropped"], process["failures"]) == ("{}", 0)
    assert one(store, "SELECT label FROM savers") == f"{mongo_url.partition('//')[2]}/{name}"
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        database = client[name]
        payloads, whole = by_thread(database, "$binarySize"), by_thread(database, "$bsonSize")
        assert told == {thread: payloads.get(thread, 0) for thread in told}
        assert set(payloads) <= set(told)
        assert len(payloads) > 10
        for row in rows:
            assert row["live_bytes"] == newest(database, row["thread_id"])
            thread = row["thread_id"]
            beside = sum(
                len(bson.encode(document | {payload: b""}))
                for collection, payload in PAYLOADS.items()
                for document in database[collection].find({"thread_id": thread})
            )
            assert whole.get(thread, 0) - payloads.get(thread, 0) == beside
        client.drop_database(name)
