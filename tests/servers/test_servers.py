"""The servers of the tests: each answers, ends with its starter, and is named where missing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pymongo
import pytest
import redis

from tests.conftest import REPOSITORY
from tests.servers import mongo_server, postgres_server, redis_servers, running

WAIT_SECONDS = 60


def test_plain_redis_answers(redis_url: str) -> None:
    """Its version; it has no modules, which is what tests of their absence need."""
    with redis.Redis.from_url(redis_url) as client:
        assert client.info("server")["redis_version"] >= "7"
        assert client.module_list() == []


def test_redis_stack_answers(redis_stack_url: str) -> None:
    """Its version and the two modules that RedisSaver needs."""
    with redis.Redis.from_url(redis_stack_url, decode_responses=True) as client:
        assert client.info("server")["redis_version"].startswith("7.2.")
        assert {module["name"].lower() for module in client.module_list()} == {"search", "rejson"}


def test_postgres_answers(postgres_url: str) -> None:
    """Its version, as a superuser."""
    with psycopg.connect(postgres_url) as connection:
        assert connection.info.server_version >= 150000
        assert connection.execute("SHOW is_superuser").fetchone() == ("on",)


@pytest.fixture
def left_open() -> Iterator[list[psycopg.Connection]]:
    """Connections that are closed after their database was dropped."""
    connections: list[psycopg.Connection] = []
    yield connections
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_is_the_tests_own(
    left_open: list[psycopg.Connection], postgres_database: str, turn: int
) -> None:
    """Each test finds its database empty, and may leave a connection open."""
    connection = psycopg.connect(postgres_database, autocommit=True)
    connection.execute("CREATE TABLE kept (turn int)")
    connection.execute("INSERT INTO kept VALUES (%s)", (turn,))
    assert connection.execute("SELECT * FROM kept").fetchall() == [(turn,)]
    left_open.append(connection)


def test_a_password_is_asked_of_one_role(postgres_url: str) -> None:
    """So that tests can be refused."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {postgres_server.LOCKED} LOGIN PASSWORD 'right'")
        try:
            url = postgres_url.replace("postgres@", f"{postgres_server.LOCKED}:%s@")
            psycopg.connect(url % "right").close()
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(url % "wrong")
        finally:
            connection.execute(f"DROP ROLE {postgres_server.LOCKED}")


def test_mongo_answers(mongo_url: str) -> None:
    """Its version."""
    with pymongo.MongoClient(mongo_url) as client:
        assert client.server_info()["version"].startswith("6.0.")


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def left_folders(folder: Path) -> list[str]:
    """Folders of servers that nobody has removed."""
    return [path.name for path in folder.glob("statemeter-*")]


def test_a_server_ends_with_a_killed_starter(tmp_path: Path) -> None:
    """A run that is killed leaves neither a server nor its folder."""
    starter = subprocess.Popen(
        [sys.executable, "-m", "tests.servers", "redis"],
        cwd=REPOSITORY, env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert starter.stdin is not None
    assert starter.stdout is not None
    with starter.stdin, starter.stdout, starter:
        url = starter.stdout.readline().strip()
        with redis.Redis.from_url(url) as client:
            assert client.ping()
        assert len(left_folders(tmp_path)) == 1
        starter.kill()

    def gone() -> bool:
        try:
            with redis.Redis.from_url(url, retry=None) as client:
                return not client.ping()
        except redis.ConnectionError:
            return True

    until(gone)
    until(lambda: not left_folders(tmp_path))


def test_a_server_that_does_not_start_shows_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the end of what the server said, and its folder is gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with (
        pytest.raises(RuntimeError, match=r"(?s)redis ended with code 1 .*no-such-option"),
        redis_servers._run("redis", "redis-server", "--no-such-option", "1"),
    ):
        pass
    assert left_folders(tmp_path) == []


def test_another_port_is_tried(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    """A port that was taken meanwhile, even by the same kind of server, is passed."""
    taken = int(redis_url.rpartition(":")[2])
    found = running._free_port
    ports = iter([taken, found()])
    monkeypatch.setattr(running, "_free_port", lambda: next(ports, None) or found())
    with redis_servers.plain() as url, redis.Redis.from_url(url) as client:
        assert url != redis_url
        assert client.ping()


def test_a_missing_server_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that gets it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_servers, "_STACK", tmp_path)
    monkeypatch.setattr(mongo_server, "FETCHED", tmp_path)
    for server, said in (
        (redis_servers.plain, "redis-server is missing: .*apt-get install redis-server"),
        (redis_servers.stack, r"Redis Stack \(.*No such file.* is missing: sh scripts/servers.sh"),
        (mongo_server.server, r"MongoDB \(.*No such file.* is missing: sh scripts/servers.sh"),
    ):
        with pytest.raises(running.Missing, match=said), server():
            pass


def test_a_missing_library_is_named(tmp_path: Path) -> None:
    """What the system says of a program that cannot run is in the message."""
    broken = tmp_path / "mongod"
    broken.write_text(
        "#!/bin/sh\necho libcurl.so.4: cannot open shared object file >&2\nexit 127\n"
    )
    broken.chmod(0o755)
    with pytest.raises(running.Missing, match=r"MongoDB \(libcurl.so.4: cannot open.*: the fix"):
        running.check(str(broken), "MongoDB", "the fix")
