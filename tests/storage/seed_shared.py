"""A store for reports: threads, costs and a comparison, with names that try to run."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.storage import seed, seed_comparison

HOSTILE = "<script>window.ran=1</script><img src=http://192.0.2.1/x onerror=window.ran=1>"
THREAD = f"=cmd|' /C calc'!A0\"'\x1b[31m\u202e {HOSTILE}"
CHANNEL = f"</svg></style>{HOSTILE}\"'"
COMPARISON = seed_comparison.ID


def fill(path: Path) -> Path:
    """Writes the store, whose second thread has hostile names wherever a name may stand."""
    made = seed.sample(time.time_ns() // 1000)
    key = made.thread(THREAD, steps=40, begin_s=300, subgraph=True, errors=1)
    made.write(path)
    found = seed_comparison.comparison()
    found.backends[1].label = HOSTILE
    found.backends[1].problem = HOSTILE
    found.notes.append(HOSTILE)
    seed_comparison.add(path, found, name=HOSTILE)
    with closing(sqlite3.connect(path)) as connection, connection:
        for name, column in (("messages", "channels"), ("AIMessage", "lists")):
            connection.execute(
                f"UPDATE operations SET {column} = replace({column}, ?, ?) WHERE thread_key = ?",
                (json.dumps(name), json.dumps(CHANNEL), key),
            )
        for table in ("node_runs", "runs"):
            connection.execute(f"UPDATE {table} SET graph = ? WHERE thread_key = ?", (HOSTILE, key))
        connection.execute("UPDATE node_runs SET node = ? WHERE thread_key = ?", (HOSTILE, key))
        connection.execute("UPDATE threads SET graph = ? WHERE id = ?", (HOSTILE, key))
        connection.execute("UPDATE savers SET label = ?, serializer = ? WHERE id = 1",
                           (HOSTILE, HOSTILE))  # fmt: skip
        connection.execute("UPDATE operations SET error = ? WHERE error <> ''", (HOSTILE,))
    return path
