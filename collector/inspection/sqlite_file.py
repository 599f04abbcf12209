"""A SQLite file of somebody else: opened to be read, refused where it is none of LangGraph.

``mode=ro`` and ``query_only``, and each statement bounded in time: an open reader keeps the WAL of
the application from being emptied.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from collector.inspection.errors import CouldNotLook
from collector.inspection.limits import STATEMENT_SECONDS, Limits, from_settings

BUSY_SECONDS = 2.0
_STEPS = 10_000  # of the virtual machine between looks at the clock: less than a millisecond

NAMES = {"checkpoints", "writes", "store", "store_migrations", "store_vectors", "cache"}
"""Tables of LangGraph."""

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class File:
    """A connection that only reads, each statement bounded in time."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits

    def rows(
        self, sql: str, values: tuple[Any, ...] = (), seconds: float = STATEMENT_SECONDS
    ) -> list[tuple[Any, ...]]:
        """All rows.

        Raises:
            sqlite3.Error: refused, or not done in time (``interrupted``).
        """
        end = time.monotonic() + self._limits.seconds_left(seconds)
        self._connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        """The first value of the first row."""
        return self.rows(sql, values)[0][0]


def expect_file(path: Path, shown: str) -> None:
    """Raise ``CouldNotLook`` where the path is no file of SQLite."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        # What is no path may hold a password, which is masked in its shown form alone.
        where = "" if "***" in shown else f" (looked for {path})"
        raise CouldNotLook(
            f"There is no file {shown}{where}. Give the path of the application's "
            "database file, or a URL such as postgresql://host/database."
        ) from None
    except IsADirectoryError:
        raise CouldNotLook(f"{shown} is a folder. Give the path of the database file.") from None
    except OSError as error:
        raise CouldNotLook(
            f"The file {shown} cannot be read: {error.strerror}. Let this user read it, or look as "
            "the user that the application runs as."
        ) from None
    if head and head != b"SQLite format 3\0":
        raise CouldNotLook(f"{shown} is not a SQLite database. Give the path of one.")


@contextmanager
def opened(path: Path, shown: str) -> Iterator[sqlite3.Connection]:
    """A connection that cannot write.

    Raises:
        CouldNotLook: the file cannot be opened.
    """
    try:
        # as_uri() quotes `?` and `#`, so that a path cannot smuggle in parameters.
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
    except sqlite3.Error as error:
        raise refused(path, shown, error) from None
    with closing(connection):
        connection.execute("PRAGMA query_only = ON")
        yield connection


@contextmanager
def checkpoints(path: Path, shown: str) -> Iterator[tuple[sqlite3.Connection, File]]:
    """The same of a file that SqliteSaver writes to.

    Raises:
        CouldNotLook: it is not there, cannot be read, or holds no checkpoints.
    """
    expect_file(path, shown)
    with opened(path, shown) as connection:
        file = File(connection, from_settings())
        tables = tables_of(file, path, shown)
        if not {"checkpoints", "writes"} <= tables:
            holds = f"holds {', '.join(sorted(tables)[:5])}" if tables else "is empty"
            raise CouldNotLook(
                f"{shown} has no checkpoints: it {holds}. Give the file that SqliteSaver "
                "or AsyncSqliteSaver writes to, once the application has run."
            )
        yield connection, file


def refused(path: Path, shown: str, error: sqlite3.Error) -> CouldNotLook:
    """Why a file cannot be read, and what helps."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        fix = "Another process holds it exclusively: end its transaction, then look again."
    elif code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        fix = "It is damaged: restore it from a copy, or save what is left by sqlite3 FILE .recover"
    elif code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        fix = f"Readers of a WAL need to write its -shm file: let this user write {path.parent}."
    else:
        fix = "Look as the user that the application runs as."
    return CouldNotLook(f"{shown} cannot be read: {error}. {fix}")


def tables_of(file: File, path: Path, shown: str) -> set[str]:
    """Names of the tables of a file of LangGraph, or of one that is empty yet.

    Raises:
        CouldNotLook: it cannot be read, or is none.
    """
    try:
        tables = {name for (name,) in file.rows(_TABLES)}
        application = file.one("PRAGMA application_id")
    except sqlite3.Error as error:
        raise refused(path, shown, error) from None
    if application and application == _ours():
        raise CouldNotLook(
            f"{shown} is a metrics store of Statemeter. Give the database that the application "
            "keeps its checkpoints in."
        )
    if tables and not tables & NAMES:
        some = ", ".join(sorted(tables)[:5])
        raise CouldNotLook(
            f"{shown} is not a database of LangGraph: it has {some}, and none of "
            f"{', '.join(sorted(NAMES))}. Give the file that the saver, store or cache uses."
        )
    return tables


def _ours() -> int:
    from storage.migrations import APPLICATION_ID  # noqa: PLC0415 (brings in all of the tables)

    return APPLICATION_ID
