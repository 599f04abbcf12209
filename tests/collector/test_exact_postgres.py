"""Stored and live bytes of real graphs on PostgreSQL equal what the server says, to the byte."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from tests.collector.made import collect, one, query
from tests.conftest import REPOSITORY

STORED = """
SELECT t.thread_id, sum(t.bytes)::int8 FROM (
    SELECT thread_id, octet_length(checkpoint::text) AS bytes FROM checkpoints
    UNION ALL SELECT thread_id, octet_length(blob) FROM checkpoint_blobs
    UNION ALL SELECT thread_id, octet_length(blob) FROM checkpoint_writes
) t GROUP BY t.thread_id
"""
LIVE = """
SELECT c.thread_id, octet_length(c.checkpoint::text) + coalesce((
    SELECT sum(octet_length(b.blob)) FROM jsonb_each_text(c.checkpoint -> 'channel_versions') v
    JOIN checkpoint_blobs b ON (b.thread_id, b.checkpoint_ns, b.channel, b.version)
                             = (c.thread_id, '', v.key, v.value)), 0)::int8
FROM checkpoints c
WHERE checkpoint_ns = '' AND checkpoint_id = (
    SELECT max(checkpoint_id) FROM checkpoints d
    WHERE d.thread_id = c.thread_id AND d.checkpoint_ns = '')
"""
LIVE_SHALLOW = """
SELECT thread_id, octet_length(checkpoint::text) + (
    SELECT sum(octet_length(blob)) FROM checkpoint_blobs b
    WHERE b.thread_id = c.thread_id AND b.checkpoint_ns = '')::int8
FROM checkpoints c WHERE checkpoint_ns = ''
"""


def run(url: str, folder: Path, *kind: str) -> Path:
    """The store after the applications ran and were collected."""
    subprocess.run(
        [sys.executable, "-m", "tests.collector.on_postgres", url, *kind],
        cwd=REPOSITORY,
        env=os.environ | {"STATEMETER_SPOOL": str(folder / "spool"), "STATEMETER_APP": "exact"},
        check=True,
    )
    shutil.copytree(folder / "spool", folder / "again")
    store = folder / "store.sqlite"
    collect(folder / "spool", store)
    return store


def in_pieces(folder: Path, pieces: int) -> Path:
    """The store after as many collectors had a piece of the same spool each: none remembers what
    came before, so that it has to look it up."""
    segments = sorted((folder / "again").glob("*.spool"))
    lines = [(path, line) for path in segments for line in path.read_bytes().splitlines(True)]
    spool, store = folder / "pieces", folder / "pieces.sqlite"
    spool.mkdir()
    step = len(lines) // pieces + 1
    with ExitStack() as stack:
        opened = {path: stack.enter_context((spool / path.name).open("ab")) for path in segments}
        for segment in opened.values():
            fcntl.flock(segment, fcntl.LOCK_EX)  # as the probe does, while it may write more
        for begin in range(0, len(lines), step):
            for path, line in lines[begin : begin + step]:
                opened[path].write(line)
                opened[path].flush()
            collect(spool, store)
    return store


def compare(store: Path, url: str, live_sql: str) -> dict[str, Any]:
    """Each thread's bytes, told and as the server has them."""
    rows = query(store, "SELECT * FROM threads WHERE backend = 'postgres'")
    told = {row["thread_id"]: (row["stored_bytes"], row["live_bytes"]) for row in rows}
    with psycopg.connect(url) as connection:
        stored = dict(connection.execute(STORED).fetchall())
        live = dict(connection.execute(live_sql).fetchall())
    assert set(stored) <= set(told)
    assert told == {thread: (stored.get(thread, 0), live.get(thread, 0)) for thread in told}
    assert {row["thread_id"] for row in rows if row["partial"]} == set()
    return stored


def test_to_the_byte(postgres_database: str, tmp_path: Path) -> None:
    """Subgraphs, interrupts, failures, forks, deletes, prunes, all durabilities and odd values:
    over a connection, a pool and a pipeline, sync and async, told as one storage."""
    store = run(postgres_database, tmp_path)
    stored = compare(store, postgres_database, LIVE)
    prefixes = {thread.partition("-")[0] for thread in stored}
    assert prefixes == {"one", "pipeline", "pool", "aone", "apipeline", "apool"}
    assert one(store, "SELECT count(*) FROM dead_letters") == 0
    (process,) = query(store, "SELECT * FROM processes")
    assert (process["dropped"], process["ended"], process["failures"]) == ("{}", 1, 0)
    (saver,) = query(store, "SELECT * FROM savers")
    host_port_database = postgres_database.rpartition("@")[2].removeprefix("postgresql://")
    assert saver["label"] == host_port_database.partition("?")[0]
    assert (saver["layout"], saver["database"]) == ("channels", "")
    compare(in_pieces(tmp_path, 12), postgres_database, LIVE)


def test_shallow_to_the_byte(postgres_database: str, tmp_path: Path) -> None:
    """A saver that keeps the newest checkpoint alone, and its few pending writes."""
    store = run(postgres_database, tmp_path, "shallow")
    stored = compare(store, postgres_database, LIVE_SHALLOW)
    assert len(stored) == 3
    (saver,) = query(store, "SELECT * FROM savers")
    assert saver["layout"] == "latest"
    compare(in_pieces(tmp_path, 12), postgres_database, LIVE_SHALLOW)
    written = one(store, "SELECT sum(written_bytes) FROM threads")
    assert written > 2 * sum(stored.values())
