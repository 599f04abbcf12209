"""Checkpoints of a MongoDB database: MongoDBSaver, sync and async.

The whole checkpoint is one binary field; its metadata is a document whose leaves are pairs of a
serializer's tag and its bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import errors

from collector.inspection import mongodb
from collector.inspection.errors import CouldNotLook
from collector.inspection.limits import STATEMENT_SECONDS
from collector.inspection.url import Address
from collector.viewer.raw import BLOB_BYTES, EMPTY, MOST_WRITES, Blob, Budget, Found, Pending

CHECKPOINTS, WRITES = "checkpoints", "checkpoint_writes"
_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_BATCH = 100  # writes a round trip


@contextmanager
def connected(address: Address) -> Iterator[Reader]:
    """A reader of the database.

    Raises:
        CouldNotLook: it cannot be reached, refuses, or has no checkpoints.
    """
    with mongodb.connected(address) as (client, name, _):
        try:
            yield Reader(client, name, address)
        except errors.PyMongoError as error:
            raise mongodb.refused(address, error) from None


class Reader:
    """See ``raw.Reader``. What is written between its commands may be missing from the answer."""

    def __init__(self, client: pymongo.MongoClient[Any], name: str, address: Address) -> None:
        self._database = client.get_database(name, codec_options=_RAW)
        self._budget = Budget()
        if CHECKPOINTS not in client[name].list_collection_names():
            raise CouldNotLook(
                f"{address.shown} has no collection {CHECKPOINTS} in its database {name!r}. Name "
                "the database of the saver: mongodb://host/database."
            )

    def find(
        self, thread: str, ns: str, checkpoint: str, channels: Collection[str] | None
    ) -> Found | None:
        key = {"thread_id": thread, "checkpoint_ns": ns}
        rows = self._rows(
            CHECKPOINTS,
            {"$match": {**key, "checkpoint_id": checkpoint} if checkpoint else key},
            {"$sort": {"checkpoint_id": -1}},
            {"$limit": 1},
            {"$set": {"size": _size("$checkpoint"), "checkpoint": _bounded("$checkpoint")}},
        )
        if not rows:
            return None
        row = rows[0]
        found = str(row["checkpoint_id"])
        metadata = row.get("metadata")
        written = self._writes({**key, "checkpoint_id": found}, channels)
        return Found(
            found,
            str(row.get("parent_checkpoint_id") or ""),
            self._blob(row, "checkpoint"),
            Blob("bson", len(metadata.raw), bytes(metadata.raw))
            if isinstance(metadata, RawBSONDocument)
            else EMPTY,
            writes=written[:MOST_WRITES],
            more_writes=len(written) > MOST_WRITES,
        )

    def _writes(self, key: dict[str, str], channels: Collection[str] | None) -> list[Pending]:
        if channels is not None:
            key = {**key, "channel": {"$in": list(channels)}}  # type: ignore[dict-item]
        # Lengths first: only what fits the answer is shipped.
        rows = self._rows(
            WRITES,
            {"$match": key},
            {"$set": {"size": _size("$value")}},
            {"$unset": "value"},
            {"$limit": MOST_WRITES + 1},
        )
        rows.sort(key=_order)
        contents: dict[Any, bytes] = {}
        wanted = [row["_id"] for row in rows if self._fits(row["size"])]
        for start in range(0, len(wanted), _BATCH):
            some = {"$match": {"_id": {"$in": wanted[start : start + _BATCH]}}}
            for row in self._rows(WRITES, some, {"$project": {"value": 1}}):
                contents[row["_id"]] = _bytes(row["value"])
        return [
            Pending(
                *_order(row)[1::-1], _order(row)[2], str(row["channel"]),
                Blob(str(row.get("type") or ""), int(row["size"]), contents.get(row["_id"], b"")),
            )
            for row in rows
        ]  # fmt: skip

    def _fits(self, size: int) -> bool:
        if size > self._budget.left:
            return False
        self._budget.left -= size
        return True

    def _blob(self, row: Any, name: str) -> Blob:
        content = _bytes(row.get(name))
        self._budget.left -= len(content)
        return Blob(str(row.get("type") or ""), int(row["size"]), content)

    def _rows(self, collection: str, *stages: dict[str, Any]) -> list[Any]:
        found = self._database[collection].aggregate(
            list(stages), maxTimeMS=STATEMENT_SECONDS * 1000, batchSize=MOST_WRITES + 1
        )
        with found:
            return list(found)


def _order(row: Any) -> tuple[str, str, int]:
    """As LangGraph sorts writes: path, task, position."""
    index = row.get("idx")
    return str(row.get("task_path") or ""), str(row["task_id"]), int(index or 0)


def _size(field: str) -> dict[str, Any]:
    """Length of a binary field; 0 of anything else, which no saver writes."""
    kind = {"$type": field}
    return {"$cond": [{"$in": [kind, ["binData", "string"]]}, {"$binarySize": field}, 0]}


def _bounded(field: str) -> dict[str, Any]:
    return {"$cond": [{"$lte": [_size(field), BLOB_BYTES]}, field, None]}


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes) else b""
