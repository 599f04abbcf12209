"""redis-lost-writes: the race of RedisSaver is seen where Redis shows it, and not with sync."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Annotated, Any, TypedDict

import pytest
import redis
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.redis import RedisSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

import statemeter
from collector.findings.rules.redis_lost_writes import overtaken
from tests.collector.findings.conftest import Found, config
from tests.collector.findings.rules.inspecting import numbers
from tests.collector.made import query

RULE = "redis-lost-writes"
THREADS = 5


class State(TypedDict, total=False):
    large: str
    quick: str
    answer: str


def add(before: Any, writes: Any) -> Any:
    return [*before, *(item for write in writes for item in write)]


class Chat(TypedDict, total=False):
    items: Annotated[list, DeltaChannel(add, snapshot_frequency=10)]
    plain: list


@pytest.fixture
def saver(redis_stack_url: str) -> Iterator[RedisSaver]:
    with RedisSaver.from_conn_string(redis_stack_url) as saver:
        saver.setup()
        yield saver


def asking(saver: Any, ran: Counter[str]) -> Any:
    """Two nodes of a step: one is done at once, the other asks. The large state makes put slow."""

    def quick(state: State, config: RunnableConfig) -> Any:
        ran[config["configurable"]["thread_id"]] += 1
        return {"quick": "done"}

    builder = StateGraph(State)
    builder.add_node("quick", quick)
    builder.add_node("ask", lambda state: {"answer": interrupt("?")})
    builder.add_edge(START, "quick")
    builder.add_edge(START, "ask")
    return statemeter.instrument(builder.compile(checkpointer=saver))


def lost_on(url: str, names: list[str]) -> set[str]:
    """Threads of which Redis has writes of the newest checkpoint, where the run stands, while that
    says there are none."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        found = set()
        for name in names:
            newest = max(client.scan_iter(f"checkpoint:{name}:*"))  # ids sort by time
            writes = list(
                client.scan_iter(f"checkpoint_write{newest.removeprefix('checkpoint')}:*")
            )
            assert writes
            if client.json().get(newest, "$.has_writes") == [False]:
                found.add(name)
        return found


def held_up(found: Found) -> set[str]:
    """Threads of which a ``put_writes`` began before its checkpoint's ``put`` ended, and ended no
    earlier: what Redis did first, the application's clocks do not tell."""
    rows = query(
        found.store,  # type: ignore[attr-defined]
        "SELECT DISTINCT t.thread_id AS name FROM operations p JOIN operations w "
        "ON w.thread_key = p.thread_key AND w.ns = p.ns AND w.checkpoint = p.checkpoint "
        "JOIN threads t ON t.id = p.thread_key "
        "WHERE p.operation = 'put' AND w.operation = 'put_writes' "
        "AND w.at_us <= p.at_us + p.duration_us "
        "AND w.at_us + w.duration_us >= p.at_us + p.duration_us",
    )
    return {row["name"] for row in rows}


@pytest.mark.parametrize("durability", ["async", "sync"])
def test_writes_that_come_first(
    durability: Any, saver: RedisSaver, redis_stack_url: str, found: Found
) -> None:
    """Threads whose mark Redis has lost are found, and their nodes that run again are counted; with
    durability sync, the fix, none is."""
    ran: Counter[str] = Counter()
    graph = asking(saver, ran)
    names = [f"lost-{uuid.uuid4().hex}" for _ in range(THREADS)]
    for name in names:
        graph.invoke({"large": "x" * 2_000_000}, config(name), durability=durability)
    lost = lost_on(redis_stack_url, names)
    told = {one.subject.thread for one in found(RULE)}
    unseen = lost - told
    assert unseen <= held_up(found), "a call that overlapped may have come in time"
    assert bool(lost) is (durability == "async")
    for name in names:
        graph.invoke(Command(resume="!"), config(name), durability=durability)
    again = {name for name in names if ran[name] > 1}
    assert again == lost
    seen = {one.subject.thread: one for one in found(RULE)}
    assert {name for name, one in seen.items() if one.severity == "critical"} == again - unseen
    for name in again - unseen:
        assert numbers(seen[name])["finished nodes that ran once more"] == ran[name] - 1
    if durability == "sync":
        assert seen == {}
    for name in names:
        saver.delete_thread(name)


def test_a_delta_channel(saver: RedisSaver, found: Found) -> None:
    """Each channel of that kind is named; a plain list beside it is not."""

    builder = StateGraph(Chat)
    builder.add_node("work", lambda state: {"items": ["a"], "plain": ["b"]})
    builder.add_edge(START, "work")
    graph = statemeter.instrument(builder.compile(checkpointer=saver))
    name = f"delta-{uuid.uuid4().hex}"
    for _ in range(3):
        graph.invoke({"items": ["q"]}, config(name), durability="sync")
    (finding,) = found(RULE)
    assert (finding.subject.thread, finding.subject.channel) == (name, "items")
    assert finding.severity == "critical"
    saver.delete_thread(name)


def test_what_overtakes() -> None:
    """A put_writes that ends before the put of the same checkpoint; an attached database tells no
    durations."""

    def call(operation: str, at: int, long: int, checkpoint: str = "a", rows: int = 1) -> Any:
        return SimpleNamespace(
            operation=operation, at_us=at, duration_us=long, checkpoint=checkpoint, ns="",
            rows=rows, error="",
        )  # fmt: skip

    put = call("put", 0, 100)
    early, late, other = (
        call("put_writes", 10, 50), call("put_writes", 90, 50), call("put_writes", 10, 50, "b"),
    )  # fmt: skip
    assert overtaken([put, early, late, other]) == [early]
    assert overtaken([call("put", 0, -1), call("put_writes", 0, -1)]) == []
