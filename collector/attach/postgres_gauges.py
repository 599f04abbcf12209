"""Counts, bytes and leftovers of a PostgreSQL database of a saver."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from collector.attach import cursors
from collector.attach.postgres_rows import next_threads
from collector.inspection.postgres import Reader

EXACT_ROWS = 2_000_000
"""Up to so many rows a table is counted, by its index; a larger one is estimated by ANALYZE."""
LOOK_SECONDS = 1.0
"""How long one call looks for leftovers, before it goes on at the next."""
FRESH_SECONDS = 600
"""What is younger may still get its checkpoint: puts run in the background."""
_THREADS = 100

_SIZES = """
SELECT sum(pg_catalog.pg_total_relation_size(c.oid))::bigint,
    sum(CASE WHEN s.n_dead_tup > 0 THEN s.n_dead_tup
        * pg_catalog.pg_relation_size(c.oid) / (s.n_live_tup + s.n_dead_tup) ELSE 0 END
      + CASE WHEN t.n_dead_tup > 0 THEN t.n_dead_tup
        * pg_catalog.pg_relation_size(t.relid) / (t.n_live_tup + t.n_dead_tup) ELSE 0 END)::bigint
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid
LEFT JOIN pg_catalog.pg_stat_all_tables t ON t.relid = c.reltoastrelid
WHERE c.oid = ANY(%s)
"""
"""Dead rows, by the mean size of a row of their table: an estimate."""
_ESTIMATE = "SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = %s"
_DISTINCT = "SELECT count(*) FROM (SELECT DISTINCT {key} FROM checkpoints) t"
_ORPHAN_WRITES = """
SELECT count(*), coalesce(sum(octet_length(w.blob)), 0)::bigint FROM checkpoint_writes w
WHERE w.thread_id = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM checkpoints c WHERE c.thread_id = w.thread_id
    AND c.checkpoint_ns = w.checkpoint_ns AND c.checkpoint_id = w.checkpoint_id)
AND (length(w.checkpoint_id) <> 36 OR w.checkpoint_id < %s)
"""
_ORPHAN_BLOBS = """
WITH used AS MATERIALIZED (
    SELECT DISTINCT c.thread_id, c.checkpoint_ns, v.key, v.value FROM checkpoints c
    CROSS JOIN LATERAL jsonb_each_text(c.checkpoint -> 'channel_versions') v
    WHERE c.thread_id = ANY(%s))
SELECT count(*), coalesce(sum(octet_length(b.blob)), 0)::bigint
FROM checkpoint_blobs b LEFT JOIN used u ON u.thread_id = b.thread_id
    AND u.checkpoint_ns = b.checkpoint_ns AND u.key = b.channel AND u.value = b.version
WHERE b.thread_id = ANY(%s) AND u.key IS NULL
"""
_ACTIVE = """
SELECT t.thread_id FROM unnest(%s::text[]) AS t (thread_id) WHERE EXISTS (
    SELECT 1 FROM (SELECT DISTINCT checkpoint_ns FROM checkpoints c WHERE c.thread_id = t.thread_id)
    n CROSS JOIN LATERAL (SELECT checkpoint_id FROM checkpoints l WHERE l.thread_id = t.thread_id
        AND l.checkpoint_ns = n.checkpoint_ns ORDER BY checkpoint_id DESC LIMIT 1) l
    WHERE l.checkpoint_id > %s)
"""


class Gauges:
    """What is counted; leftovers a part at each call, told when all of it was looked at."""

    def __init__(self, reader: Reader, tables: dict[str, int], latest: bool) -> None:
        self._reader = reader
        self._tables = tables
        self._latest = latest
        self._thread = ""
        self._counting = [0, 0, 0, 0]
        self._counted: list[int] = []
        self._missing: set[str] = set()

    def read(self) -> dict[str, int]:
        """See ``Source.gauges``."""
        found: dict[str, int | None] = {
            "checkpoints": self.checkpoints(), "writes": self._rows("checkpoint_writes"),
        }  # fmt: skip
        if (found["checkpoints"] or 0) < EXACT_ROWS:
            for name, key in (("threads", "thread_id"), ("namespaces", "thread_id, checkpoint_ns")):
                found[name] = self._one(name, _DISTINCT.format(key=key))
        sizes = self._row("sizes", _SIZES, list(self._tables.values()))
        if sizes:
            found["file_bytes"], found["dead_bytes"] = sizes
        if not self._latest:
            self._look()
            names = ("orphan_writes", "orphan_write_bytes", "orphan_blobs", "orphan_blob_bytes")
            found.update(zip(names, self._counted, strict=False))
        return {name: int(value) for name, value in found.items() if value is not None}

    def checkpoints(self) -> int | None:
        """Rows of ``checkpoints``; of many an estimate, None where there is none yet."""
        return self._rows("checkpoints")

    def _rows(self, table: str) -> int | None:
        estimate = int(self._one(f"{table}?", _ESTIMATE, self._tables[table]) or 0)
        if estimate < EXACT_ROWS:
            exact = self._one(table, f"SELECT count(*) FROM {table}")
            return exact if exact is not None else max(estimate, 0) or None
        return estimate

    def _one(self, name: str, sql: str, *values: Any) -> int | None:
        row = self._row(name, sql, *values)
        return row[0] if row else None

    def _row(self, name: str, sql: str, *values: Any) -> Any:
        """A row, None where it takes too long: then it is not asked again."""
        if name in self._missing:
            return None
        try:
            return self._reader.rows(sql, *values)[0]
        except (psycopg.errors.QueryCanceled, psycopg.errors.InsufficientPrivilege):
            self._missing.add(name)
            return None

    def _look(self) -> None:
        """Look for pending writes without their checkpoint, and for blobs that none refers to."""
        ends = time.monotonic() + LOOK_SECONDS
        fresh = cursors.id_at(time.time() - FRESH_SECONDS)
        while time.monotonic() < ends and "orphans" not in self._missing:
            threads = self._threads()
            if not threads:
                self._counted, self._counting, self._thread = self._counting, [0, 0, 0, 0], ""
                return
            writes = self._row("orphans", _ORPHAN_WRITES, threads, fresh)
            active = self._active(threads, fresh)
            quiet = [thread for thread in threads if thread not in active]
            blobs = self._row("orphans", _ORPHAN_BLOBS, quiet, quiet)
            if writes and blobs:
                pairs = zip(self._counting, (*writes, *blobs), strict=True)
                self._counting = [before + now for before, now in pairs]
            self._thread = threads[-1]
        if "orphans" in self._missing:
            self._counted = []

    def _threads(self) -> list[str]:
        """The next threads, of those in any table."""
        found: set[str] = set()
        for table in self._tables:
            rows = self._reader.rows(next_threads(table), self._thread, _THREADS)
            found.update(row[0] for row in rows)
        return sorted(found)[:_THREADS]

    def _active(self, threads: list[str], fresh: str) -> set[str]:
        return {row[0] for row in self._reader.rows(_ACTIVE, threads, fresh)}
