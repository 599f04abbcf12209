"""Memory of nodes: before, after and at the peak, against what the node itself does."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph

import statemeter
from statemeter import events, probe, resident
from tests.collector.look.services import wait_for
from tests.statemeter.spooled import Spooled

MB = 1_000_000


class State(TypedDict, total=False):
    text: str


def nodes(spool: Spooled) -> dict[str, events.Node]:
    return {event.node: event for event in spool.of(events.Node)}


def run(**functions: Any) -> None:
    builder = StateGraph(State)
    before = START
    for name, function in functions.items():
        builder.add_node(name, function)
        builder.add_edge(before, name)
        before = name
    builder.add_edge(before, END)
    statemeter.instrument(builder.compile()).invoke({"text": "x"})


def test_a_node_that_keeps_and_one_that_gives_back(spool: Spooled) -> None:
    """40 MB are kept by one, 60 MB were there meanwhile in the other, as ``/proc`` says. Both are
    more than the 32 MB up to which malloc may take what was given back before."""
    kept: list[bytes] = []

    def keep(state: State) -> State:
        kept.append(os.urandom(40 * MB))
        return {"text": "kept"}

    def spend(state: State) -> State:
        spent = os.urandom(60 * MB)
        probe.get().vitals.tick()  # the probe's thread looks
        del spent
        return {"text": "gone"}

    run(keep=keep, spend=spend)
    told = nodes(spool)
    grown = told["keep"].rss_after_bytes - told["keep"].rss_before_bytes
    assert grown == pytest.approx(40 * MB, abs=4 * MB)
    assert told["spend"].rss_after_bytes - told["spend"].rss_before_bytes < 4 * MB
    peak = told["spend"].rss_peak_bytes - told["spend"].rss_before_bytes
    assert peak == pytest.approx(60 * MB, abs=4 * MB)


def test_a_node_in_which_nobody_looked(spool: Spooled) -> None:
    """Before and after are known, the peak is not."""

    def spend(state: State) -> State:
        spent = b"x" * (10 * MB)
        del spent
        return {"text": "gone"}

    more = b"x" * (90 * MB)
    del more
    probe.get().awake()
    with probe.get()._lock:
        run(spend=spend)
    told = nodes(spool)["spend"]
    assert min(told.rss_before_bytes, told.rss_after_bytes) > 0
    assert told.rss_peak_bytes == -1


def test_the_first_node_of_a_process_is_looked_at(spool: Spooled) -> None:
    """Its run wakes the probe's thread, though nothing was told before."""

    def wait(state: State) -> State:
        begun = time.time_ns()
        wait_for(lambda: any(at_ns > begun for at_ns, *_ in list(resident._looks)), "look")
        return {"text": "waited"}

    run(wait=wait)
    assert nodes(spool)["wait"].rss_peak_bytes > 0


def test_what_took_longer_than_looks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The highest of each whole minute of it counts, of others none."""
    second = 1_000_000_000
    monkeypatch.setattr(resident, "_looks", deque(maxlen=3))
    monkeypatch.setattr(resident, "_minutes", deque(maxlen=resident.MINUTES_KEPT))
    seen = {0: 90, 30: 99, 60: 40, 90: 50, 120: 30, 150: 20, 170: 10}
    text = iter(f"1 {pages} 1 1 0 1 0".encode() for pages in seen.values())
    monkeypatch.setattr(os, "pread", lambda *_: next(text))
    moments = iter(moment * second for moment in seen)
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))
    for _ in seen:
        resident.look()
    page = os.sysconf("SC_PAGE_SIZE")
    for begin, end, pages in ((50, 171, 50), (0, 171, 99), (70, 171, 30), (130, 171, 20)):
        told = resident.between(begin * second, (end - begin) * second, marks=False)
        assert told == pages * page, begin
    assert resident.between(171 * second, second, marks=False) == resident.UNKNOWN


def test_a_file_that_the_application_closed(spool: Spooled) -> None:
    """Another file with its number is neither believed nor closed; the next look opens it again."""
    resident.look()
    number = resident._fd
    os.close(number)
    other = os.open(__file__, os.O_RDONLY)
    if other != number:
        os.dup2(other, number)
    seen = resident.after(time.perf_counter_ns())
    assert resident.told(0, 1, seen, seen) == resident.NOT_SEEN
    resident.look()
    assert os.pread(number, 6, 0) == b'"""Mem'
    assert resident._fd != number
    for fd in {number, other}:
        os.close(fd)
    assert min(resident.told(0, 1, resident.after(0), resident.after(0))[:2]) > 0


def test_where_there_is_no_file_memory_is_unknown() -> None:
    assert resident.told(0, 1, -1, -1) == resident.NOT_SEEN
    assert resident.told(0, 1, 4096, -1) == resident.NOT_SEEN
    assert resident._bytes_of(b"1 2 3 4 5 6 7") == 2 * resident._page
    assert {resident._bytes_of(text) for text in (b"", b"some other file", b"1 2 3")} == {-1}
