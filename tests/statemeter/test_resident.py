"""Memory of nodes: before, after and at the peak, against what the node itself does."""

from __future__ import annotations

import os
import time
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph

import statemeter
from statemeter import events, probe, resident
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
    """30 MB are kept by one, 60 MB were there meanwhile in the other, as ``/proc`` says."""
    kept: list[bytes] = []

    def keep(state: State) -> State:
        kept.append(os.urandom(30 * MB))
        return {"text": "kept"}

    def spend(state: State) -> State:
        spent = os.urandom(60 * MB)
        probe.get().vitals.tick()  # the probe's thread looks
        del spent
        return {"text": "gone"}

    run(keep=keep, spend=spend)
    told = nodes(spool)
    grown = told["keep"].rss_after_bytes - told["keep"].rss_before_bytes
    assert grown == pytest.approx(30 * MB, abs=4 * MB)
    assert told["spend"].rss_after_bytes - told["spend"].rss_before_bytes < 4 * MB
    peak = told["spend"].rss_peak_bytes - told["spend"].rss_before_bytes
    assert peak == pytest.approx(60 * MB, abs=4 * MB)


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
    assert min(resident.told(0, 1, resident.after(0), resident.after(0))) > 0


def test_where_there_is_no_file_memory_is_unknown() -> None:
    assert resident.told(0, 1, b"", b"") == resident.NOT_SEEN
    assert resident.told(0, 1, b"1 2 3 4 5 6 7", b"some other file") == resident.NOT_SEEN
