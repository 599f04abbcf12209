"""Checkpoints, blobs and pending writes of PostgreSQL: statements, and what their rows tell.

Values stay on the server: of blobs and writes ``octet_length`` is read, which looks at the header
of a value and not into TOAST; of a document its parts, as ``statemeter.asides`` sizes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collector.attach import documents, metadata, nodes, times
from collector.attach.source import FoundCheckpoint, FoundWrites

Key = tuple[str, str, str]
"""Thread, namespace, checkpoint id."""
Blob = tuple[str, int]
"""Serializer tag and bytes."""

_BOOKKEEPING = ("channel_versions", "versions_seen")
TRUE = -4
"""Stands for the bytes of ``true``, which may be a mark of a ``DeltaChannel``'s snapshot."""

_FACTS = """
SELECT c.thread_id, c.checkpoint_ns, {id} AS checkpoint_id, {parent} AS parent,
    octet_length(c.checkpoint::text) AS document, octet_length(c.metadata::text) AS metadata,
    octet_length((c.checkpoint -> 'channel_versions')::text) AS channel_versions,
    octet_length((c.checkpoint -> 'versions_seen')::text) AS versions_seen,
    c.checkpoint ->> 'ts' AS ts, jsonb_build_object({names}) AS told,
    c.checkpoint -> 'channel_versions' AS versions, {before} AS before,
    (SELECT jsonb_object_agg(v.key,
            CASE WHEN v.value = 'true'::jsonb THEN -4 ELSE octet_length(v.value::text) END)
        FROM jsonb_each(c.checkpoint -> 'channel_values') v) AS inline
FROM {page} k CROSS JOIN LATERAL (SELECT * FROM checkpoints WHERE {key} LIMIT 1) c {parents}
"""
_TOLD = ", ".join(
    f"'{name}', c.metadata -> '{name}'" for name in metadata.Metadata.__struct_fields__
)
_WHOLE = {
    "names": _TOLD,
    "id": "c.checkpoint_id",
    "parent": "coalesce(c.parent_checkpoint_id, '')",
    "before": "p.versions",
    "key": "thread_id = k.thread_id AND checkpoint_ns = k.checkpoint_ns "
    "AND checkpoint_id = k.checkpoint_id",
    "parents": "LEFT JOIN LATERAL (SELECT checkpoint -> 'channel_versions' AS versions "
    "FROM checkpoints WHERE thread_id = c.thread_id AND checkpoint_ns = c.checkpoint_ns "
    "AND checkpoint_id = c.parent_checkpoint_id LIMIT 1) p ON true",
}
_LATEST = {
    "names": _TOLD,
    "id": "coalesce(c.checkpoint ->> 'id', '')",
    "parent": "coalesce((SELECT max(w.checkpoint_id) FROM checkpoint_writes w "
    "WHERE w.thread_id = c.thread_id AND w.checkpoint_ns = c.checkpoint_ns "
    "AND w.checkpoint_id < c.checkpoint ->> 'id'), '')",
    "before": "NULL::jsonb",
    "key": "thread_id = k.thread_id AND checkpoint_ns = k.checkpoint_ns",
    "parents": "",
}
_GIVEN = "(SELECT * FROM unnest(%s::text[], %s::text[], %s::text[]) AS u ({key}))"
_KEY = "thread_id, checkpoint_ns, checkpoint_id"

_BLOBS = """
SELECT k.n, b.type, octet_length(b.blob)
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) WITH ORDINALITY
    AS k (thread_id, checkpoint_ns, channel, version, n)
CROSS JOIN LATERAL (
    SELECT type, blob FROM checkpoint_blobs WHERE thread_id = k.thread_id
    AND checkpoint_ns = k.checkpoint_ns AND channel = k.channel{version} LIMIT 1
) b
"""
"""LATERAL … LIMIT 1: each is looked up by the primary key. A join is planned from estimates by
thread, which are worst for the largest threads."""

_WRITES = (
    "SELECT thread_id, checkpoint_ns, checkpoint_id, task_id, idx, {path} AS path, channel, "
    "coalesce(type, '') AS type, octet_length(blob) AS size FROM checkpoint_writes w "
)
_NEXT_THREADS = """
WITH RECURSIVE t AS (
    (SELECT thread_id FROM {table} WHERE thread_id > %s ORDER BY thread_id LIMIT 1)
    UNION ALL
    SELECT (SELECT n.thread_id FROM {table} n WHERE n.thread_id > t.thread_id
        ORDER BY n.thread_id LIMIT 1) FROM t WHERE t.thread_id IS NOT NULL
)
SELECT thread_id FROM (SELECT thread_id FROM t LIMIT %s) s WHERE thread_id IS NOT NULL
"""
"""From one thread to the next, by the index: not through all their rows."""


def next_threads(table: str) -> str:
    """The statement that names threads behind one; takes it, and the most threads."""
    return _NEXT_THREADS.format(table=table)


@dataclass(frozen=True)
class Statements:
    """Those that fit the tables there are."""

    keys: str
    """Keys of checkpoints of some threads, by thread and time; takes the threads, the last key as
    (thread, id, namespace), and the most rows."""
    given: str
    """Checkpoints of these keys; takes a list for each column."""
    blobs: str
    """Takes threads, namespaces, channels and versions."""
    writes_of: str
    """Pending writes of given keys of checkpoints, or of their namespaces where each keeps one."""
    writes_alone: str
    """Those of some threads whose checkpoint is not there; takes the threads, and the most rows."""


