"""Collections and indexes of MongoDBSaver and MongoDBStore."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from collector.inspection.errors import CouldNotLook
from collector.inspection.findings import Findings
from collector.inspection.url import Address

if TYPE_CHECKING:
    from collector.inspection.mongodb import Reader

KEYS: dict[str, dict[str, int]] = {
    "checkpoints": {"thread_id": 1, "checkpoint_ns": 1, "checkpoint_id": -1},
    "checkpoint_writes": {
        "thread_id": 1, "checkpoint_ns": 1, "checkpoint_id": -1, "task_id": 1, "idx": 1,
    },
}  # fmt: skip
"""Collection of MongoDBSaver, by its default name → the unique index that it makes."""

SETUP = (
    "from langgraph.checkpoint.mongodb import MongoDBSaver\n"
    "with MongoDBSaver.from_conn_string(url, db_name={name!r}):\n"
    "    pass  # it makes collections and indexes"
)


def statement(command: dict[str, Any]) -> str:
    """A command for mongosh; its argument is strict JSON."""
    return f"db.runCommand({json.dumps(command)})"


def check(
    reader: Reader, address: Address, name: str, names: set[str], findings: Findings
) -> list[str]:
    """Tell of collections and their indexes; returns those of MongoDBSaver that are there.

    Raises:
        CouldNotLook: the database has other collections only.
    """
    found = [collection for collection in KEYS if collection in names]
    others = sorted(names - set(KEYS))
    if not found and others:
        raise CouldNotLook(
            f"{address.shown} has no collections {' and '.join(KEYS)} in its database {name!r}, "
            f"but {', '.join(others[:5])}. Name the database of the saver: mongodb://host/database."
        )
    missing = [collection for collection in KEYS if collection not in names]
    findings.add(
        "setup", "Collections of MongoDBSaver",
        f"missing: {', '.join(missing)}" if missing else "complete",
        status="critical" if missing else "ok",
        why=f"No saver has used the database {name!r} yet, or another one is in use. Without its "
        "indexes each read would go through the whole collection." if missing else "",
        mend=SETUP.format(name=name) if missing else "", language="python" if missing else "",
    )  # fmt: skip
    for collection in found:
        with findings.trying("collection.size", "Size", collection):
            _check_size(reader, collection, findings)
        with findings.trying("index", "Index", collection):
            _check_indexes(reader, collection, findings)
    return found


def indexes(reader: Reader, collection: str) -> list[dict[str, Any]]:
    """The indexes of a collection."""
    found: list[dict[str, Any]] = reader.ask({"listIndexes": collection})["cursor"]["firstBatch"]
    return found


def _check_size(reader: Reader, collection: str, findings: Findings) -> None:
    stats = reader.rows(collection, [{"$collStats": {"storageStats": {}}}])[0]["storageStats"]
    findings.add("collection.documents", "Documents", stats["count"], "documents",
                 subject=collection)  # fmt: skip
    findings.add("collection.size", "Documents, uncompressed", stats["size"], "bytes",
                 subject=collection)  # fmt: skip
    findings.add("collection.disk", "Documents on disk", stats["storageSize"], "bytes",
                 subject=collection)  # fmt: skip
    findings.add("collection.free", "Free on disk, used again", stats.get("freeStorageSize", 0),
                 "bytes", subject=collection)  # fmt: skip
    findings.add("collection.indexes", "Indexes on disk", stats["totalIndexSize"], "bytes",
                 subject=collection)  # fmt: skip


def _check_indexes(reader: Reader, collection: str, findings: Findings) -> None:
    wanted = list(KEYS[collection].items())
    there = indexes(reader, collection)
    unique = any(list(i["key"].items()) == wanted and i.get("unique") for i in there)
    named = ", ".join(str(index["name"]) for index in there)
    command = {
        "createIndexes": collection,
        "indexes": [
            {"key": KEYS[collection], "name": f"{collection}_by_thread", "unique": True},
        ],
    }
    findings.add(
        "index", "Indexes", named if unique else f"missing; there: {named}", subject=collection,
        status="ok" if unique else "critical",
        why="" if unique else "The saver makes it where it opens the database; it was dropped "
        "since. Each step of a graph reads the whole collection, and nothing keeps a checkpoint "
        "from being there twice.",
        mend="" if unique else statement(command), language="" if unique else "mongodb",
    )  # fmt: skip
