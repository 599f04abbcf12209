"""Which nodes ``Send`` asked for: the one thing that PostgreSQL's columns do not tell.

It is in the blob of ``__pregel_tasks``, which is fetched for those checkpoints alone under which
tasks of a ``Send`` wrote. One that carries much (each ``Send`` has its argument) stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from collector.attach import nodes
from collector.attach.postgres_rows import Key

if TYPE_CHECKING:
    from collector.attach.postgres import Postgres

MOST_BYTES = 64_000
"""Of a checkpoint."""
_PATH = 5
"""Column of rows of pending writes."""

_SENDS = f"""
SELECT k.t, k.n, k.c, b.blob FROM unnest(%s::text[], %s::text[], %s::text[]) AS k (t, n, c)
CROSS JOIN LATERAL (
    SELECT checkpoint -> 'channel_versions' ->> '{nodes.SENDS}' AS version FROM checkpoints
    WHERE thread_id = k.t AND checkpoint_ns = k.n AND checkpoint_id = k.c LIMIT 1
) v
CROSS JOIN LATERAL (
    SELECT type, blob FROM checkpoint_blobs WHERE thread_id = k.t AND checkpoint_ns = k.n
    AND channel = '{nodes.SENDS}' AND version = v.version LIMIT 1
) b
WHERE b.type = 'msgpack' AND octet_length(b.blob) <= {MOST_BYTES}
"""


def named(source: Postgres, rows: Sequence[Any]) -> list[Any]:
    """Rows of pending writes, with the name of the node in the path of each task of a ``Send``,
    where it is known."""
    asked = list(
        dict.fromkeys(row[:3] for row in rows if (row[_PATH] or "").startswith(nodes.PUSH))
    )
    if not asked or source.latest:
        return list(rows)
    columns = [list(column) for column in zip(*asked, strict=True)]
    sends: dict[Key, list[str]] = {
        (thread, ns, checkpoint): nodes.nodes_of_sends(bytes(blob))
        for thread, ns, checkpoint, blob in source.rows(_SENDS, *columns)
    }
    return [_named(row, sends) for row in rows]


def _named(row: Any, sends: dict[Key, list[str]]) -> Any:
    node = nodes.node_of(row[_PATH] or "", sends.get(row[:3], ()))
    return (*row[:_PATH], f"{nodes.PULL}{node}", *row[_PATH + 1 :]) if node else row
