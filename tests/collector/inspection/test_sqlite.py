"""Looks into SQLite files: each wrong state is made, found, mended, and gone."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from langgraph.cache.sqlite import SqliteCache
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.utils import pending_writes_sql, search_where
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.base import MIGRATIONS

from collector.inspection import child, sqlite_lookups
from collector.inspection.errors import CouldNotLook
from collector.inspection.run import inspect
from statemeter import introduction, places
from storage import store
from tests.collector.inspection.looks import check, fill, wrong
from tests.collector.inspection.looks import mend as mended
from tests.conftest import REPOSITORY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that SqliteSaver has filled, closed again."""
    target = tmp_path / "app data.sqlite"
    with SqliteSaver.from_conn_string(str(target)) as saver:
        fill(saver)
    return target


def run(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(sql)


@contextmanager
def held(path: Path, sql: str) -> Iterator[int]:
    """Another process that has run statements and keeps its transaction open; its pid."""
    code = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for sql in sys.argv[2].split(';'): connection.execute(sql).fetchone()\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path), sql],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        yield other.pid
        other.stdin.close()
        other.wait()


def test_a_healthy_file_has_nothing_wrong(tmp_path: Path) -> None:
    """Saver, store and cache in one file; figures are those of the tables."""
    path = tmp_path / "all.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        fill(saver)
    with SqliteStore.from_conn_string(str(path)) as kept:
        kept.setup()
        kept.put(("a",), "k", {"v": 1})
    cache = SqliteCache(path=str(path))
    cache.set({(("n",), "key"): (1, None)})
    cache._conn.close()
    found = inspect(str(path))
    assert found.wrong == []
    assert found.status == "ok"
    assert len({(one.id, one.subject) for one in found.checks}) == len(found.checks)
    assert (found.backend, found.label) == ("sqlite", "all.sqlite")
    with closing(sqlite3.connect(path)) as connection:
        rows, size = connection.execute(
            "SELECT count(*), sum(length(checkpoint) + length(metadata)) FROM checkpoints"
        ).fetchone()
    assert check(found, "table.rows", "checkpoints").value == rows
    assert check(found, "table.size", "checkpoints").value == size
    assert {one.subject for one in found.checks if one.id == "table.size"} == {
        "checkpoints", "writes", "store", "cache",
    }  # fmt: skip


def test_the_storage_is_the_one_that_the_probe_names(path: Path) -> None:
    """By path and by URL; so that a page can put the look beside the measurements."""
    with closing(sqlite3.connect(path)) as connection:
        place = places.sqlite(connection)
    info = introduction.SaverInfo("sqlite", "", "", "", "", 1, identity=place.identity)
    introduction.name_storage("", info)
    assert inspect(str(path)).storage == info.key
    assert inspect(f"sqlite:///{path}").storage == info.key


