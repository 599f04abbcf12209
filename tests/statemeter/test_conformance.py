"""LangGraph's own contract for savers: instrumented ones keep it as far as bare ones do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability, DetectedCapabilities
from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from statemeter import events
from tests.statemeter.opened import OPENERS, Servers, opened
from tests.statemeter.spooled import Spooled

ONLY_SYNC = {"sqlite", "postgres", "redis", "shallow redis", "valkey"}
"""Savers whose async methods do nothing but raise; the suite calls those alone."""

ALL = {"put", "put_writes", "get_tuple", "list", "delete_thread"}
NOT_PASSED = {
    "redis": {"list"},
    "async redis": {"list"},
    "shallow redis": ALL - {"delete_thread"},
    "async shallow redis": ALL - {"delete_thread"},
}
"""What a saver fails at bare, too (langgraph-checkpoint-redis 0.5.2)."""

# AsyncRedisSaver calls what its own dependency redisvl will change (0.27).
pytestmark = pytest.mark.filterwarnings("ignore:get_async_redis_connection will become async")


def with_async_methods(saver: Any) -> None:
    """Let the async methods of a saver call its sync ones, as an application might."""
    cls = type(saver)

    def aside(name: str) -> Any:
        async def method(self: Any, *given: Any, **named: Any) -> Any:
            return getattr(self, name)(*given, **named)

        return method

    async def alist(self: Any, *given: Any, **named: Any) -> AsyncIterator[Any]:
        for row in self.list(*given, **named):
            yield row

    async def aput_writes(
        self: Any, config: Any, writes: Any, task_id: str, task_path: str = ""
    ) -> None:
        self.put_writes(config, writes, task_id, task_path)

    made = {f"a{name}": aside(name) for name in ("get_tuple", "put", "delete_thread", "prune")}
    if cls.prune is BaseCheckpointSaver.prune:
        del made["aprune"]
    members = made | {"alist": alist, "aput_writes": aput_writes}
    saver.__class__ = type(cls.__name__, (cls,), members)


async def report(name: str, servers: Servers, measured: bool) -> Any:
    """Results by capability: found or not, and how many of its tests passed, failed, skipped."""

    @checkpointer_test(name=name)
    async def saver() -> AsyncIterator[Any]:
        async with opened(name, servers) as made:
            if name in ONLY_SYNC:
                with_async_methods(made)
            yield statemeter.instrument(made) if measured else made

    results = (await validate(saver)).results
    return {
        capability: (
            result.detected,
            result.passed,
            result.tests_passed,
            result.tests_failed,
            result.tests_skipped,
            [failure.partition(":")[0] for failure in result.failures],  # behind it: ids
        )
        for capability, result in results.items()
    }


@pytest.mark.parametrize("name", OPENERS)
async def test_the_contract_is_kept(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, spool: Spooled
) -> None:
    """LangGraph's conformance suite finds the same capabilities and the same results."""
    servers = Servers(request, tmp_path)
    bare = await report(name, servers, measured=False)
    assert not spool.told()
    assert await report(name, servers, measured=True) == bare
    passed = {name for name, result in bare.items() if result[1]}
    assert passed >= ALL - NOT_PASSED.get(name, set())
    kinds = {type(event) for event in spool.told()}
    assert kinds >= {events.Put, events.Writes, events.Read, events.List, events.Removal}


def test_capabilities_are_those_of_the_class(spool: Spooled) -> None:
    """Detection looks at the class of the saver; what it did not find, it does not find now."""
    saver = InMemorySaver()
    before = DetectedCapabilities.from_instance(saver)
    assert DetectedCapabilities.from_instance(statemeter.instrument(saver)) == before
    assert Capability.PRUNE in before.missing
