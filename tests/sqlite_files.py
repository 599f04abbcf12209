"""A SQLite file as a test opens it: committed at the end of the block, and closed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def opened(path: Path | str, **options: Any) -> Iterator[sqlite3.Connection]:
    """A connection to `path` for a block: `with sqlite3.connect(…)` alone leaves it open."""
    with closing(sqlite3.connect(path, **options)) as connection, connection:
        yield connection
