"""The write-ahead log of the store: kept short, and an alarm while a reader keeps it long.

SQLite cannot reuse the log from where the oldest open reader stands (https://sqlite.org/wal.html,
"Avoiding Excessively Large WAL Files").
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from collector.health import file_bytes
from storage.store import BUSY_SECONDS, plain

ALARM_BYTES = 64_000_000
"""Four times what a checkpoint at every commit beyond ``store.CHECKPOINT_PAGES`` leaves."""


def bound_wal(engine: Engine, path: Path) -> str:
    """Cut the log if it is long and nobody reads it; what to say where somebody does."""
    wal = path.with_name(path.name + "-wal")
    if file_bytes(wal) < ALARM_BYTES:
        return ""
    with plain(engine) as cursor:
        try:
            cursor.execute("PRAGMA busy_timeout = 0")  # try, and never wait for a reader
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    size = file_bytes(wal)
    if size < ALARM_BYTES:
        return ""
    return (
        f"The log {wal.name} has {size / 1e6:.0f} MB and cannot be cut: some program has had a "
        "transaction open on the store for long. Close it; the log is cut within seconds."
    )
