"""Databases of every backend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.servers import redis_servers


@pytest.fixture
def url_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """``url_of(kind)``: an empty database of the test's own."""
    with ExitStack() as stack:

        def make(kind: str) -> str:
            if kind == "postgres":
                return str(request.getfixturevalue("postgres_database"))
            if kind == "mongodb":
                return f"{request.getfixturevalue('mongo_url')}/{tmp_path.name[:40]}"
            if kind == "redis":
                request.getfixturevalue("redis_stack_url")  # what is missing is said there
                return stack.enter_context(redis_servers.stack())
            if kind == "valkey":
                request.getfixturevalue("redis_url")
                return stack.enter_context(redis_servers.plain()).replace("redis:", "valkey:")
            return "" if kind == "memory" else str(tmp_path / "chat.sqlite")

        yield make
