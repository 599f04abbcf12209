"""cache-unbounded: entries that nothing removes are counted, those with a time to live are not."""

from __future__ import annotations

import functools
from typing import Any, TypedDict

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy

import statemeter
from collector.findings.rules import cache_unbounded
from tests.collector.findings.conftest import Found

RULE = "cache-unbounded"
RUNS = 510


class State(TypedDict):
    n: int


def fill(ttl: int | None) -> Any:
    builder = StateGraph(State)
    builder.add_node("work", lambda s: {"n": s["n"] + 1}, cache_policy=CachePolicy(ttl=ttl))
    builder.add_edge(START, "work")
    cache = InMemoryCache()
    graph = statemeter.instrument(builder.compile(cache=cache))
    for n in range(RUNS):
        graph.invoke({"n": n})
    return cache


def test_entries_without_expiry_are_found(found: Found) -> None:
    """As many as the cache holds, and their bytes."""
    cache = fill(None)
    (finding,) = found(RULE)
    (held,) = cache._cache.values()
    told = {one.name: one.value for one in finding.measured}
    assert finding.subject.node == "work"
    assert told["entries that nothing removes"] == len(held) == RUNS
    assert told["their bytes"] == sum(len(value) for _, value, _ in held.values())
    cache.clear()  # the fix
    assert found(RULE) == []


def test_entries_that_expire_are_healthy(found: Found) -> None:
    """They all live still."""
    assert cache_unbounded.GONE_US > 60_000_000
    fill(3600)
    assert found(RULE) == []


@pytest.mark.parametrize("maximum", [None, 100])
def test_an_lru_cache_has_a_maximum(found: Found, maximum: int | None) -> None:
    """One without is found, with its size."""
    function = functools.lru_cache(maxsize=maximum)(lambda n: n)
    statemeter.watch_cache("prices", function)
    for n in range(RUNS):
        function(n)
    findings = found(RULE)
    if maximum:
        assert findings == []
    else:
        (finding,) = findings
        assert finding.measured[0].value == RUNS
        assert "prices" in finding.title
