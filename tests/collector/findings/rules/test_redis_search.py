"""redis-search: what RedisSaver needs and the server lacks."""

from __future__ import annotations

import redis
from langgraph.checkpoint.redis import RedisSaver

from tests.collector.findings.conftest import Found
from tests.collector.findings.rules.inspecting import checked
from tests.collector.inspection.looks import fill
from tests.collector.inspection.test_redis import (
    plain,
    plain_of_this_module,
    stack,
    stack_of_this_module,
)
from tests.collector.made import one

__all__ = ["plain", "plain_of_this_module", "stack", "stack_of_this_module"]

RULE = "redis-search"


def test_a_server_without_modules(plain: str, found: Found) -> None:
    """It is named; without a check the rule says what it needs."""
    assert found(RULE) == []
    store = found.store  # type: ignore[attr-defined]
    why = one(store, "SELECT why FROM rules WHERE id = ?", RULE)
    assert "python -m collector check redis://" in why
    checked(plain)
    (finding,) = found(RULE)
    assert (finding.severity, finding.subject.detail) == ("critical", "modules")
    assert finding.fixes[0].language == "shell"


def test_a_dropped_index(stack: str, found: Found) -> None:
    """Each that is missing is found, and setup() makes them."""
    with RedisSaver.from_conn_string(stack) as saver:
        saver.setup()
        fill(saver)
        checked(stack)
        assert found(RULE) == []
        with redis.Redis.from_url(stack) as client:
            client.execute_command("FT.DROPINDEX", "checkpoint")
            client.execute_command("FT.DROPINDEX", "checkpoint_write")
        checked(stack)
        told = found(RULE)
        assert {one.subject.detail for one in told} == {
            "index checkpoint",
            "index checkpoint_write",
        }
        exec(told[0].fixes[0].code, {"url": stack})
    checked(stack)
    assert found(RULE) == []
