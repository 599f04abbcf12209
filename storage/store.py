"""Opening the metrics store: one engine that writes, and engines that only read.

The file is SQLite in WAL mode. The writer makes folder and file, migrates, and is the only one
to write; readers open with ``mode=ro`` and ``query_only``. Both default to ``STATEMETER_STORE``.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

from sqlalchemy import Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError

from statemeter import settings
from storage import identity, migrations
from storage.errors import (
    NotAStore,
    StoreAddress,
    StoreDamaged,
    StoreMissing,
    StoreUnwritable,
    masked,
)

BUSY_SECONDS = 5
"""How long a statement waits for another connection's lock before it fails."""

READER_CACHE_KB = 16_000
WRITER_CACHE_KB = 32_000
CHECKPOINT_PAGES = 2_000
"""WAL pages (16 MB) after which a commit of the writer also checkpoints."""


def store_path(url: str | None = None) -> Path:
    """The file of a store.

    Raises:
        StoreAddress: the URL is malformed, of another database, or names no file.
    """
    text = url or settings.store_url()
    if "://" not in text:
        return Path(text).expanduser().absolute()
    try:
        parsed = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreAddress(
            f"The store URL {masked(text)} cannot be read; "
            "write a path, or sqlite:////absolute/path."
        ) from None
    if parsed.get_backend_name() != "sqlite":
        raise StoreAddress(
            f"The store {masked(text)} is a {parsed.get_backend_name()} database; this version "
            "keeps its metrics in SQLite only. Set STATEMETER_STORE to a path."
        )
    if parsed.database in (None, "", ":memory:"):
        raise StoreAddress(
            f"The store URL {masked(text)} names no file; an in-memory store cannot be shared. "
            "Set STATEMETER_STORE to a path."
        )
    return Path(str(parsed.database)).expanduser().absolute()


def open_writer(url: str | None = None) -> Engine:
    """The engine of the collector: makes the folder (0700) and the file, and migrates.

    Every transaction is ``BEGIN IMMEDIATE``.

    Raises:
        StoreAddress: see ``store_path``.
        StoreUnwritable: the operating system refuses the file or its folder.
        NotAStore: there is a file of something else; it was not changed.
        StoreDamaged: there is a file of ours that is no database any more.
        StoreTooNew: a newer Statemeter made it.
    """
    path = store_path(url)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kind = identity.kind_of(path)
        if kind is identity.Kind.ABSENT:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        elif not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise _refused(path, error) from None
    _refuse_other_file(path, kind)
    engine = _engine(lambda: _connect(path, "rw"), "BEGIN IMMEDIATE")
    try:
        if kind is identity.Kind.SQLITE:
            _refuse_other_database(path)
        migrations.migrate(engine, str(path))
        if not identity.is_recorded(path):
            with plain(engine) as cursor:
                cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            identity.record(path)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        engine.dispose()
        raise _unusable(path, error) from None
    except OSError as error:
        engine.dispose()
        raise _refused(path, error) from None
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_reader(url: str | None = None) -> Engine:
    """An engine that cannot change the store; keep its transactions short.

    Raises:
        StoreMissing: there is no store yet.
        StoreAddress, StoreUnwritable, NotAStore, StoreDamaged, StoreTooNew: see ``open_writer``.
    """
    path = store_path(url)
    try:
        kind = identity.kind_of(path)
    except OSError as error:
        raise _refused(path, error) from None
    if kind is identity.Kind.ABSENT:
        raise _missing(path)
    _refuse_other_file(path, kind)
    engine = _engine(lambda: _connect(path, "ro"), "BEGIN")
    try:
        _refuse_other_database(path)
        with engine.connect() as connection:
            version = migrations.version_of(connection)
        if version == 0:
            raise _missing(path)
        migrations.refuse_newer(version, str(path))
    except (DatabaseError, sqlite3.DatabaseError) as error:
        engine.dispose()
        raise _unusable(path, error) from None
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_beside(url: str | None = None) -> Engine:
    """A reader in a process that has the store open for writing.

    The file is not looked at by hand, as ``open_reader`` does: on POSIX, closing any descriptor of
    a file drops all locks that the process has on it, those of its writer too. Another program
    that closes the store would then take itself for the last one and remove the write-ahead log
    that the writer goes on writing to.
    """
    path = store_path(url)
    return _engine(lambda: _connect(path, "ro"), "BEGIN")