def statements(latest: bool, has_path: bool) -> Statements:
    """For a database of ShallowPostgresSaver (``latest``) or of PostgresSaver; ``has_path``: writes
    have a ``task_path``, which old versions did not keep."""
    parts = _LATEST if latest else _WHOLE
    writes = _WRITES.format(path="w.task_path" if has_path else "''")
    key = "c.checkpoint ->> 'id'" if latest else "c.checkpoint_id"
    of = "c IS NOT NULL" if latest else "checkpoint_id = c"
    same = "" if latest else " AND c.checkpoint_id = w.checkpoint_id"
    return Statements(
        keys=f"SELECT c.thread_id, c.checkpoint_ns, {key} FROM checkpoints c "
        f"WHERE c.thread_id = ANY(%s) AND (c.thread_id, {key}, c.checkpoint_ns) > (%s, %s, %s) "
        "ORDER BY 1, 3, 2 LIMIT %s",
        given=_FACTS.format(page=_GIVEN.format(key=_KEY), **parts) + " ORDER BY 1, 3, 2",
        blobs=_BLOBS.format(version="" if latest else " AND version = k.version"),
        writes_of="SELECT w.* FROM unnest(%s::text[], %s::text[], %s::text[]) AS k (t, n, c) "
        f"CROSS JOIN LATERAL ({writes} WHERE thread_id = t AND checkpoint_ns = n "
        f"AND {of} OFFSET 0) w ORDER BY 1, 2, 3, 4, 5",
        writes_alone=f"{writes} WHERE w.thread_id = ANY(%s) AND NOT EXISTS (SELECT 1 "
        "FROM checkpoints c WHERE c.thread_id = w.thread_id AND "
        f"c.checkpoint_ns = w.checkpoint_ns{same}) ORDER BY 1, 2, 3, 4, 5 LIMIT %s",
    )


def wanted(
    row: Mapping[str, Any], before: documents.Versions | None
) -> tuple[list[str], list[str]]:
    """Channels that this checkpoint changed, and those whose blobs tell something: they, and
    ``true`` inside the document, which may be a mark."""
    changed = documents.changed(row["versions"] or {}, before or {})
    marks = [name for name, size in (row["inline"] or {}).items() if size == TRUE]
    return changed, changed + [name for name in marks if name not in set(changed)]


def checkpoint(
    row: Mapping[str, Any], changed: list[str], blobs: Mapping[str, Blob]
) -> FoundCheckpoint:
    """What a row tells.

    Args:
        row: of ``Statements.given``.
        changed: channels that it changed.
        blobs: channel → its blob, of those wanted that there are.
    """
    inside = {name: abs(size) for name, size in (row["inline"] or {}).items()}
    marks = [name for name in inside if name in blobs]
    inside = {name: size for name, size in inside.items() if name not in blobs}
    told = metadata.of_mapping(row["told"])
    deltas = told.deltas()
    kept = {name: blobs[name] for name in changed if name in blobs and blobs[name][0] != "empty"}
    channels: dict[str, int | None] = {
        name: None for name in changed
        if name not in kept and name not in inside and name not in deltas
    }  # fmt: skip
    emptied = list(channels)
    channels.update({name: size for name, (_, size) in kept.items()})
    channels.update(inside)
    written = [name for name in changed if name in kept or name in inside]
    encrypted = any("+" in tag for tag, _ in kept.values())
    sizes = [(key, row[key]) for key in _BOOKKEEPING if row[key] is not None]
    return FoundCheckpoint(
        thread=row["thread_id"], ns=row["checkpoint_ns"], checkpoint=row["checkpoint_id"],
        parent=row["parent"], at_us=times.of_checkpoint(row["checkpoint_id"], row["ts"] or ""),
        serializer=_tag([tag for tag, _ in kept.values()]),
        step=told.step_number(), source=told.source_name(),
        document_bytes=row["document"], blob_bytes=sum(size for _, size in kept.values()),
        metadata_bytes=row["metadata"],
        bookkeeping_bytes=sum(size + len(key) + len('"": ') for key, size in sizes),
        channels=channels,
        changed=written + emptied if inside.keys() - set(written) else None,
        channels_unknown="encrypted" if encrypted else "",
        inline_bytes=sum(inside.values()), root=told.root(), deltas=deltas,
        snapshots=[name for name in marks if name in set(changed)], run_id=told.run(),
    )  # fmt: skip


def writes(
    rows: Iterable[Sequence[Any]], at_us: Mapping[Key, int] | None = None
) -> list[FoundWrites]:
    """Pending writes by task, of rows in the order of their key.

    Args:
        rows: of ``Statements.writes_*``.
        at_us: time of checkpoints whose id does not tell it.
    """
    found: list[FoundWrites] = []
    told: tuple[str, str, str, str] | None = None
    for thread, ns, checkpoint_id, task, index, path, channel, tag, size in rows:
        if (thread, ns, checkpoint_id, task) != told:
            told = (thread, ns, checkpoint_id, task)
            time_us = (at_us or {}).get(told[:3]) or times.of_checkpoint(checkpoint_id)
            found.append(
                FoundWrites(
                    thread, ns, checkpoint_id, time_us, tag, task, nodes.node_of(path or ""), []
                )
            )
        last = found[-1]
        last.node = last.node or nodes.node_of(path or "")
        last.writes.append((index, channel, size))
    return found


def _tag(tags: Sequence[str]) -> str:
    """What most of a checkpoint is in: ``bytes`` are kept as they are, whatever the serializer."""
    made = [tag for tag in tags if tag not in {"bytes", "bytearray", "null"}]
    return next(iter([*made, *tags]), "json")
