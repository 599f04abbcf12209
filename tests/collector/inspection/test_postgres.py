"""Looks into a real PostgreSQL: each wrong state is made, found, mended, and gone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.base import MIGRATIONS
from langgraph.checkpoint.postgres.shallow import ShallowPostgresSaver
from langgraph.store.postgres import PostgresStore

from collector.inspection import postgres, postgres_tables, url
from collector.inspection.errors import CouldNotLook
from collector.inspection.limits import from_settings
from collector.inspection.run import inspect
from statemeter import introduction, places
from storage.inspections import Inspection
from tests.collector.inspection.looks import check, fill, mend, silent_server, wrong
from tests.servers import postgres_server

PATIENCE_SECONDS = 60


@pytest.fixture
def database(postgres_database: str) -> str:
    """URL of a database that PostgresSaver has filled."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        fill(saver)
    return postgres_database


def run(database: str, *statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def until(database: str, holds: Callable[[Inspection], object]) -> Inspection:
    """Look until something holds: PostgreSQL's statistics come late."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = inspect(database)
        if holds(found):
            return found
        assert time.monotonic() < end, found.wrong
        time.sleep(0.1)


def test_a_healthy_database_has_nothing_wrong(database: str) -> None:
    """Saver and store; sizes are the server's own."""
    with PostgresStore.from_conn_string(database) as store:
        store.setup()
        store.put(("a",), "k", {"v": 1})
    found = inspect(database)
    assert found.wrong == []
    assert found.status == "ok"
    assert len({(one.id, one.subject) for one in found.checks}) == len(found.checks)
    assert found.server.startswith("PostgreSQL ")
    assert check(found, "setup").value == f"{len(MIGRATIONS) - 1} of {len(MIGRATIONS) - 1}"
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT pg_relation_size('checkpoints'), pg_indexes_size('checkpoints')"
        ).fetchone()
    sizes = [check(found, id, "checkpoints").value for id in ("table.size", "table.indexes")]
    assert sizes == list(row or ())


def test_the_storage_is_the_one_that_the_probe_names(database: str) -> None:
    with psycopg.connect(database) as connection:
        place = places.postgres(connection)
    info = introduction.SaverInfo("postgres", "", "", "", "", 1, identity=place.identity)
    introduction.name_storage("", info)
    found = inspect(database)
    assert (found.storage, found.label) == (info.key, place.label)


def test_a_shallow_saver_is_healthy_too(postgres_database: str) -> None:
    """Its tables have other keys."""
    opened = ShallowPostgresSaver.from_conn_string(postgres_database)
    with pytest.warns(DeprecationWarning, match="ShallowPostgresSaver is deprecated"):
        saver = opened.__enter__()
    saver.setup()
    fill(saver)
    opened.__exit__(None, None, None)
    found = inspect(postgres_database)
    assert found.wrong == []
    assert check(found, "setup").what == "Migrations of ShallowPostgresSaver"


def test_a_database_without_setup_is_found(postgres_database: str) -> None:
    found = inspect(postgres_database)
    assert wrong(found) == [("setup", "", "critical")]
    mend(found.wrong[0], url=postgres_database)
    assert inspect(postgres_database).wrong == []


def test_a_database_that_is_behind_is_found(postgres_database: str) -> None:
    """Set up by a version that knew six migrations."""
    run(postgres_database, *MIGRATIONS[:6])
    run(postgres_database, "INSERT INTO checkpoint_migrations SELECT generate_series(0, 5)")
    found = inspect(postgres_database)
    behind = check(found, "setup")
    assert (behind.status, behind.value) == ("warning", f"5 of {len(MIGRATIONS) - 1}")
    assert {one.id for one in found.wrong} == {"setup", "index"}
    mend(behind, url=postgres_database)
    assert inspect(postgres_database).wrong == []


