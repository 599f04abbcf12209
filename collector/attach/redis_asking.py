"""Commands for Redis and Valkey that only read, by name: no other is ever sent.

Where the server can, reading leaves the time of the last use of a key as it is (``CLIENT
NO-TOUCH``), by which it chooses what to evict. TTLs are neither read nor set.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import redis

from collector.attach.redis_keys import SCAN_COUNT

READS = frozenset({
    "JSON.GET", "JSON.STRLEN", "GET", "ZRANGE", "ZCARD", "EXISTS", "SCAN", "INFO", "FT._LIST",
    "FT.SEARCH", "MEMORY USAGE", "STRLEN",
})  # fmt: skip
Command = Sequence[str | bytes | int]
MOST_FOUND = 5_000
"""Documents that a search may give; more are found by a scan."""
SEARCH_MS = 2_000


_SPECIAL = re.compile(r"([^A-Za-z0-9_])")


def tag(text: str) -> str:
    """A text as a search for tags takes it."""
    return _SPECIAL.sub(r"\\\1", text)


class Refused(Exception):
    """A command that might write: a mistake of ours."""


_OPTIONAL = ("FT._LIST", "FT.SEARCH", "MEMORY")
"""What one can do without where it is not allowed."""


def _stops(command: Command, error: Exception) -> bool:
    """Whether an error is more than a key of another kind under this name, or a missing module."""
    if isinstance(error, redis.exceptions.NoPermissionError):
        return command[0] not in _OPTIONAL
    return not isinstance(error, redis.ResponseError)


class Server:
    """A server, one list of commands after another."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        with contextlib.suppress(redis.ResponseError):  # before Redis 7.2
            client.execute_command("CLIENT", "NO-TOUCH", "ON")  # type: ignore[no-untyped-call]

    def all(self, commands: Sequence[Command], *, strict: bool = True) -> list[Any]:
        """The answers in their order; an error of the server among them is raised, or with
        ``strict=False`` stands for its answer."""
        for command in commands:
            name = " ".join(map(str, command[: 2 if command[0] == "MEMORY" else 1]))
            if name not in READS:
                raise Refused(str(command[0]))
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
        answers: list[Any] = pipeline.execute(raise_on_error=False) if commands else []
        for command, answer in zip(commands, answers, strict=True):
            if isinstance(answer, Exception) and (strict or _stops(command, answer)):
                raise answer
        return answers

    def one(self, *command: str | bytes | int) -> Any:
        """The answer to a command."""
        return self.all([command])[0]

    def scan(self, pattern: str = "*") -> Iterator[list[bytes]]:
        """All keys, in no order; one may come twice."""
        cursor: Any = 0
        while True:
            cursor, keys = self.one("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)
            yield keys
            if int(cursor) == 0:
                return

    def indexes(self) -> set[str]:
        """Names of search indexes; none on a server without the module."""
        found = self.all([("FT._LIST",)], strict=False)[0]
        if isinstance(found, Exception):
            return set()
        return {name.decode("utf-8", "replace") for name in found}

    def some(self, index: str, most: int) -> list[bytes]:
        """A few keys of an index."""
        return self._found(index, "*", most)[1]

    def search(self, index: str, query: str) -> list[bytes] | None:
        """Keys of what a query finds, None where that cannot be told or is too much."""
        total, keys = self._found(index, query, MOST_FOUND)
        return keys if total == len(keys) else None

    def count(self, index: str, query: str) -> int:
        """How many documents a query finds, -1 where that cannot be told."""
        return self._found(index, query, 0)[0]

    def _found(self, index: str, query: str, most: int) -> tuple[int, list[bytes]]:
        command = ("FT.SEARCH", index, query, "NOCONTENT", "LIMIT", 0, most, "TIMEOUT", SEARCH_MS)
        found = self.all([command], strict=False)[0]
        if isinstance(found, Exception):
            return -1, []
        if isinstance(found, dict):  # RESP3; a warning tells that not all was looked at
            keys = [row[b"id"] for row in found[b"results"]]
            return (-1 if found.get(b"warning") else int(found[b"total_results"])), keys
        return int(found[0]), found[1:]
