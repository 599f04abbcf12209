"""Checkpoints of a PostgreSQL database: PostgresSaver and ShallowPostgresSaver, sync and async.

The document is JSONB with small values inside; the others are blobs, one for each version of a
channel. The shallow saver has no column ``checkpoint_id``, no parents, and one blob a channel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from collector.inspection import postgres
from collector.inspection.errors import CouldNotLook
from collector.inspection.limits import STATEMENT_SECONDS
from collector.inspection.url import Address
from collector.viewer.raw import BLOB_BYTES, EMPTY, MOST_WRITES, Blob, Budget, Found, Pending
from storage.values import HEAD_BYTES

_COLUMNS = (
    "SELECT relname, array_agg(attname::text) FROM pg_attribute JOIN pg_class ON pg_class.oid = "
    "attrelid WHERE attrelid = ANY(ARRAY[to_regclass('checkpoints'), "
    "to_regclass('checkpoint_writes')]) AND attnum > 0 AND NOT attisdropped GROUP BY relname"
)
_CHECKPOINT = """
SELECT {id}, coalesce({parent}, ''), octet_length(checkpoint::text),
    CASE WHEN octet_length(checkpoint::text) <= %(document)s THEN checkpoint::text END,
    octet_length(metadata::text),
    CASE WHEN octet_length(metadata::text) <= %(document)s THEN metadata::text END
FROM checkpoints WHERE thread_id = %(thread)s AND checkpoint_ns = %(ns)s {which}
"""
_BOUNDED = f"""
    coalesce(octet_length(b.blob), 0), CASE WHEN octet_length(b.blob) <= {BLOB_BYTES}
        AND sum(octet_length(b.blob)) FILTER (WHERE octet_length(b.blob) <= {BLOB_BYTES})
            OVER (ORDER BY {{order}}) <= %(left)s
    THEN b.blob ELSE substring(b.blob FROM 1 FOR {HEAD_BYTES}) END
"""  # octet_length of a blob reads its header alone, so nothing is shipped to be left away
_BLOBS = f"""
SELECT b.channel, b.type, {_BOUNDED.format(order="b.channel")} FROM checkpoints
CROSS JOIN LATERAL jsonb_each_text(checkpoint -> 'channel_versions') AS v
JOIN checkpoint_blobs b ON b.thread_id = checkpoints.thread_id
    AND b.checkpoint_ns = checkpoints.checkpoint_ns AND b.channel = v.key {{version}}
WHERE checkpoints.thread_id = %(thread)s AND checkpoints.checkpoint_ns = %(ns)s
    AND {{id}} = %(checkpoint)s AND (%(all)s OR b.channel = ANY(%(channels)s))
ORDER BY b.channel
"""
_ORDER = '{path} COLLATE "C", b.task_id COLLATE "C", b.idx'
_WRITES = f"""
SELECT b.task_id, {{path}}, b.idx, b.channel, coalesce(b.type, ''), {_BOUNDED.format(order=_ORDER)}
FROM checkpoint_writes b
WHERE b.thread_id = %(thread)s AND b.checkpoint_ns = %(ns)s AND b.checkpoint_id = %(checkpoint)s
    AND (%(all)s OR b.channel = ANY(%(channels)s))
ORDER BY {_ORDER} LIMIT {MOST_WRITES + 1}
"""
_BEGIN = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    f"SET LOCAL statement_timeout = {STATEMENT_SECONDS * 1000}",
)


@contextmanager
def connected(address: Address) -> Iterator[Reader]:
    """A reader of the database.

    Raises:
        CouldNotLook: it cannot be reached, refuses, or has no checkpoints.
    """
    with postgres.connected(address) as (connection, _):
        try:
            yield Reader(connection, address)
        except psycopg.Error as error:
            raise postgres.refused(address, error) from None


class Reader:
    """See ``raw.Reader``. All of a checkpoint is read in one transaction."""

    def __init__(self, connection: psycopg.Connection[TupleRow], address: Address) -> None:
        self._connection = connection
        self._budget = Budget()
        columns: dict[str, list[str]] = dict(connection.execute(_COLUMNS).fetchall())
        if "checkpoints" not in columns or "checkpoint_writes" not in columns:
            raise CouldNotLook(
                f"{address.shown} has no checkpoints: PostgresSaver.setup() made no tables in the "
                "schemas of its search_path."
            )
        shallow = "checkpoint_id" not in columns["checkpoints"]
        self._names = {
            "id": "checkpoint ->> 'id'" if shallow else "checkpoints.checkpoint_id",
            "parent": "NULL" if shallow else "parent_checkpoint_id",
            "version": "" if shallow else "AND b.version = v.value",
            # Databases of older savers lack it; their writes sort by task alone.
            "path": "b.task_path" if "task_path" in columns["checkpoint_writes"] else "''",
        }

    def find(
        self, thread: str, ns: str, checkpoint: str, channels: Collection[str] | None
    ) -> Found | None:
        with self._connection.transaction():
            for statement in _BEGIN:
                self._connection.execute(statement)
            return self._find(thread, ns, checkpoint, channels)

    def _find(
        self, thread: str, ns: str, checkpoint: str, channels: Collection[str] | None
    ) -> Found | None:
        which = "AND {id} = %(checkpoint)s" if checkpoint else "ORDER BY {id} DESC LIMIT 1"
        asked: dict[str, Any] = {
            "thread": thread, "ns": ns, "checkpoint": checkpoint, "all": channels is None,
            "channels": list(channels or ()), "document": min(BLOB_BYTES, self._budget.left),
        }  # fmt: skip
        rows = self._rows(_CHECKPOINT.replace("{which}", which), asked)
        if not rows:
            return None
        found, parent, *both = rows[0]
        asked["checkpoint"] = found
        document, metadata = self._text(*both[:2]), self._text(*both[2:])
        blobs = {
            channel: self._blob(tag, size, content)
            for channel, tag, size, content in self._rows(_BLOBS, asked)
        }
        written = self._rows(_WRITES, asked)
        return Found(
            found, parent, document, metadata, blobs,
            [
                Pending(task, path, index, channel, self._blob(tag, size, content))
                for task, path, index, channel, tag, size, content in written[:MOST_WRITES]
            ],
            more_writes=len(written) > MOST_WRITES,
        )  # fmt: skip

    def _text(self, size: int | None, text: str | None) -> Blob:
        content = (text or "").encode()
        self._budget.left -= len(content)
        return EMPTY if size is None else Blob("json", size, content)

    def _blob(self, tag: str, size: int, content: bytes | None) -> Blob:
        self._budget.left -= len(content or b"")
        return Blob(tag, size, content or b"")

    def _rows(self, sql: str, asked: dict[str, Any]) -> list[TupleRow]:
        for name, column in self._names.items():
            sql = sql.replace("{" + name + "}", column)
        asked["left"] = max(0, self._budget.left)
        return self._connection.execute(sql, asked).fetchall()