def test_a_dropped_index_is_found(database: str) -> None:
    run(database, "DROP INDEX checkpoint_blobs_thread_id_idx")
    found = inspect(database)
    subject = "checkpoint_blobs_thread_id_idx on checkpoint_blobs"
    assert wrong(found) == [("index", subject, "warning")]
    mend(found.wrong[0], url=database)
    assert inspect(database).wrong == []


def test_a_dropped_primary_key_is_found(database: str) -> None:
    """And that no index serves the look-up, where the other index is gone too."""
    run(
        database,
        "ALTER TABLE checkpoint_writes DROP CONSTRAINT checkpoint_writes_pkey",
        "DROP INDEX checkpoint_writes_thread_id_idx",
    )
    found = inspect(database)
    assert sorted(wrong(found)) == [
        ("index", "checkpoint_writes", "critical"),
        ("index", "checkpoint_writes_thread_id_idx on checkpoint_writes", "warning"),
        ("lookup.key", "checkpoint_writes", "critical"),
    ]
    for one in found.wrong:
        mend(one, url=database)
    assert inspect(database).wrong == []


def test_an_interrupted_index_is_found(database: str) -> None:
    """CREATE INDEX CONCURRENTLY waits for a writer, is cancelled, and leaves it invalid."""
    run(database, "DROP INDEX checkpoints_thread_id_idx")
    with psycopg.connect(database) as writer, psycopg.connect(database, autocommit=True) as other:
        writer.execute("UPDATE checkpoints SET metadata = metadata")
        other.execute("SET statement_timeout = '300ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            other.execute(
                "CREATE INDEX CONCURRENTLY checkpoints_thread_id_idx ON checkpoints (thread_id)"
            )
    subject = "checkpoints_thread_id_idx on checkpoints"
    found = inspect(database)
    assert wrong(found) == [("index", subject, "critical")]
    assert check(found, "index", subject).value == "invalid"
    mend(found.wrong[0], url=database)
    assert inspect(database).wrong == []


def test_dead_rows_are_found(database: str) -> None:
    """Those of a mass delete that no vacuum has come after."""
    run(
        database,
        "ALTER TABLE checkpoint_writes SET (autovacuum_enabled = off)",
        "INSERT INTO checkpoint_writes SELECT 't', '', i::text, 'x', 0, 'c', 'x', '' "
        "FROM generate_series(1, 3000) i",
        "DELETE FROM checkpoint_writes WHERE task_id = 'x'",
    )
    found = until(database, lambda found: found.wrong)
    assert wrong(found) == [("table.dead", "checkpoint_writes", "warning")]
    assert found.wrong[0].value == 3_000
    mend(found.wrong[0], url=database)
    until(database, lambda found: not found.wrong)


