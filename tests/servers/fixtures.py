"""A server of each kind for the whole test run, started by the first test that asks for it.

Tests share them, and keep apart by thread ids, key prefixes and databases.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager

import psycopg
import pytest

from tests.conftest import missing
from tests.servers import mongo_server, postgres_server, redis_servers, running


def _served(server: AbstractContextManager[str]) -> Iterator[str]:
    try:
        url = server.__enter__()
    except running.Missing as error:
        missing(error.what, error.fix)
        raise
    yield url
    server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A plain Redis, ``redis://127.0.0.1:port``."""
    yield from _served(redis_servers.plain())


@pytest.fixture(scope="session")
def redis_stack_url() -> Iterator[str]:
    """A Redis with search and JSON, ``redis://127.0.0.1:port``. ``FLUSHALL`` drops the indexes of
    every other test with the data: delete threads instead."""
    yield from _served(redis_servers.stack())


@pytest.fixture(scope="session")
def mongo_url() -> Iterator[str]:
    """A MongoDB, ``mongodb://127.0.0.1:port``; a test takes a database of its own name."""
    yield from _served(mongo_server.server())


@pytest.fixture(scope="session")
def mongo_guarded_url() -> Iterator[str]:
    """A MongoDB that wants a password, as its root; a test takes a database of its own name."""
    yield from _served(mongo_server.guarded())


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL's database ``postgres``, for its superuser; most tests want
    ``postgres_database``."""
    yield from _served(postgres_server.server())


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """URL of an empty database of the test's own."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{postgres_url.rpartition('/')[0]}/{name}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
