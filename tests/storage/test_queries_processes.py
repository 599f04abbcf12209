"""Which process used a thread last, and what the store says of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from storage import queries_processes
from storage.store import open_reader
from tests.storage import seed

NOW = 1_800_000_123_456_789


def test_the_process_that_used_a_thread_last(tmp_path: Path) -> None:
    """By the newest call of the thread; what reads an attached database is none, and neither is
    there one of a thread that nobody used."""
    store = seed.sample(NOW).write(tmp_path / "store.sqlite")
    with closing(sqlite3.connect(store)) as connection, connection:
        (thread, process) = connection.execute(
            "SELECT thread_key, process_id FROM operations ORDER BY at_us LIMIT 1"
        ).fetchone()
        other = connection.execute("SELECT id FROM processes WHERE id <> ?", (process,)).fetchone()[
            0
        ]
        names = dict(connection.execute("SELECT id, incarnation FROM processes"))
        connection.execute(
            "UPDATE operations SET process_id = ? WHERE id = (SELECT id FROM operations "
            "WHERE thread_key = ? ORDER BY at_us DESC LIMIT 1)",
            (other, thread),
        )
    engine = open_reader(str(store))
    assert queries_processes.of_thread(engine, thread) == names[other]
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE processes SET kind = 'sqlite' WHERE id = ?", (other,))
    assert queries_processes.of_thread(engine, thread) == names[process]
    assert queries_processes.of_thread(engine, 10_000) == ""
    engine.dispose()