def test_bloat_is_estimated(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room that deletes left in a table, within a fifth of what is really free."""
    monkeypatch.setattr(postgres_tables, "BLOAT_WARN_BYTES", 1_000_000)
    run(
        database,
        "ALTER TABLE checkpoint_writes SET (autovacuum_enabled = off)",
        # Ids that sort after those of today: rows whose checkpoint is still to come.
        "INSERT INTO checkpoint_writes SELECT 't', '', (900000000 + i)::text, 'x', 0, 'c', 'x', "
        "convert_to(repeat(md5(i::text), 4), 'UTF8') FROM generate_series(1, 20000) i",
        "DELETE FROM checkpoint_writes WHERE task_id = 'x' AND checkpoint_id::int <= 900018000",
    )
    found = until(database, lambda found: found.wrong)
    mend(check(found, "table.dead", "checkpoint_writes"), url=database)
    dead = ("table.dead", "checkpoint_writes")
    found = until(database, lambda found: check(found, *dead).status == "ok")
    (one,) = found.wrong
    assert (one.id, one.subject) == ("table.bloat", "checkpoint_writes")
    before = check(found, "table.size", "checkpoint_writes").value
    mend(one, url=database)
    found = inspect(database)
    assert found.wrong == []
    after = check(found, "table.size", "checkpoint_writes").value
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert isinstance(one.value, int)
    assert abs(one.value - (before - after)) < 0.2 * (before - after)


def test_look_ups_by_metadata_get_an_index(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One index serves all keys."""
    monkeypatch.setenv("STATEMETER_SCAN_WARN_ROWS", "5")
    until(database, lambda found: found.wrong)
    found = inspect(database, from_settings(filters=("tenant",)))
    assert wrong(found) == [
        ("lookup.metadata", "run_id", "warning"),
        ("lookup.metadata", "tenant", "warning"),
    ]
    mend(found.wrong[0], url=database)
    found = inspect(database, from_settings(filters=("tenant",)))
    assert found.wrong == []
    assert check(found, "lookup.metadata", "tenant").value == "checkpoints_metadata_idx"


def test_an_idle_transaction_is_found(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And ended by the statement given."""
    monkeypatch.setenv("STATEMETER_IDLE_WARN_SECONDS", "0.01")
    with psycopg.connect(database, application_name="leaky") as idle:
        idle.execute("SELECT 1")
        pid = idle.info.backend_pid
        found = until(database, lambda found: found.wrong)
        assert wrong(found) == [("activity.idle", f"process {pid} (leaky)", "warning")]
        mend(found.wrong[0], url=database)
        with pytest.raises(psycopg.OperationalError):
            idle.execute("SELECT 1")
    assert inspect(database).wrong == []


def test_items_that_no_sweeper_deletes_are_found(postgres_database: str) -> None:
    with PostgresStore.from_conn_string(postgres_database) as store:
        store.setup()
        store.put(("a",), "k", {"v": 1}, ttl=5)
    assert inspect(postgres_database).wrong == []
    run(postgres_database, "UPDATE store SET expires_at = now() - interval '2 hours'")
    found = inspect(postgres_database)
    assert wrong(found) == [("store.expired", "", "warning")]
    mend(found.wrong[0], url=postgres_database)
    assert inspect(postgres_database).wrong == []


def test_a_look_writes_nothing(database: str) -> None:
    """By the server's own count, by the content, and as a write of ours would fail."""

    def state() -> list[Any]:
        with psycopg.connect(database) as connection:
            return [
                connection.execute(sql).fetchall()
                for sql in (
                    "SELECT relname, relfilenode FROM pg_class WHERE relkind IN ('r', 'i') "
                    "AND relname LIKE 'checkpoint%' ORDER BY 1",
                    "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables "
                    "ORDER BY 1",
                    "SELECT md5(string_agg(c::text, '' ORDER BY c::text)) FROM checkpoints c",
                    "SELECT md5(string_agg(c::text, '' ORDER BY c::text)) FROM checkpoint_blobs c",
                )
            ]

    def counted() -> bool:
        with psycopg.connect(database) as connection:
            row = connection.execute(
                "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'checkpoints'"
            ).fetchone()
        return bool(row and row[0])

    end = time.monotonic() + PATIENCE_SECONDS
    while not counted():
        assert time.monotonic() < end
        time.sleep(0.1)
    before = state()
    inspect(database)
    assert state() == before
    address = url.parse(database)
    with postgres.connected(address) as (connection, _):
        reader = postgres.Reader(connection, from_settings())
        for sql in ("DELETE FROM checkpoints", "CREATE TABLE x (a int)", "VACUUM"):
            with pytest.raises((psycopg.errors.ReadOnlySqlTransaction,
                                psycopg.errors.ActiveSqlTransaction)):  # fmt: skip
                reader.rows(sql)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM checkpoints")  # outside of the reader, too
        assert reader.one("SHOW application_name") == "statemeter"
        assert reader.one("SHOW transaction_read_only") == "on"


def test_a_slow_statement_is_ended(database: str) -> None:
    with postgres.connected(url.parse(database)) as (connection, _):
        reader = postgres.Reader(connection, from_settings(seconds=0.1))
        with pytest.raises(psycopg.errors.QueryCanceled):
            reader.rows("SELECT pg_sleep(60)")


@contextmanager
def pooler(database: str) -> Iterator[str]:
    """A server in between that takes no ``options`` when a session begins, as PgBouncer."""
    parts = urlsplit(database)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(near: socket.socket) -> None:
            with near, socket.create_connection((parts.hostname, parts.port)) as far:
                first = near.recv(10_000)
                if b"\0options\0" in first:
                    said = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
                    near.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)
                    return
                far.sendall(first)
                back = threading.Thread(target=pump, args=(far, near))
                back.start()
                pump(near, far)
                back.join()

        def accept() -> None:
            while True:
                try:
                    near, _ = listener.accept()
                except OSError:
                    return
                serve(near)

        thread = threading.Thread(target=accept)
        thread.start()
        port = listener.getsockname()[1]
        yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}?sslmode=disable&gssencmode=disable"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE_SECONDS)


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_a_pooler_is_seen_and_left_as_it_is(database: str) -> None:
    """The look goes on, still read-only, and tells what prepared statements do there."""
    with pooler(database) as address:
        found = inspect(address)
        assert found.wrong == []
        assert "prepare_threshold=None" in check(found, "pooler").why
        with postgres.connected(url.parse(address)) as (connection, pooled):
            assert pooled
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                postgres.Reader(connection, from_settings()).rows("DELETE FROM checkpoints")
            row = connection.execute("SHOW default_transaction_read_only").fetchone()
            assert row == ("off",)  # a session that others get next


