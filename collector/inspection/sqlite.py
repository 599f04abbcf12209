"""A look into a SQLite file of SqliteSaver, SqliteStore or SqliteCache.

Opened with ``mode=ro`` and ``query_only``, read in short statements: an open reader keeps the WAL
of the application from being emptied.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from collector.inspection import orphans, sqlite_locks, sqlite_lookups, sqlite_tables
from collector.inspection.findings import Findings
from collector.inspection.limits import MB, Limits
from collector.inspection.sqlite_file import BUSY_SECONDS, File, expect_file, opened, tables_of
from collector.inspection.url import Address

FREE_WARN_SHARE = 0.25
FREE_WARN_BYTES = 16 * MB


def look(address: Address, limits: Limits) -> tuple[str, str, str, Findings]:
    """Identity, label, library and findings of a file.

    Raises:
        CouldNotLook: it cannot be opened, is no database, or none of LangGraph.
    """
    path = Path(address.url)
    expect_file(path, address.shown)
    findings = Findings((sqlite3.Error,), _tell)
    with findings.trying("locks", "Locks"):
        sqlite_locks.check(path, findings, limits)  # before the file is opened: see there
    with opened(path, address.shown) as connection:
        file = File(connection, limits)
        tables = tables_of(file, path, address.shown)
        with findings.trying("file.size", "File"):
            _check_pages(file, findings)
        _check_wal(path, findings, limits)
        with findings.trying("journal", "Journal mode"):
            _check_journal(file, tables, findings)
        sqlite_tables.check(file, tables, findings)
        if {"checkpoints", "writes"} <= tables:
            orphans.check(findings, orphans.SQLITE, file.rows)
        sqlite_lookups.check(file, tables, findings, limits)
    return str(path), path.name, f"SQLite {sqlite3.sqlite_version}", findings


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
