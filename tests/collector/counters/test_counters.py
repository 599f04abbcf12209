"""What real servers count of themselves, held against what was done to them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pymongo
import pytest
import redis as driver

from collector.counters import mongodb, postgres, reading, redis
from collector.inspection import mongodb as looking
from collector.inspection import url
from collector.inspection.errors import CouldNotLook
from collector.inspection.run import inspect
from statemeter import events
from storage.gauges import COUNTERS


def test_redis(redis_url: str) -> None:
    """Counters grow by what was asked; the place is that of a look."""
    address = url.parse(f"{redis_url}/7")
    name = f"langgraph:cache:{uuid.uuid4().hex}"
    with driver.Redis.from_url(f"{redis_url}/7") as client:
        client.set(name, "x")
        before = redis.read(address).values
        for _ in range(5):
            client.get(name)
        client.get("nothing")
        after = redis.read(address)
        assert after.values["hits"] - before["hits"] == 5
        assert after.values["misses"] - before["misses"] == 1
        assert after.values["keys"] == after.values["keys_forever"] == client.dbsize()
        client.expire(name, 100)
        assert redis.read(address).values["keys_forever"] == client.dbsize() - 1
        found = inspect(f"{redis_url}/7")
        client.delete(name)
    assert found.label == after.label
    assert found.storage == url.storage_key("redis", after.identity)


def test_postgres(postgres_database: str) -> None:
    """The size is the server's own; the numbers have names for levels and counters."""
    values = postgres.read(url.parse(postgres_database)).values
    with psycopg.connect(postgres_database) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    assert abs(values["size_bytes"] - row[0]) < 1_000_000
    assert values["clients"] >= 1
    assert {"commits", "rollbacks", "blocks_read", "blocks_hit", "rows_written"} <= COUNTERS
    assert {"commits", "rollbacks", "blocks_read", "blocks_hit", "rows_written"} <= set(values)


def test_mongodb(mongo_url: str) -> None:
    name = f"count_{uuid.uuid4().hex}"
    address = url.parse(f"{mongo_url}/{name}")
    client: pymongo.MongoClient[Any]
    with pymongo.MongoClient(mongo_url) as client:
        before = mongodb.read(address).values
        client[name].things.insert_many([{"n": n} for n in range(7)])
        after = mongodb.read(address)
        assert after.values["rows_written"] - before["rows_written"] >= 7
        assert after.values["size_bytes"] == client[name].command("dbStats")["dataSize"]
        client.drop_database(name)
    assert after.values["maximum_bytes"] > after.values["used_bytes"] > 0
    assert after.label.endswith(f"/{name}")


@pytest.mark.parametrize(
    ("read", "scheme"),
    [(redis.read, "redis"), (postgres.read, "postgresql"), (mongodb.read, "mongodb")],
)
def test_a_server_that_is_down_is_told(
    read: Callable[[url.Address], reading.Reading], scheme: str, free_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """As a look tells it."""
    monkeypatch.setattr(looking, "CONNECT_SECONDS", 1)  # so long pymongo tries again
    with pytest.raises(CouldNotLook, match=r"me:\*\*\*@127.0.0.1.*refused.*Start the") as caught:
        read(url.parse(f"{scheme}://me:hunter2@127.0.0.1:{free_port}/1"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "whole"),
    [(None, 0), (-5, 0), ("12", 12), (1.9, 1), (1e300, events.NUMBER_MAX)],
)
def test_figures_fit_an_event(value: Any, whole: int) -> None:
    assert reading.whole(value) == whole
