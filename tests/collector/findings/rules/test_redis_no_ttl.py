"""redis-no-ttl: keys of checkpoints without TTL are counted as Redis counts them."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis
from langgraph.checkpoint.redis import RedisSaver

import statemeter
from collector.findings.finder import Finder
from collector.findings.rules import redis_no_ttl
from storage import store
from storage.findings import Finding
from tests.collector.findings.conftest import Found
from tests.collector.findings.rules.inspecting import checked, limit, numbers
from tests.collector.inspection.looks import fill
from tests.collector.inspection.test_redis import emptied, stack, stack_of_this_module
from tests.collector.made import one

__all__ = ["stack", "stack_of_this_module"]

RULE = "redis-no-ttl"
PREFIXES = ("checkpoint:", "checkpoint_write:", "checkpoint_latest:")
MONTH_US = 31 * 86_400_000_000


def keys(client: Any) -> list[bytes]:
    return [key for key in client.keys("*") if key.decode().startswith(PREFIXES)]


def test_keys_without_ttl(stack: str, found: Found) -> None:
    """As many as Redis has, with their memory; after the lines of the fix each has a TTL."""
    with RedisSaver.from_conn_string(stack) as saver, redis.Redis.from_url(stack) as client:
        saver.setup()
        fill(statemeter.instrument(saver), threads=3)
        limit(found, f"{RULE}.keys", 5)
        checked(stack)
        (finding,) = found(RULE)
        mine = keys(client)
        told = numbers(finding)
        assert told["keys without TTL"] == len(mine) > 5
        held = sum(client.memory_usage(key) or 0 for key in mine)
        assert told["memory of these, about"] == pytest.approx(held, rel=0.01)
        assert (told["threads not used for 30 days"], finding.cost.bytes) == (0, 0)
        later = a_month_later(found)
        stored = one(found.store, "SELECT sum(stored_bytes) FROM threads")  # type: ignore[attr-defined]
        assert numbers(later)["threads not used for 30 days"] == 3
        assert later.cost.bytes == later.fixes[1].saving.bytes == stored > 0  # type: ignore[union-attr]
        exec(finding.fixes[1].code, {"url": stack})
        assert all(0 < client.ttl(key) <= 30 * 86_400 for key in mine)
    checked(stack)
    assert found(RULE) == []


def a_month_later(found: Found) -> Finding:
    engine = store.open_reader(str(found.store))  # type: ignore[attr-defined]
    finder = Finder([redis_no_ttl.RULE])
    at_us = time.time_ns() // 1000 + MONTH_US
    ((_, finding),) = finder.look(engine, at_us).ran[RULE].found
    engine.dispose()
    return finding


def test_a_saver_with_ttl(stack: str, found: Found) -> None:
    """The code of the fix writes keys that expire: silence."""
    emptied(stack)
    limit(found, f"{RULE}.keys", 5)
    with RedisSaver.from_conn_string(
        stack, ttl={"default_ttl": 43_200, "refresh_on_read": True}
    ) as saver:
        saver.setup()
        fill(saver, threads=3)
        checked(stack)
        assert found(RULE) == []


def test_few_keys(stack: str, found: Found) -> None:
    """Some keys are no matter, and without a check it says what it needs."""
    assert found(RULE) == []
    why = one(found.store, "SELECT why FROM rules WHERE id = ?", RULE)  # type: ignore[attr-defined]
    assert "python -m collector check redis://" in why
    with RedisSaver.from_conn_string(stack) as saver:
        saver.setup()
        fill(saver)
    checked(stack)
    assert found(RULE) == []


def test_a_policy_that_drops_checkpoints(stack: str, found: Found) -> None:
    """It is named, and the statement sets it right."""
    with RedisSaver.from_conn_string(stack) as saver, redis.Redis.from_url(stack) as client:
        saver.setup()
        fill(saver)
        client.config_set("maxmemory-policy", "allkeys-lru")
        checked(stack)
        (finding,) = found(RULE)
        assert "allkeys-lru" in finding.title
        assert numbers(finding)["Memory used"] > 0
        client.execute_command(*finding.fixes[0].code.split())
    checked(stack)
    assert found(RULE) == []
