"""Each backend's program, run as a user runs it, against its real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.backends import problems
from statemeter import events
from tests.conftest import StartChild
from tests.examples.test_demo import WAIT_SECONDS, spooled

SECRET = "hunter2secret"


def run(start_child: StartChild, name: str, *arguments: str) -> tuple[int, str]:
    """Exit code and all that it printed."""
    child = start_child("-m", f"examples.backends.{name}", *arguments)
    code = child.wait(WAIT_SECONDS)
    return code, child.log_path.read_text()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "backend", "place"),
    [
        ("on_sqlite", "sqlite", ""),
        ("on_async_sqlite", "sqlite", ""),
        ("on_redis", "redis", "redis_stack_url"),
        ("on_valkey", "valkey", "redis_url"),
        ("on_postgres", "postgres", "postgres_database"),
        ("on_mongodb", "mongodb", "mongo_url"),
    ],
)
def test_it_runs(
    start_child: StartChild, request: pytest.FixtureRequest, name: str, backend: str, place: str
) -> None:
    """It ends well, and its turns are in the spool under its backend."""
    isolated: Path = request.getfixturevalue("isolated")
    isolated.mkdir(exist_ok=True)
    url = request.getfixturevalue(place) if place else str(isolated / "chat.sqlite")
    if backend == "valkey":
        url = url.replace("redis://", "valkey://")
    if backend == "mongodb":
        url += "/example"
    code, printed = run(start_child, name, url)
    assert code == 0, printed
    assert "10 turns on" in printed
    found = spooled(isolated / "spool")
    assert {one.backend for one in found if isinstance(one, events.Saver)} == {backend}
    puts = [one for one in found if isinstance(one, events.Put)]
    assert {put.thread for put in puts} == {"backends-example"}
    assert len(puts) == 30
    assert sum(isinstance(one, events.Run) for one in found) == 10


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("on_redis", "redis"),
        ("on_valkey", "valkey"),
        ("on_postgres", "postgresql"),
        ("on_mongodb", "mongodb"),
    ],
)
def test_a_server_that_is_down(
    start_child: StartChild, free_port: int, name: str, scheme: str
) -> None:
    """One line says where and what to do; no traceback, no password."""
    options = f"?application_name={SECRET}" if scheme == "postgresql" else ""
    url = f"{scheme}://me:{SECRET}@127.0.0.1:{free_port}/0{options}"
    code, printed = run(start_child, name, url)
    assert code == 1
    last = printed.strip().splitlines()[-1]
    assert last.startswith(f"{scheme}://127.0.0.1:{free_port}/0: ")
    assert SECRET not in printed
    assert "Traceback" not in printed


def test_a_plain_redis_is_told(start_child: StartChild, redis_url: str) -> None:
    """RedisSaver on a Redis without modules: which, and what has them."""
    code, printed = run(start_child, "on_redis", redis_url)
    assert code == 1
    assert "Use Redis 8 or Redis Stack" in printed
    assert "Traceback" not in printed


def test_messages() -> None:
    """A missing package, a refused login and a bad address each have their own words."""
    url = f"postgresql://me:{SECRET}@db.example:5432/chat?sslpassword={SECRET}"
    for error, words in (
        (ImportError("No module named 'psycopg'"), "pip install psycopg"),
        (OSError(f"FATAL: password authentication failed: {SECRET}"), "refuses the login"),
        (ValueError(SECRET), "Check the URL"),
        (ExceptionGroup("two", [TimeoutError("x")]), "(TimeoutError)"),
    ):
        said = problems.explained(error, url, "psycopg")
        assert words in said
        assert said.startswith("postgresql://db.example:5432/chat: ")
        assert SECRET not in said
    assert problems.shown("chat.sqlite") == "chat.sqlite"
    assert SECRET not in problems.shown(f"redis://:{SECRET}@[bad/0")
