"""Bytes of a thread's checkpoints as the backend itself counts them, by none of our code.

Each gives {namespace: {checkpoint id: [bytes of it with all its channels, of its metadata, of the
pending writes kept under it]}}, bytes as docs/measures.md has them; -1: not counted so.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pymongo
import redis

Counted = dict[str, dict[str, list[int]]]
Row = tuple[str, str, int, int]

_SQLITE = """
SELECT checkpoint_ns, checkpoint_id, length(checkpoint), length(metadata) FROM checkpoints
WHERE thread_id = ?
"""
_SQLITE_WRITES = """
SELECT checkpoint_ns, checkpoint_id, sum(length(value)) FROM writes WHERE thread_id = ?
GROUP BY checkpoint_ns, checkpoint_id
"""
_POSTGRES = """
SELECT c.checkpoint_ns, c.checkpoint_id, octet_length(c.checkpoint::text) + coalesce((
    SELECT sum(octet_length(b.blob)) FROM jsonb_each_text(c.checkpoint -> 'channel_versions') v
    JOIN checkpoint_blobs b ON (b.thread_id, b.checkpoint_ns, b.channel, b.version)
                             = (c.thread_id, c.checkpoint_ns, v.key, v.value)), 0)::int8, -1
FROM checkpoints c WHERE thread_id = %s
"""
_POSTGRES_WRITES = """
SELECT checkpoint_ns, checkpoint_id, sum(octet_length(blob))::int8 FROM checkpoint_writes
WHERE thread_id = %s GROUP BY checkpoint_ns, checkpoint_id
"""


def counted(kind: str, url: str, saver: Any, thread: str) -> Counted:
    """Of one thread."""
    found: Counted = {}
    rows, writes = _COUNT[kind](saver if kind == "memory" else url, thread)
    for ns, checkpoint, size, metadata in rows:
        found.setdefault(ns, {})[checkpoint] = [size, metadata, 0]
    for ns, checkpoint, size in writes:
        found[ns][checkpoint][2] += size
    return found


def _sqlite(path: str, thread: str) -> Any:
    with closing(sqlite3.connect(path)) as connection:
        return [connection.execute(sql, (thread,)).fetchall() for sql in (_SQLITE, _SQLITE_WRITES)]


def _postgres(url: str, thread: str) -> Any:
    with psycopg.connect(url) as connection:
        return [
            connection.execute(sql, (thread,)).fetchall() for sql in (_POSTGRES, _POSTGRES_WRITES)
        ]


def _mongodb(url: str, thread: str) -> Any:
    names = {"ns": "$checkpoint_ns", "id": "$checkpoint_id"}
    with pymongo.MongoClient[Any](url) as client:
        database = client.get_default_database()
        found = []
        for collection, field in (("checkpoints", "checkpoint"), ("checkpoint_writes", "value")):
            wanted = {"$project": names | {"size": {"$binarySize": f"${field}"}}}
            rows = database[collection].aggregate([{"$match": {"thread_id": thread}}, wanted])
            found.append([(row["ns"], row["id"], row["size"]) for row in rows])
        return [(*row, -1) for row in found[0]], found[1]


def _redis(url: str, thread: str) -> Any:
    rows: list[Row] = []
    writes = []
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for key in client.scan_iter(f"checkpoint*:{thread}:*", count=1000, _type="ReJSON-RL"):
            document = json.loads(client.execute_command("JSON.GET", key))
            ns, checkpoint = document["checkpoint_ns"], document["checkpoint_id"]
            ns = ns.replace("__empty__", "")
            if "blob" in document:
                (size,) = client.execute_command("JSON.STRLEN", key, "$.blob")
                writes.append((ns, checkpoint, size))
            else:
                text = client.execute_command("JSON.GET", key, ".checkpoint")
                metadata = len(document["metadata"].encode())
                rows.append((ns, checkpoint, len(text.encode()), metadata))
    return rows, writes


def kept_writes(url: str, thread: str) -> dict[tuple[str, str], list[list[str]]]:
    """Task and channel of the pending writes that a Redis keeps under each checkpoint. RedisSaver
    itself leaves out those that it wrote before their checkpoint."""
    found: dict[tuple[str, str], list[list[str]]] = {}
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for key in client.scan_iter(f"checkpoint_write:{thread}:*", count=1000):
            one = json.loads(client.execute_command("JSON.GET", key))
            place = (one["checkpoint_ns"].replace("__empty__", ""), one["checkpoint_id"])
            found.setdefault(place, []).append([one["task_id"], one["channel"]])
    return found


def _valkey(url: str, thread: str) -> Any:
    rows: list[Row] = []
    writes = []
    name = url.replace("valkey://", "redis://")
    with redis.Redis.from_url(name, decode_responses=True) as client:
        for key in client.scan_iter(f"checkpoint:{{{thread}}}:*", count=1000):
            stored = json.loads(client.get(key))
            metadata = len(stored["metadata"])
            rows.append((*_place(key), len(stored["checkpoint"]), metadata))
        for key in client.scan_iter(f"writes:{{{thread}}}:*", count=1000):
            writes += [(*_place(key), len(write["value"])) for write in json.loads(client.get(key))]
    return rows, writes


def _place(key: str) -> tuple[str, str]:
    ns, _, checkpoint = key.partition("}:")[2].rpartition(":")
    return ns, checkpoint


def _memory(saver: Any, thread: str) -> Any:
    def rows() -> Iterator[Row]:
        for ns, checkpoints in saver.storage[thread].items():
            for checkpoint, (document, metadata, _) in checkpoints.items():
                versions = saver.serde.loads_typed(document)["channel_versions"]
                blobs = (saver.blobs.get((thread, ns, *item)) for item in versions.items())
                size = len(document[1]) + sum(len(blob[1]) for blob in blobs if blob)
                yield ns, checkpoint, size, len(metadata[1])

    writes = [
        (ns, checkpoint, len(write[2][1]))
        for (name, ns, checkpoint), told in saver.writes.items()
        if name == thread
        for write in told.values()
    ]
    return list(rows()), writes


_COUNT: dict[str, Callable[[Any, str], Any]] = {
    "sqlite": _sqlite, "async-sqlite": _sqlite, "postgres": _postgres, "mongodb": _mongodb,
    "redis": _redis, "valkey": _valkey, "memory": _memory,
}  # fmt: skip
