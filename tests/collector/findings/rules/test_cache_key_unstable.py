"""cache-key-unstable: results that repeat under new keys are found, inputs that differ are not."""

from __future__ import annotations

import itertools
from typing import Any, TypedDict

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy

import statemeter
from tests.collector.findings.conftest import Found

RULE = "cache-key-unstable"
RUNS, QUESTIONS = 30, 3


class State(TypedDict):
    asked: str
    at: int
    found: str


def ask(cache: Any, *, questions: int = QUESTIONS, **policy: Any) -> None:
    """Each input has a time that the result does not depend on."""
    builder = StateGraph(State)
    builder.add_node("look_up", lambda s: {"found": s["asked"] * 20},
                     cache_policy=CachePolicy(**policy))  # fmt: skip
    builder.add_edge(START, "look_up")
    graph = statemeter.instrument(builder.compile(cache=cache))
    times = itertools.count()
    for number in range(RUNS):
        graph.invoke({"asked": "q" * (number % questions + 1), "at": next(times)})


def held(cache: Any) -> int:
    return sum(len(value) for part in cache._cache.values() for _, value, _ in part.values())


def test_a_time_in_the_key_is_found_and_mended(found: Found) -> None:
    """The node is named; a key of what counts saves the bytes that were promised."""
    cache, mended = InMemoryCache(), InMemoryCache()
    ask(cache)
    (finding,) = found(RULE)
    assert (finding.subject.node, finding.severity) == ("look_up", "warning")
    told = {one.name: one.value for one in finding.measured}
    assert told["asked for"] == told["keys written and never hit"] == RUNS
    assert told["hit rate"] == 0
    ask(mended, key_func=lambda state: state["asked"])
    saving = finding.fixes[0].saving
    assert saving is not None
    assert saving.bytes == pytest.approx(held(cache) - held(mended), rel=0.1)
    assert len(found(RULE)) == 1  # the one that is mended is none


def test_inputs_that_differ_are_healthy(found: Found) -> None:
    """As many misses, but each result is another one."""
    ask(InMemoryCache(), questions=RUNS)
    assert found(RULE) == []
