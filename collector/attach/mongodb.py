"""A MongoDB database of MongoDBSaver, attached.

Only ``find``, ``aggregate`` and counts, each with ``maxTimeMS``, with the read preference of the
URL. Documents are read in the order of their ``_id``, which the server makes as they come: that
order is the first pass and what is new alike, and needs no index beside the one there always is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bson import ObjectId
from bson.errors import BSONError
from pymongo import errors
from pymongo.database import Database

from collector.attach import mongodb_documents
from collector.attach.cursors import Cursor
from collector.attach.documents import Parents, Versions
from collector.attach.mongodb_documents import CHECKPOINTS, MS, WRITES, Key
from collector.attach.mongodb_gauges import Gauges
from collector.attach.pages import Pages
from collector.attach.remembered import Remembered
from collector.attach.source import (
    BATCH_BYTES,
    Batch,
    Found,
    FoundCheckpoint,
    FoundWrites,
    Held,
    SaverFacts,
    Total,
)
from collector.inspection import mongodb, url
from collector.inspection.errors import CouldNotLook
from collector.inspection.url import Address

AGAIN_SECONDS = 30
"""What was inserted that much earlier than the newest is looked at again: two that come at once may
be seen in another order than that of their ids, and each primary has a clock of its own."""
_KEPT = 50_000
_CHUNK = 200
"""Checkpoints whose writes are asked for at once."""
_NAMES = {"thread_id": 1, "checkpoint_ns": 1, "checkpoint_id": 1}
_KEEP = {
    "thread_id": 1, "checkpoint_ns": 1, "checkpoint_id": 1, "parent_checkpoint_id": 1, "type": 1,
    "checkpoint": 1, "metadata": 1,
}  # fmt: skip
_WRITE = {
    "thread_id": 1, "checkpoint_ns": 1, "checkpoint_id": 1, "task_id": 1, "task_path": 1, "idx": 1,
    "channel": 1, "type": 1, "size": {"$binarySize": "$value"},
}  # fmt: skip


@contextmanager
def opened(address: Address) -> Iterator[Mongo]:
    """The database of an address.

    Raises:
        CouldNotLook: it cannot be reached, or has no collections of MongoDBSaver.
    """
    with mongodb.connected(address) as (client, name, place):
        database = client[name]
        try:
            names = set(database.list_collection_names())
        except errors.PyMongoError as error:
            raise mongodb.refused(address, error) from None
        if not names & {CHECKPOINTS, WRITES}:
            others = ", ".join(sorted(names)[:5]) or "nothing"
            raise CouldNotLook(
                f"{address.shown} has no collection {CHECKPOINTS} in its database {name!r}, but "
                f"{others}. Name the database of the saver: mongodb://host/database."
            )
        yield Mongo(database, *url.at_server("mongodb", *place, name))


class Mongo:
    """A ``Source``."""

    failures: tuple[type[Exception], ...] = (errors.PyMongoError, BSONError)

    def __init__(self, database: Database[Any], identity: str, label: str) -> None:
        self._database = database
        self._identity, self._label = identity, label
        self._gauges = Gauges(database)
        self._changes: Any = None
        self._parents = Parents()
        self._seen: Remembered[Any, bool] = Remembered(_KEPT)
        self._writes: Remembered[Key, tuple[int, int]] = Remembered(_KEPT)
        self._sends: Remembered[Key, list[str]] = Remembered(_KEPT)

    def saver(self) -> SaverFacts:
        """See ``Source``."""
        return SaverFacts(
            key=url.storage_key("mongodb", self._identity), backend="mongodb",
            class_name="MongoDBSaver", layout="whole", label=self._label,
        )  # fmt: skip

    def total(self) -> Total:
        """See ``Source``. Bytes of the documents alone are counted by nobody."""
        return Total(self._gauges.stats(CHECKPOINTS).get("count"))

    def read(self, cursor: str) -> Iterator[Batch]:
        """See ``Source``.

        The place is the last ``_id`` of either collection. What comes after it is what is new, but
        for writes that replace others under their old ``_id``.
        """
        at = Cursor.of(cursor)
        if len(at.key or ()) != len((CHECKPOINTS, WRITES)):
            at.key = ["", ""]
        yield from self._checkpoints(at)
        yield from self._pending(at)

    def changed(self) -> bool:
        """See ``Source``: by the newest ``_id`` and the count that the server keeps. A write that
        replaces another changes neither."""
        found = [
            (
                self._database[name].find_one({}, {"_id": 1}, sort=[("_id", -1)], max_time_ms=MS),
                self._database[name].estimated_document_count(maxTimeMS=MS),
            )
            for name in (CHECKPOINTS, WRITES)
        ]
        before, self._changes = self._changes, found
        return bool(before != found)

    def gauges(self) -> dict[str, int]:
        """See ``Source``."""
        return self._gauges.read()

    def counts(self, threads: Sequence[str]) -> dict[str, int]:
        """See ``Source``."""
        stages: list[dict[str, Any]] = [
            {"$match": {"thread_id": {"$in": list(threads)}}},
            {"$group": {"_id": "$thread_id", "n": {"$sum": 1}}},
        ]
        rows = self._database[CHECKPOINTS].aggregate(stages, maxTimeMS=MS)
        return {row["_id"]: int(row["n"]) for row in rows}

    def held(self, thread: str) -> Held:
        """See ``Source``."""
        names = {"_id": 0, "checkpoint_ns": 1, "checkpoint_id": 1}
        found = [
            {
                (row["checkpoint_ns"], row["checkpoint_id"])
                for row in self._find(name, {"thread_id": thread}, names)
            }
            for name in (CHECKPOINTS, WRITES)
        ]
        return Held(*found)

    def _checkpoints(self, at: Cursor) -> Iterator[Batch]:
        place, pages = _begin(at, 0), Pages()
        while True:
            begun = time.monotonic()
            rows = self._page(CHECKPOINTS, place, _KEEP, pages.rows)
            if not rows:
                return
            fresh = [row for row in rows if row["_id"] not in self._seen]
            found = [self._checkpoint(row) for row in fresh]
            pending, size = mongodb_documents.writes(
                self._writes_of([mongodb_documents.key_of(row) for row in fresh]), self._sends.get
            )
            for row in fresh:
                self._seen[row["_id"]] = True
            size += sum(one.document_bytes for one in found)
            pages.took(time.monotonic() - begun, size)
            place = rows[-1]["_id"]
            yield Batch(_beside(found, pending), _reached(at, 0, place), size)
            pages.rest()

    def _checkpoint(self, row: dict[str, Any]) -> FoundCheckpoint:
        def parent() -> Versions | None:
            if not row.get("parent_checkpoint_id"):
                return {}
            key = (row["thread_id"], row["checkpoint_ns"], row["parent_checkpoint_id"])
            return self._parents.get(*key) or self._versions(key)

        found, document = mongodb_documents.checkpoint(row, parent)
        key = mongodb_documents.key_of(row)
        self._parents.add(*key, document.versions)
        if document.sends:
            self._sends[key] = document.sends
        return found

    def _versions(self, key: Key) -> Versions | None:
        names = ("thread_id", "checkpoint_ns", "checkpoint_id")
        rows = self._find(CHECKPOINTS, dict(zip(names, key, strict=True)), _KEEP, most=1)
        if not rows:
            return None
        document = mongodb_documents.checkpoint(rows[0], dict)[1]
        self._parents.add(*key, document.versions)
        return document.versions

    def _pending(self, at: Cursor) -> Iterator[Batch]:
        """Pending writes, all of a checkpoint when one of them is new."""
        place, pages = _begin(at, 1), Pages()
        while True:
            begun = time.monotonic()
            rows = self._page(WRITES, place, _NAMES, pages.rows)
            if not rows:
                return
            place = rows[-1]["_id"]
            fresh = [row for row in rows if row["_id"] not in self._seen]
            keys = dict.fromkeys(mongodb_documents.key_of(row) for row in fresh)
            for row in fresh:
                self._seen[row["_id"]] = True
            held = self._writes_of(list(keys))
            pages.took(time.monotonic() - begun)
            found, size = mongodb_documents.writes(held, self._sends.get)
            yield Batch([*found], _reached(at, 1, place), size)

    def _writes_of(self, keys: Sequence[Key]) -> list[dict[str, Any]]:
        """Pending writes under these checkpoints, but for those that were told just so."""
        names = ("thread_id", "checkpoint_ns", "checkpoint_id")
        by_checkpoint: dict[Key, list[dict[str, Any]]] = {}
        for begin in range(0, len(keys), _CHUNK):
            some = [dict(zip(names, key, strict=True)) for key in keys[begin : begin + _CHUNK]]
            for row in self._find(WRITES, {"$or": some}, _WRITE):
                by_checkpoint.setdefault(mongodb_documents.key_of(row), []).append(row)
        fresh = []
        for key, rows in by_checkpoint.items():
            state = (len(rows), sum(row["size"] or 0 for row in rows))
            if self._writes.get(key) != state:
                self._writes[key] = state
                fresh += rows
        return fresh

    def _find(
        self, name: str, query: dict[str, Any], keep: dict[str, Any], most: int = 0
    ) -> list[dict[str, Any]]:
        with self._database[name].find(query, keep, limit=most, max_time_ms=MS) as found:
            return list(found)

    def _page(
        self, name: str, place: ObjectId | None, keep: dict[str, Any], most: int
    ) -> list[dict[str, Any]]:
        """The next rows by ``_id``, fewer where they are large: no cursor stays open, and what the
        server sends at once is 16 MB at most."""
        query = {"_id": {"$gt": place}} if place else {}
        rows: list[dict[str, Any]] = []
        size = 0
        found = self._database[name].find(query, keep, limit=most, max_time_ms=MS)
        with found.sort("_id", 1) as cursor:
            for row in cursor:
                rows.append(row)
                size += _bytes_of(row)
                if size >= BATCH_BYTES:
                    break
        return rows


def _beside(found: Sequence[FoundCheckpoint], pending: Sequence[FoundWrites]) -> list[Found]:
    """Checkpoints, each followed by its pending writes."""
    writes: dict[Key, list[FoundWrites]] = {}
    for one in pending:
        writes.setdefault((one.thread, one.ns, one.checkpoint), []).append(one)
    return [
        part for one in found
        for part in (one, *writes.get((one.thread, one.ns, one.checkpoint), ()))
    ]  # fmt: skip


def _bytes_of(row: dict[str, Any]) -> int:
    return len(row.get("checkpoint") or b"")


def _begin(at: Cursor, collection: int) -> ObjectId | None:
    """Where to look from: a little before the place."""
    known = at.key[collection] if at.key else ""
    if not ObjectId.is_valid(known):
        return None
    seconds = int(known[:8], 16) - AGAIN_SECONDS
    return ObjectId(max(0, seconds).to_bytes(4) + bytes(8))


def _reached(at: Cursor, collection: int, place: ObjectId) -> str:
    if at.key:
        at.key[collection] = max(at.key[collection], str(place))
    return at.text()
