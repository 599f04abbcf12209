"""A look into a SQLite file of SqliteSaver, SqliteStore or SqliteCache.

Opened with ``mode=ro`` and ``query_only``, read in short statements: an open reader keeps the WAL
of the application from being emptied.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from collector.inspection import sqlite_locks, sqlite_lookups, sqlite_tables
from collector.inspection.errors import CouldNotLook
from collector.inspection.findings import Findings
from collector.inspection.limits import MB, STATEMENT_SECONDS, Limits
from collector.inspection.url import Address

BUSY_SECONDS = 2.0
FREE_WARN_SHARE = 0.25
FREE_WARN_BYTES = 16 * MB
_STEPS = 10_000  # of the virtual machine between looks at the clock: less than a millisecond

NAMES = {"checkpoints", "writes", "store", "store_migrations", "store_vectors", "cache"}
"""Tables of LangGraph."""


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


def look(address: Address, limits: Limits) -> tuple[str, str, str, Findings]:
    """Identity, label, library and findings of a file.

    Raises:
        CouldNotLook: it cannot be opened, is no database, or none of LangGraph.
    """
    path = Path(address.url)
    _expect_file(path, address.shown)
    findings = Findings((sqlite3.Error,), _tell)
    with findings.trying("locks", "Locks"):
        sqlite_locks.check(path, findings, limits)  # before the file is opened: see there
    with _opened(path, address.shown) as connection:
        file = File(connection, limits)
        try:
            tables = {name for (name,) in file.rows(_TABLES)}
            application = file.one("PRAGMA application_id")
        except sqlite3.Error as error:
            raise _refused(path, address.shown, error) from None
        _expect_langgraph(address.shown, tables, application)
        with findings.trying("file.size", "File"):
            _check_pages(file, findings)
        _check_wal(path, findings, limits)
        with findings.trying("journal", "Journal mode"):
            _check_journal(file, tables, findings)
        sqlite_tables.check(file, tables, findings)
        sqlite_lookups.check(file, tables, findings, limits)
    return str(path), path.name, f"SQLite {sqlite3.sqlite_version}", findings


_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def _expect_file(path: Path, shown: str) -> None:
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
def _opened(path: Path, shown: str) -> Iterator[sqlite3.Connection]:
    try:
        # as_uri() quotes `?` and `#`, so that a path cannot smuggle in parameters.
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None
        )
    except sqlite3.Error as error:
        raise _refused(path, shown, error) from None
    with closing(connection):
        connection.execute("PRAGMA query_only = ON")
        yield connection


def _refused(path: Path, shown: str, error: sqlite3.Error) -> CouldNotLook:
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


def _expect_langgraph(shown: str, tables: set[str], application: int) -> None:
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


def _ours() -> int:
    from storage.migrations import APPLICATION_ID  # noqa: PLC0415 (brings in all of the tables)

    return APPLICATION_ID


def _tell(error: Exception) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return "It takes longer than a look may: a long reader would keep the WAL from shrinking."
    if code == sqlite3.SQLITE_BUSY:
        return f"The file was locked for more than {BUSY_SECONDS:.0f} s."
    return f"It was refused: {error}"


def _check_pages(file: File, findings: Findings) -> None:
    page_bytes = file.one("PRAGMA page_size")
    pages, free = file.one("PRAGMA page_count"), file.one("PRAGMA freelist_count")
    mode = {0: "none", 1: "full", 2: "incremental"}.get(file.one("PRAGMA auto_vacuum"), "?")
    findings.add("file.size", "File", pages * page_bytes, "bytes")
    findings.add("file.auto_vacuum", "auto_vacuum", mode)
    wasted = free * page_bytes
    many = wasted >= FREE_WARN_BYTES and free > FREE_WARN_SHARE * pages
    findings.add(
        "file.free", "Free pages in the file", wasted, "bytes",
        status="warning" if many else "ok",
        why=f"{free / pages:.0%} of the file is free pages: what was deleted is used again, and "
        "never given back to the file system." if many else "",
        mend=("PRAGMA incremental_vacuum;" if mode == "incremental" else "VACUUM;") if many else "",
        language="sql" if many else "",
    )  # fmt: skip


def _check_wal(path: Path, findings: Findings, limits: Limits) -> None:
    try:
        wal_bytes = os.stat(f"{path}-wal").st_size
    except OSError:
        wal_bytes = 0
    big = wal_bytes > limits.wal_bytes
    findings.add(
        "wal.size", "WAL", wal_bytes, "bytes",
        status="warning" if big else "ok",
        why="It grew while a reader or a long transaction was open, and slows every read. End that "
        "first (the locks above name it); a saver's list() holds one until it is used up."
        if big else "",
        mend="PRAGMA wal_checkpoint(TRUNCATE);" if big else "",
        language="sql" if big else "",
    )  # fmt: skip


def _check_journal(file: File, tables: set[str], findings: Findings) -> None:
    mode = file.one("PRAGMA journal_mode")
    blocks = mode != "wal" and "checkpoints" in tables
    findings.add(
        "journal", "Journal mode", mode,
        status="warning" if blocks else "ok",
        why="Readers and the writer block each other: expect 'database is locked' after the "
        "timeout. SqliteSaver sets WAL; something set it back." if blocks else "",
        mend="PRAGMA journal_mode=WAL;" if blocks else "",
        language="sql" if blocks else "",
    )  # fmt: skip