def test_what_cannot_be_looked_into_is_told_in_one_line(
    postgres_url: str, postgres_database: str, free_port: int
) -> None:
    """The thing, its value with *** for the password, the fix."""
    base = postgres_url.rpartition("/")[0]
    run(postgres_database, "CREATE TABLE customers (a int)")
    with_secret = base.replace("postgres@", "postgres:hunter2@")
    for address, told in (
        (
            f"postgresql://me:hunter2@127.0.0.1:{free_port}/x",
            "Connection refused. Start the server",
        ),
        ("postgresql://me:hunter2@host.invalid/x", "Check the name of the host"),
        (f"{with_secret}/nothing", 'database "nothing" does not exist. Check the name of the data'),
        (f"{with_secret}/x?hunter2=1", "cannot be reached: invalid URI query parameter"),
        (postgres_database.replace("postgres@", "postgres:hunter2@"), "but public.customers"),
    ):
        with pytest.raises(CouldNotLook, match=told) as caught:
            inspect(address)
        assert "hunter2" not in str(caught.value)
        assert "***" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_a_refused_login_is_told(postgres_url: str) -> None:
    role = postgres_server.LOCKED
    run(postgres_url, f"CREATE ROLE {role} LOGIN PASSWORD 'right'")
    try:
        address = postgres_url.replace("postgres@", f"{role}:hunter2@")
        with pytest.raises(CouldNotLook, match=r"password authentication failed.*Check user") as e:
            inspect(address)
        assert "hunter2" not in str(e.value)
        with pytest.raises(CouldNotLook, match="no password supplied"):
            inspect(postgres_url.replace("postgres@", f"{role}@"))
    finally:
        run(postgres_url, f"DROP ROLE {role}")


def test_a_user_who_may_not_read_is_told(database: str) -> None:
    """What may be seen is; the rest is unknown with its reason."""
    run(database, "CREATE ROLE guest LOGIN")
    try:
        found = inspect(database.replace("postgres@", "guest@"))
        assert "permission denied for table checkpoint_migrations" in check(found, "setup").why
        assert check(found, "table.size", "checkpoints").status == "ok"
    finally:
        run(database, "DROP ROLE guest")


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "CONNECT_SECONDS", 2)
    with (
        silent_server() as port,
        pytest.raises(CouldNotLook, match=r"timeout expired. Check host, port and the firewall"),
    ):
        inspect(f"postgresql://me@127.0.0.1:{port}/x")
