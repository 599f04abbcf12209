"""Opening the store, for writing and for reading."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from storage import identity, migrations
from storage.errors import (
    NotAStore,
    StoreAddress,
    StoreDamaged,
    StoreMissing,
    StoreTooNew,
    StoreUnwritable,
    masked,
)
from storage.store import is_damage, open_reader, open_writer, store_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "store.sqlite"


def pragma(engine, name):  # type: ignore[no-untyped-def]
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def test_writer_makes_a_private_file_with_the_settings_it_needs(path: Path) -> None:
    engine = open_writer(str(path))
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    assert pragma(engine, "journal_mode") == "wal"
    assert pragma(engine, "auto_vacuum") == 2
    assert pragma(engine, "synchronous") == 1
    assert pragma(engine, "busy_timeout") >= 5000
    assert pragma(engine, "application_id") == migrations.APPLICATION_ID
    engine.dispose()


def test_reader_cannot_write(path: Path) -> None:
    open_writer(str(path)).dispose()
    engine = open_reader(str(path))
    with engine.connect() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.exec_driver_sql("DELETE FROM threads")
    engine.dispose()


def test_default_is_the_setting(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATEMETER_STORE", str(path))
    assert store_path() == path
    open_writer().dispose()
    open_reader().dispose()
    assert path.exists()


@pytest.mark.parametrize("name", ["a?mode=rwc", "b#c", "d%20e", "f g", "ü"])
def test_odd_names_are_names(path: Path, name: str) -> None:
    """Nothing in a path is taken for a parameter."""
    open_writer(str(path.with_name(name))).dispose()
    assert path.with_name(name).exists()
    open_reader(str(path.with_name(name))).dispose()


def test_missing_store_says_what_to_start(path: Path) -> None:
    with pytest.raises(StoreMissing, match=r"no store at .*store.sqlite yet.*python -m collector"):
        open_reader(str(path))
    path.parent.mkdir()
    path.touch()
    with pytest.raises(StoreMissing):
        open_reader(str(path))


def test_store_without_tables_yet_is_missing_for_a_reader(path: Path) -> None:
    """A collector that was killed before its first transaction; the next one makes the tables."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert path.stat().st_size > 0
    with pytest.raises(StoreMissing):
        open_reader(str(path))
    open_writer(str(path)).dispose()
    open_reader(str(path)).dispose()


@pytest.mark.parametrize("opener", [open_writer, open_reader])
def test_foreign_files_are_refused_and_left(path: Path, opener) -> None:  # type: ignore[no-untyped-def]
    path.parent.mkdir()
    path.write_bytes(b"notes" * 5000)
    with pytest.raises(NotAStore, match=r"not a SQLite database.*STATEMETER_STORE"):
        opener(str(path))
    assert path.read_bytes() == b"notes" * 5000
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE migrations (version)")
    content = path.read_bytes()
    with pytest.raises(NotAStore, match=r"SQLite database of something else"):
        opener(str(path))
    assert path.read_bytes() == content
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("opener", [open_writer, open_reader])
def test_damaged_store_is_known_as_ours(path: Path, opener) -> None:  # type: ignore[no-untyped-def]
    open_writer(str(path)).dispose()
    with path.open("r+b") as file:
        file.write(os.urandom(100))
    with pytest.raises(StoreDamaged, match=r"is damaged.*collector"):
        opener(str(path))


def test_foreign_database_with_a_broken_page_is_not_ours(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (a)")
    content = path.read_bytes()
    path.write_bytes(content[:100] + os.urandom(len(content) - 100))
    with pytest.raises(NotAStore):
        open_writer(str(path))


def test_newer_schema_is_refused_by_its_number(path: Path) -> None:
    open_writer(str(path)).dispose()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO migrations VALUES (99, 'later', 0)")
    for opener in (open_writer, open_reader):
        with pytest.raises(StoreTooNew, match=r"schema 99; this Statemeter knows schemas up to \d"):
            opener(str(path))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://me:hunter2@host/db?password=hunter2&sslmode=on", "postgresql database"),
        ("mysql://me:hunter2@host", "mysql database"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("://hunter2@", "cannot be read"),
    ],
)
def test_address_of_no_file(url: str, told: str) -> None:
    """The message masks passwords wherever a URL may have one."""
    with pytest.raises(StoreAddress, match=told) as caught:
        store_path(url)
    assert "hunter2" not in str(caught.value)


def test_masked_keeps_what_is_no_secret() -> None:
    assert "sslmode=on" in masked("postgresql://me:x@host/db?password=y&sslmode=on")
    assert masked("sqlite:////data/store.sqlite") == "sqlite:////data/store.sqlite"


def test_path_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnwritable, match=r"cannot be used: .* Make .* STATEMETER_STORE"):
        open_writer(str(tmp_path / "file" / "store.sqlite"))
    with pytest.raises(StoreUnwritable, match="is a folder"):
        open_writer(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_file_without_permission(path: Path) -> None:
    open_writer(str(path)).dispose()
    path.chmod(0o400)
    with pytest.raises(StoreUnwritable, match="Permission denied"):
        open_writer(str(path))


def test_damage_is_told_from_other_trouble(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no database" * 1000)
    with closing(sqlite3.connect(tmp_path / "x")) as connection:
        with pytest.raises(sqlite3.DatabaseError) as caught:
            connection.execute("SELECT * FROM t")
        assert is_damage(caught.value)
    with closing(sqlite3.connect(":memory:")) as connection:
        with pytest.raises(sqlite3.OperationalError) as other:
            connection.execute("SELECT * FROM t")
        assert not is_damage(other.value)


def test_side_file_speaks_of_one_file_only(path: Path) -> None:
    """Another inode, a shorter file or an odd size is not the store that was recorded."""
    open_writer(str(path)).dispose()
    assert identity.is_recorded(path)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert not identity.is_recorded(path)
    path.write_bytes(content[: -identity.PAGE_BYTES])
    assert not identity.is_recorded(path)
    path.write_bytes(content)
    assert identity.is_recorded(path)
    copy = path.with_name("copy")
    copy.write_bytes(content)
    copy.replace(path)
    assert not identity.is_recorded(path)
    identity.side_file(path).write_text("[]")
    assert not identity.is_recorded(path)
