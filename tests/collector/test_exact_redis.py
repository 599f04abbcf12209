"""Stored and live bytes of real graphs on Redis and Valkey equal what the server says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.collector.made import collect, one, query
from tests.conftest import REPOSITORY

PREFIXES = ("redis", "aredis", "shallow", "ashallow", "valkey", "avalkey")
"""Of the threads: one for each class of savers."""


class Held:
    """Bytes by thread, as a server has them."""

    def __init__(self) -> None:
        self.stored: dict[str, int] = {}
        self.newest: dict[str, tuple[str, int]] = {}

    def add(self, thread: str, size: int, ns: str | None = None, checkpoint: str = "") -> None:
        self.stored[thread] = self.stored.get(thread, 0) + size
        if ns == "":
            self.newest[thread] = max(self.newest.get(thread, ("", 0)), (checkpoint, size))

    def of(self, thread: str) -> tuple[int, int]:
        """Stored and live bytes."""
        return self.stored.get(thread, 0), self.newest.get(thread, ("", 0))[1]


def held_by_redis(url: str) -> Held:
    """Length of each checkpoint as JSON, and of the base64 of each write's value."""
    held = Held()
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for key in client.scan_iter("checkpoint*", count=1000, _type="ReJSON-RL"):
            document = json.loads(client.execute_command("JSON.GET", key))
            if "blob" in document:
                (size,) = client.execute_command("JSON.STRLEN", key, "$.blob")
                held.add(document["thread_id"], size)
            elif "checkpoint" in document:
                text = client.execute_command("JSON.GET", key, ".checkpoint")
                ns = document["checkpoint_ns"].replace("__empty__", "")
                held.add(document["thread_id"], len(text.encode()), ns, document["checkpoint_id"])
    return held


def held_by_valkey(url: str) -> Held:
    """Length of the base64 of each checkpoint and of each write's value."""
    held = Held()
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for key in client.scan_iter("checkpoint:{*", count=1000):
            stored = json.loads(client.get(key))
            ns = key.partition("}:")[2].rpartition(":")[0]
            checkpoint = stored["checkpoint"]
            held.add(stored["thread_id"], len(checkpoint), ns, stored["checkpoint_id"])
        for key in client.scan_iter("writes:{*", count=1000):
            thread = key.partition("{")[2].rpartition("}:")[0]
            for write in json.loads(client.get(key)):
                held.add(thread, len(write["value"]))
    return held


@pytest.fixture(scope="module")
def others(redis_stack_url: str, redis_url: str) -> set[str]:
    """Threads that other tests left on the servers."""
    return {*held_by_redis(redis_stack_url).stored, *held_by_valkey(redis_url).stored}


@pytest.fixture(scope="module")
def store(
    redis_stack_url: str, redis_url: str, others: set[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The store after the applications ran and were collected."""
    folder = tmp_path_factory.mktemp("redis")
    subprocess.run(
        [sys.executable, "-m", "tests.collector.on_redis", redis_stack_url, redis_url],
        cwd=REPOSITORY,
        env=os.environ | {"STATEMETER_SPOOL": str(folder / "spool"), "STATEMETER_APP": "exact"},
        check=True,
    )
    collect(folder / "spool", folder / "store.sqlite")
    return folder / "store.sqlite"


@pytest.mark.parametrize("prefix", PREFIXES)
def test_to_the_byte(
    prefix: str, store: Path, redis_stack_url: str, redis_url: str, others: set[str]
) -> None:
    """Subgraphs, interrupts, failures, forks, deletes, prunes and all durabilities."""
    is_valkey = prefix.endswith("valkey")
    held = held_by_valkey(redis_url) if is_valkey else held_by_redis(redis_stack_url)
    rows = query(
        store,
        "SELECT t.*, s.layout FROM threads t JOIN savers s ON s.id = t.saver_id "
        "WHERE thread_id LIKE ?",
        f"{prefix}-%",
    )
    told = {row["thread_id"]: (row["stored_bytes"], row["live_bytes"]) for row in rows}
    assert len(told) >= 6
    assert told == {thread: held.of(thread) for thread in told}
    assert {row["backend"] for row in rows} == {"valkey" if is_valkey else "redis"}
    assert {row["layout"] for row in rows} == {"latest" if "shallow" in prefix else "whole"}
    assert {row["partial"] for row in rows} == {0}
    known = {thread for thread in held.stored if thread.startswith(f"{prefix}-")}
    assert known - others <= set(told)


def test_each_server_is_a_storage(store: Path, redis_stack_url: str, redis_url: str) -> None:
    """All savers of a server are one storage, named without user and password; but what shallow
    ones hold is counted apart, by rules of their own."""
    rows = query(store, "SELECT backend, layout, label, database FROM savers")
    stack, plain = (url.partition("//")[2] + "/0" for url in (redis_stack_url, redis_url))
    assert [tuple(row.values()) for row in rows] == [
        ("redis", "whole", stack, ""),
        ("redis", "latest", stack, ""),
        ("valkey", "whole", plain, ""),
    ]
    assert one(store, "SELECT count(*) FROM dead_letters") == 0
    (process,) = query(store, "SELECT * FROM processes")
    assert (process["dropped"], process["ended"], process["failures"]) == ("{}", 1, 0)