def test_a_dropped_index_is_found(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with SqliteStore.from_conn_string(str(path)) as kept:
        kept.setup()
    run(path, "DROP INDEX store_prefix_idx")
    found = inspect(str(path))
    assert wrong(found) == [("index", "store_prefix_idx", "warning")]
    run(path, found.wrong[0].mend)
    assert inspect(str(path)).wrong == []


def test_tables_without_their_primary_key_are_found(path: Path) -> None:
    """As a copy by CREATE TABLE … AS leaves them."""
    run(
        path,
        "CREATE TABLE c AS SELECT * FROM checkpoints; DROP TABLE checkpoints; "
        "ALTER TABLE c RENAME TO checkpoints;"
        "CREATE TABLE w AS SELECT * FROM writes; DROP TABLE writes; "
        "ALTER TABLE w RENAME TO writes;",
    )
    found = inspect(str(path))
    assert wrong(found) == [
        ("lookup.key", "checkpoints", "critical"),
        ("lookup.key", "writes", "critical"),
    ]
    for one in found.wrong:
        run(path, one.mend)
    assert inspect(str(path)).wrong == []


def test_a_missing_table_is_found(path: Path) -> None:
    run(path, "DROP TABLE writes")
    found = inspect(str(path))
    assert wrong(found) == [("setup", "", "critical")]
    mended(found.wrong[0], path=str(path))
    assert inspect(str(path)).wrong == []


def test_an_empty_file_was_not_set_up(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    path.touch()
    found = inspect(str(path))
    assert wrong(found) == [("setup", "", "critical")]
    assert path.read_bytes() == b""
    mended(found.wrong[0], path=str(path))
    assert inspect(str(path)).wrong == []


def test_tables_of_an_older_saver_are_found(path: Path) -> None:
    run(path, "ALTER TABLE writes DROP COLUMN task_path")
    found = inspect(str(path))
    assert wrong(found) == [("setup", "", "warning")]
    run(path, found.wrong[0].mend)
    assert inspect(str(path)).wrong == []


def test_a_store_that_is_behind_is_found(tmp_path: Path) -> None:
    """Made by a version that knew three migrations."""
    path = tmp_path / "store.sqlite"
    run(path, ";".join(MIGRATIONS[:3]) + ";CREATE TABLE store_migrations (v INTEGER PRIMARY KEY);")
    run(path, "INSERT INTO store_migrations VALUES (0), (1), (2)")
    found = inspect(str(path))
    assert ("setup.store", "", "critical") in wrong(found)
    assert check(found, "setup.store").value == f"2 of {len(MIGRATIONS) - 1}"
    mended(check(found, "setup.store"), path=str(path))
    assert inspect(str(path)).wrong == []


def test_a_wal_grown_under_an_open_reader_is_found(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the process that keeps it from being emptied."""
    monkeypatch.setenv("STATEMETER_WAL_WARN_MB", "0.5")
    with (
        closing(sqlite3.connect(path)) as writer,
        held(path, "BEGIN;SELECT count(*) FROM checkpoints") as reader,
    ):
        for _ in range(20):
            with writer:
                writer.execute("CREATE TABLE IF NOT EXISTS cache (a)")
                writer.execute("INSERT INTO cache VALUES (zeroblob(60000))")
                writer.execute("DELETE FROM cache")
        found = child.inspect(str(path))
        assert ("wal.size", "", "warning") in wrong(found)
        size = check(found, "wal.size")
        assert size.value == Path(f"{path}-wal").stat().st_size
        assert check(found, "locks.reader").subject == str(reader)
    run(path, size.mend)
    assert check(child.inspect(str(path)), "wal.size").status == "ok"


def test_a_writer_that_does_not_commit_is_found(path: Path) -> None:
    with held(path, "BEGIN IMMEDIATE;DELETE FROM writes") as writer:
        found = child.inspect(str(path))
        assert wrong(found) == [("locks.writer", str(writer), "warning")]
    assert child.inspect(str(path)).wrong == []


def test_another_journal_mode_is_found(path: Path) -> None:
    run(path, "PRAGMA journal_mode = DELETE")
    found = inspect(str(path))
    assert wrong(found) == [("journal", "", "warning")]
    run(path, found.wrong[0].mend)
    assert inspect(str(path)).wrong == []


@pytest.mark.parametrize("mode", ["NONE", "INCREMENTAL"])
def test_free_pages_are_found(path: Path, mode: str) -> None:
    """Deletes give nothing back; how they are given back depends on auto_vacuum."""
    run(
        path,
        f"PRAGMA auto_vacuum = {mode}; VACUUM;"
        "INSERT INTO writes SELECT thread_id, '', checkpoint_id, 'x', '', -9, 'x', 'x', "
        "zeroblob(20000000) FROM checkpoints LIMIT 1; DELETE FROM writes WHERE idx = -9;",
    )
    found = inspect(str(path))
    assert wrong(found) == [("file.free", "", "warning")]
    assert check(found, "file.auto_vacuum").value == mode.lower()
    run(path, found.wrong[0].mend)
    assert inspect(str(path)).wrong == []


def test_look_ups_by_metadata_get_an_index_that_matches(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is used by the statement that the installed saver writes."""
    assert inspect(str(path)).wrong == []
    monkeypatch.setenv("STATEMETER_SCAN_WARN_ROWS", "5")
    found = child.inspect(str(path), filters=("tenant", "a.b-c"))
    assert wrong(found) == [
        ("lookup.metadata", "run_id", "warning"),
        ("lookup.metadata", "tenant", "warning"),
        ("lookup.metadata", "a.b-c", "warning"),
    ]
    for one in found.wrong:
        run(path, one.mend)
        where, _ = search_where(None, {one.subject: "x"})
        with closing(sqlite3.connect(path)) as connection:
            plan = connection.execute(
                f"EXPLAIN QUERY PLAN SELECT checkpoint FROM checkpoints {where} "
                "ORDER BY checkpoint_id DESC", ("x",),
            ).fetchall()  # fmt: skip
        assert len(plan) == 1  # no sorting either
        assert "USING INDEX checkpoints_by_" in plan[0][3]
    assert child.inspect(str(path), filters=("tenant", "a.b-c")).wrong == []


def test_the_statements_are_those_of_the_installed_saver() -> None:
    where, _ = search_where(None, {"run_id": "x"})
    assert where.removeprefix("WHERE ") in sqlite_lookups.filter_statement("run_id")
    _, sql, _ = sqlite_lookups.BY_THREAD["writes"]
    condition = pending_writes_sql(True).partition("WHERE ")[2]
    assert condition == sql.partition("WHERE ")[2]


def test_items_that_no_sweeper_deletes_are_found(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with SqliteStore.from_conn_string(str(path)) as kept:
        kept.setup()
        kept.put(("a",), "k", {"v": 1})
    assert inspect(str(path)).wrong == []
    run(path, "UPDATE store SET expires_at = datetime('now', '-2 hours')")
    found = inspect(str(path))
    assert wrong(found) == [("store.expired", "", "warning")]
    run(path, found.wrong[0].mend)
    assert inspect(str(path)).wrong == []


@pytest.mark.parametrize("looks", [60, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_file_is_looked_into_while_its_application_writes(path: Path, looks: int) -> None:
    """Row 29 of the faults: the application never meets a lock, and nothing is changed."""
    code = (
        "import sys\n"
        "from collector.inspection.run import inspect\n"
        f"for _ in range({looks}): assert not inspect(sys.argv[1]).problem\n"
    )
    with (
        closing(sqlite3.connect(path, timeout=0, check_same_thread=False)) as connection,
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=REPOSITORY) as other,
    ):
        saver = SqliteSaver(connection)
        schema = connection.execute("SELECT * FROM sqlite_schema").fetchall()
        while other.poll() is None:
            fill(saver, threads=1)  # raises at the first lock
        assert other.wait() == 0
        assert connection.execute("SELECT * FROM sqlite_schema").fetchall() == schema


def test_a_look_changes_no_byte(path: Path) -> None:
    """Of a file at rest, and of one whose WAL is in use."""

    def digest() -> list[str]:
        names = (path, Path(f"{path}-wal"))
        return [hashlib.sha256(n.read_bytes()).hexdigest() for n in names if n.exists()]

    before = digest()
    assert inspect(str(path)).wrong == []
    assert digest()[:1] == before
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE checkpoints SET parent_checkpoint_id = NULL")
        connection.commit()
        before = digest()
        child.inspect(str(path))
        assert digest() == before
        assert len(before) == 2


def test_a_query_in_the_path_is_part_of_the_path(tmp_path: Path) -> None:
    """Nothing is created."""
    with pytest.raises(CouldNotLook, match="There is no file"):
        inspect(str(tmp_path / "x.sqlite?mode=rwc"))
    assert list(tmp_path.glob("x*")) == []


def test_what_cannot_be_looked_into_is_told_in_one_line(tmp_path: Path) -> None:
    """The thing, its value, the fix."""
    text, other, ours = tmp_path / "notes.txt", tmp_path / "other.db", tmp_path / "m.sqlite"
    text.write_text("hello, this is no database")
    run(other, "CREATE TABLE customers (a); CREATE TABLE orders (a);")
    store.open_writer(str(ours)).dispose()
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"SQLite format 3\0" + b"\xff" * 8_000)
    for path, told in (
        (tmp_path / "none.sqlite", "There is no file .*none.sqlite.*Give the path"),
        (tmp_path, "is a folder"),
        (text, "is not a SQLite database"),
        (other, "is not a database of LangGraph: it has customers, orders"),
        (ours, "is a metrics store of Statemeter"),
        (broken, "cannot be read: file is not a database. It is damaged"),
    ):
        with pytest.raises(CouldNotLook, match=told) as caught:
            inspect(str(path))
        assert len(str(caught.value).splitlines()) == 1
    assert other.read_bytes()[:15] == b"SQLite format 3"


def test_an_exclusive_lock_is_told(path: Path) -> None:
    run(path, "PRAGMA journal_mode = DELETE")
    with held(path, "BEGIN EXCLUSIVE"), pytest.raises(CouldNotLook, match="holds it exclusively"):
        inspect(str(path))


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are POSIX's")
def test_a_file_of_somebody_else_is_told(path: Path) -> None:
    """With the system's own word for it."""
    code = (
        "import os, sys\n"
        "from collector.inspection.run import inspect\n"
        "from collector.inspection.errors import CouldNotLook\n"
        "import collector.inspection.sqlite\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: inspect(sys.argv[1])\n"
        "except CouldNotLook as error: print(error)\n"
    )
    path.chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=REPOSITORY, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "cannot be read: Permission denied. Let this user read it" in done.stdout