@contextmanager
def plain(engine: Engine) -> Iterator[sqlite3.Cursor]:
    """A cursor outside any transaction: for PRAGMAs, and for looks that need no write lock."""
    with closing(engine.raw_connection()) as connection:
        yield cast(sqlite3.Cursor, connection.cursor())


def error_code(error: BaseException) -> int:
    """SQLite's primary result code behind an exception, 0 where there is none."""
    origin = getattr(error, "orig", None) or error
    return int(getattr(origin, "sqlite_errorcode", 0)) & 0xFF


def is_damage(error: BaseException) -> bool:
    """Whether the exception says that the file is no database any more."""
    return error_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # as_uri() quotes `?` and `#`, so that a path cannot smuggle in parameters.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,  # BEGIN is ours, see _engine
        check_same_thread=False,
    )
    try:
        if mode == "ro":
            connection.execute("PRAGMA query_only = ON")
            connection.execute(f"PRAGMA cache_size = -{READER_CACHE_KB}")
            return connection
        if connection.execute("PRAGMA page_count").fetchone() == (0,):
            connection.execute(f"PRAGMA page_size = {identity.PAGE_BYTES}")
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before any table, or never
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KB}")
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def _engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=8)

    @event.listens_for(engine, "begin")
    def _begin(connection):  # type: ignore[no-untyped-def]
        connection.exec_driver_sql(begin)

    return engine


def _refuse_other_file(path: Path, kind: identity.Kind) -> None:
    if kind is identity.Kind.FOREIGN:
        raise NotAStore(
            f"{path} is not a SQLite database and not a store of Statemeter; it was left as it "
            "is. Set STATEMETER_STORE to another path, or move the file away."
        )
    if kind is identity.Kind.DAMAGED:
        raise _damaged(path)


def _refuse_other_database(path: Path) -> None:
    # On a connection that only reads: the writer's would turn on WAL in somebody else's file.
    with closing(_connect(path, "ro")) as connection:
        (number,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and number != migrations.APPLICATION_ID:
        raise NotAStore(
            f"{path} is a SQLite database of something else (application_id {number}); it was "
            "left as it is. Set STATEMETER_STORE to another path."
        )


def _unusable(path: Path, error: DatabaseError | sqlite3.DatabaseError) -> Exception:
    origin = getattr(error, "orig", None) or error
    if is_damage(error):
        if identity.is_recorded(path):
            return _damaged(path)
        return NotAStore(
            f"{path} cannot be read as a SQLite database ({origin}); it was left as it is. "
            "Set STATEMETER_STORE to another path, or move the file away."
        )
    if error_code(error) in (
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    ):
        return _refused(path, origin)
    return error


def _damaged(path: Path) -> StoreDamaged:
    return StoreDamaged(
        f"The store {path} is damaged: it can no longer be read as a SQLite database. The "
        "collector moves it aside and builds a new one from the spool; start it with "
        "python -m collector."
    )


def _missing(path: Path) -> StoreMissing:
    return StoreMissing(
        f"There is no store at {path} yet. Start a collector (python -m collector), or set "
        "STATEMETER_STORE to the store of a running one."
    )


def _refused(path: Path, error: BaseException | None) -> StoreUnwritable:
    if path.is_dir():
        return StoreUnwritable(
            f"The store {path} is a folder. Name a file: set STATEMETER_STORE (or --store) to "
            f"{path / 'store.sqlite'}, or unset it."
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StoreUnwritable(
        f"The store {path} cannot be used: {reason}. Make {path.parent} a folder that this user "
        "may write, or set STATEMETER_STORE to another path."
    )
