"""A SQLite file, or a store, as a test opens it: for a block, and closed at its end."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from storage.store import open_reader


@contextmanager
def opened(path: Path | str, **options: Any) -> Iterator[sqlite3.Connection]:
    """A connection, committed at the end: ``with sqlite3.connect(…)`` alone leaves it open."""
    with closing(sqlite3.connect(path, **options)) as connection, connection:
        yield connection


@contextmanager
def reader_of(store: Path | str) -> Iterator[Engine]:
    """An engine that reads a store."""
    engine = open_reader(str(store))
    try:
        yield engine
    finally:
        engine.dispose()
