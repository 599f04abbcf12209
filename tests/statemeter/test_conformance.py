"""LangGraph's own contract for savers: instrumented ones keep it as far as bare ones do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import Capability, DetectedCapabilities
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

import statemeter
from statemeter import events
from tests.statemeter.spooled import Spooled
from tests.statemeter.test_graphs import comparable


async def report(make: str, folder: Path, measured: bool) -> Any:
    """Results by capability: found or not, and how many of its tests passed, failed, skipped."""
    number = 0

    @checkpointer_test(name=make)
    async def saver() -> AsyncIterator[Any]:
        nonlocal number
        number += 1
        database = str(folder / f"{measured}-{number}.sqlite")
        async with AsyncSqliteSaver.from_conn_string(database) as sqlite:
            made: Any = InMemorySaver() if make == "memory" else sqlite
            yield statemeter.instrument(made) if measured else made

    results = (await validate(saver)).results
    return {
        name: (
            result.detected,
            result.passed,
            result.tests_passed,
            result.tests_failed,
            result.tests_skipped,
            [comparable(failure) for failure in result.failures],
        )
        for name, result in results.items()
    }


@pytest.mark.parametrize("make", ["memory", "sqlite"])
async def test_the_contract_is_kept(make: str, tmp_path: Path, spool: Spooled) -> None:
    """LangGraph's conformance suite finds the same capabilities and the same results."""
    bare = await report(make, tmp_path, measured=False)
    assert not spool.told()
    assert await report(make, tmp_path, measured=True) == bare
    passed = {name for name, result in bare.items() if result[1]}
    assert passed >= {"put", "put_writes", "get_tuple", "list", "delete_thread"}
    kinds = {type(event) for event in spool.told()}
    assert kinds >= {events.Put, events.Writes, events.Read, events.List, events.Removal}


def test_capabilities_are_those_of_the_class(spool: Spooled) -> None:
    """Detection looks at the class of the saver; what it did not find, it does not find now."""
    saver = InMemorySaver()
    before = DetectedCapabilities.from_instance(saver)
    assert DetectedCapabilities.from_instance(statemeter.instrument(saver)) == before
    assert Capability.PRUNE in before.missing
