"""in-memory-leak: a saver that holds much, and entries of unknown threads, are found."""

from __future__ import annotations

import time
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

import statemeter
from collector.findings.rules import in_memory_leak
from statemeter import vitals
from tests.collector.findings.conftest import Found, change, config
from tests.statemeter.spooled import Spooled

RULE = "in-memory-leak"
UNKNOWN = 1_000


class State(TypedDict):
    text: str


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held is told at once, not every five seconds."""
    for name in ("TELL_SECONDS", "SLOW_SECONDS", "HEAP_SECONDS"):
        monkeypatch.setattr(vitals, name, 0.05)


def chat(saver: Any) -> Any:
    builder: Any = StateGraph(State)
    builder.add_node("answer", lambda state: {"text": state["text"]})
    builder.add_edge(START, "answer")
    return statemeter.instrument(builder.compile(checkpointer=saver))


def until(spool: Spooled, name: str, value: float) -> None:
    """Wait until a reading is told."""
    end = time.monotonic() + 20
    while not (told := spool.vitals()) or told[-1].get(name) != value:
        assert time.monotonic() < end, told[-1:]


def test_reads_of_unknown_threads(found: Found, spool: Spooled) -> None:
    """They make entries; thrown away by the code of the fix, the finding is resolved."""
    saver = InMemorySaver()
    graph = chat(saver)
    graph.invoke({"text": "t"}, config("known"))
    for number in range(UNKNOWN):
        graph.get_state(config(f"unknown {number}"))
    until(spool, "saver_empty_threads", UNKNOWN)
    (finding,) = found(RULE)
    told = {one.name: one.value for one in finding.measured}
    assert told["entries without a checkpoint"] == len(saver.storage) - 1 == UNKNOWN
    assert finding.subject.process == statemeter.stats()["incarnation"]
    exec(finding.fixes[1].code, {"saver": saver})
    assert list(saver.storage) == ["known"]
    until(spool, "saver_empty_threads", 0)
    assert found(RULE) == []


def test_a_saver_that_holds_much(
    found: Found, spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its payload is that of its dictionaries; with less than a user's threshold it is healthy, and
    so it is where threads are deleted."""
    saver = InMemorySaver()
    graph = chat(saver)
    for number in range(10):
        graph.invoke({"text": "t" * 200_000}, config(f"{number}"))
    held = sum(len(blob[1]) for blob in saver.blobs.values())
    held += sum(len(row[2][1]) for rows in saver.writes.values() for row in rows.values())
    for spaces in saver.storage.values():
        for rows in spaces.values():
            held += sum(len(one[0][1]) + len(one[1][1]) for one in rows.values())
    until(spool, "saver_bytes", held)
    assert found(RULE) == []  # some MB
    change(found, f"{RULE}.held", 1_000_000)
    change(found, f"{RULE}.share", 0)
    monkeypatch.setattr(in_memory_leak, "RATE_US", 10**15)
    (finding,) = found(RULE)
    told = {one.name: one.value for one in finding.measured}
    assert told["of it payload"] == held
    assert told["threads"] == 10
    assert finding.cost.bytes_a_month is None  # the process is too young for a rate
    monkeypatch.setattr(in_memory_leak, "RATE_US", 0)
    (finding,) = found(RULE)
    told = {one.name: one.value for one in finding.measured}
    a_month = finding.cost.bytes / told["runs for"] * 730 * 3600
    assert finding.cost.bytes_a_month == pytest.approx(a_month, rel=0.01)
    for number in range(3):
        saver.delete_thread(f"{number}")
    assert found(RULE) == []
