"""Whether a database can be attached, and under which key: the one that a probe gives it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.store.sqlite import SqliteStore

from collector.attach.check import check, name
from collector.inspection import url
from collector.inspection.errors import CouldNotLook
from statemeter import backends
from storage import sources
from storage.sources import Source, SourceExists
from storage.store import open_writer
from tests.collector.inspection.looks import fill, silent_server
from tests.servers import postgres_server

SECRET = "hunter2secret"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that a graph has written."""
    target = tmp_path / "chat.sqlite"
    with SqliteSaver.from_conn_string(str(target)) as saver:
        fill(saver)
    return target


@pytest.fixture
def database(postgres_database: str) -> str:
    """URL of a database that a graph has written."""
    with PostgresSaver.from_conn_string(postgres_database) as saver:
        saver.setup()
        fill(saver)
    return postgres_database


def checked(text: str, folder: Path, **told: object) -> Source:
    options: dict[str, object] = {"spool": folder / "spool", "store": str(folder / "store.sqlite")}
    return check(text, **(options | told))  # type: ignore[arg-type]


def refused(text: str, folder: Path, **told: object) -> str:
    with pytest.raises(CouldNotLook) as caught:
        checked(text, folder, **told)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def key_of_probe(saver: object) -> str:
    """The key under which a probe tells a saver."""
    backend = backends.of(type(saver)).name
    return url.storage_key(backend, backends.place_of(saver).identity)


def test_a_file(path: Path, tmp_path: Path) -> None:
    """Its key is the probe's; what is not told is how the file is called."""
    before = path.read_bytes()
    found = checked(f" '{path}' ", tmp_path)
    with SqliteSaver.from_conn_string(str(path)) as saver:
        assert found.key == key_of_probe(saver)
    assert (found.backend, found.url, found.shown) == ("sqlite", str(path), str(path))
    assert (found.application, found.mode) == ("chat.sqlite", "attach")
    assert abs(found.created_us - time.time_ns() // 1000) < 600_000_000
    assert path.read_bytes() == before
    named = checked(f"sqlite+aiosqlite:///{path}", tmp_path, application="  my\tapp ")
    assert (named.key, named.application) == (found.key, "my app")


def test_a_server(database: str, tmp_path: Path) -> None:
    """The URL is kept with its password, and shown without."""
    secret = database.replace("postgres@", f"postgres:{SECRET}@")
    assert SECRET in secret
    found = checked(secret, tmp_path, mode="values")
    with PostgresSaver.from_conn_string(database) as saver:
        assert found.key == key_of_probe(saver)
    assert found.url == secret
    assert SECRET not in found.shown
    assert found.application == found.shown.rpartition("@")[2]
    assert found.mode == "values"


def test_another_name_of_this_machine(database: str, tmp_path: Path) -> None:
    """An application that says localhost and a form that says 127.0.0.1 mean one storage: the key
    is that of the saver that the store knows, and the second way to attach it is refused."""
    local = database.replace("127.0.0.1", "localhost")
    with PostgresSaver.from_conn_string(local) as saver:
        told = key_of_probe(saver)
    plain = checked(database, tmp_path)
    assert plain.key != told
    engine = open_writer(str(tmp_path / "store.sqlite"))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO savers (key, backend, class_name, layout, label, serializer, database) "
            "VALUES (?, 'postgres', '', '', '', '', '')", (told,),
        )  # fmt: skip
    engine.dispose()
    assert checked(database, tmp_path).key == told
    sources.add(tmp_path / "spool", plain)
    for name_of_it in (database, local):
        with pytest.raises(SourceExists):
            checked(name_of_it, tmp_path)


def test_what_is_no_database_of_langgraph(tmp_path: Path, postgres_database: str) -> None:
    """Each is told what it is, and what to give in its place."""
    engine = open_writer(str(tmp_path / "ours.sqlite"))
    engine.dispose()
    assert "metrics store of Statemeter" in refused(str(tmp_path / "ours.sqlite"), tmp_path)
    assert "is a folder" in refused(str(tmp_path), tmp_path)
    assert "There is no file" in refused(str(tmp_path / "nothing.sqlite"), tmp_path)
    (tmp_path / "text.txt").write_text("my shopping list, not a database at all")
    assert "not a SQLite database" in refused(str(tmp_path / "text.txt"), tmp_path)
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as connection:
        connection.execute("CREATE TABLE users (id INTEGER)")
    assert "users" in refused(str(tmp_path / "other.sqlite"), tmp_path)
    with SqliteStore.from_conn_string(str(tmp_path / "store-only.sqlite")) as kept:
        kept.setup()
    assert "checkpoints" in refused(str(tmp_path / "store-only.sqlite"), tmp_path)
    assert "checkpoints" in refused(postgres_database, tmp_path)


def test_what_cannot_be_reached(tmp_path: Path, free_port: int) -> None:
    """A port without a server, and a server that never answers: in seconds, with what to check."""
    for scheme, rest in (("postgresql", "db"), ("redis", "0"), ("mongodb", "db")):
        told = refused(f"{scheme}://me:{SECRET}@127.0.0.1:{free_port}/{rest}", tmp_path)
        assert f"127.0.0.1:{free_port}" in told
        assert "Start the server" in told or "Check host" in told
    with silent_server() as port:
        assert f":{port}" in refused(f"postgresql://me:{SECRET}@127.0.0.1:{port}/db", tmp_path)


def test_a_wrong_password(postgres_url: str, tmp_path: Path) -> None:
    """The server's words, without the password."""
    role = postgres_server.LOCKED
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {role}")
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'another'")
    try:
        told = refused(postgres_url.replace("postgres@", f"{role}:{SECRET}@"), tmp_path)
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"DROP ROLE {role}")
    assert "Check user and password" in told


def test_a_form_names_files_of_allowed_folders_only(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal may name any; whether a refused one is there is not told."""
    (tmp_path / "allowed").mkdir()
    monkeypatch.setenv("STATEMETER_ROOTS", str(tmp_path / "allowed"))
    for outside in (path, tmp_path / "nothing.sqlite"):
        told = refused(str(outside), tmp_path, confined=True)
        assert "is not inside" in told
        assert "There is no file" not in told
    assert checked(str(path), tmp_path).key
    monkeypatch.setenv("STATEMETER_ROOTS", str(tmp_path))
    assert checked(str(path), tmp_path, confined=True).key


def test_names_are_one_printable_line() -> None:
    assert name("a\nb\x00\x1b[31mc" + "x" * 200) == ("a b [31mc" + "x" * 200)[:100]
    assert name(" \t ") == ""
