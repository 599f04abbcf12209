"""Regions of the application's own code: their time and memory, and nothing changed by them."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import threading
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from statemeter import events, kernel, probe, resident
from storage import queries_regions
from storage.store import open_reader
from tests.collector.look.services import wait_for
from tests.collector.made import collect
from tests.statemeter.graphs import single, thread
from tests.statemeter.spooled import Spooled

BLOCK = 40_000_000


def test_memory_before_and_after(spool: Spooled) -> None:
    """What it keeps is the difference."""
    kept = []
    with statemeter.track("keeps"):
        kept.append(b"x" * BLOCK)
    keeps = spool.one(events.Region)
    assert keeps.name == "keeps"
    assert BLOCK * 0.9 < keeps.after_bytes - keeps.before_bytes < BLOCK * 1.5
    assert keeps.duration_us > 0


def test_the_peak_is_what_somebody_else_sees(spool: Spooled) -> None:
    """Of the first thing that a process does: 80 MB are held for some looks and freed, by the
    kernel's own numbers read all the time by another thread."""
    had_more_before(BLOCK * 5)
    seen: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        me = psutil.Process()
        while not ended.wait(0.005):
            seen.append(me.memory_info().rss)

    watching = threading.Thread(target=watch)
    with statemeter.track("holds"):
        watching.start()
        block = os.urandom(BLOCK * 2)
        wait_for_looks(2)
        del block
        ended.set()
        watching.join()
    told = spool.one(events.Region)
    assert told.peak_bytes == pytest.approx(max(seen), abs=BLOCK / 10)
    assert told.peak_bytes - told.before_bytes == pytest.approx(BLOCK * 2, abs=BLOCK / 10)
    assert told.after_bytes - told.before_bytes < BLOCK / 2


def test_a_peak_that_nobody_looked_at(spool: Spooled, tmp_path: Path) -> None:
    """It is over before a look: not told, and at least what was there before and after; one that is
    higher than the process ever was, is known to the kernel."""
    had_more_before(BLOCK * 5)
    # Whatever ran in this process before may have been larger.
    larger = kernel.highest() - psutil.Process().memory_info().rss + BLOCK * 2
    for name, size in (("low", BLOCK), ("high", BLOCK), ("high", larger)):
        with nobody_looks(), statemeter.track(name):
            block = b"x" * size
            del block
    low, not_so_high, high = spool.of(events.Region)
    assert low.peak_bytes == not_so_high.peak_bytes == -1
    assert high.peak_bytes - high.before_bytes > larger - BLOCK
    rows = stored(spool, tmp_path / "regions.sqlite")
    assert (rows["low"]["count"], rows["low"]["looked"]) == (1, 0)
    assert rows["low"]["peak_bytes"] == max(low.before_bytes, low.after_bytes)
    assert (rows["high"]["count"], rows["high"]["looked"]) == (2, 1)
    assert rows["high"]["peak_bytes"] == high.peak_bytes


@contextlib.contextmanager
def nobody_looks() -> Iterator[None]:
    """The probe's thread runs, and has to wait; that of another test's probe sees nothing."""
    target = probe.get()
    target.awake()
    with target._lock, pytest.MonkeyPatch.context() as patched:
        patched.setattr(resident, "look", lambda: None)
        yield


def had_more_before(size: int) -> None:
    """The process once had more memory than it will have: the kernel's mark tells nothing."""
    block = b"x" * size
    del block


def wait_for_looks(number: int) -> None:
    """Wait until the probe's thread has looked as often from now on."""
    now = time.time_ns()
    wait_for(lambda: sum(at_ns > now for at_ns, *_ in list(resident._looks)) >= number, "looks")


def stored(spool: Spooled, store: Path) -> dict[str, dict[str, Any]]:
    """The regions of this process as the store has them, by name."""
    collect(spool.folder, store)
    engine = open_reader(str(store))
    found = queries_regions.regions(engine, statemeter.stats()["incarnation"])
    engine.dispose()
    return {row["name"]: row for row in found.to_dict("records")}


def test_each_kind_of_function_stays_what_it_is(spool: Spooled) -> None:
    """Results, exceptions, values that are sent and thrown in; one event for each call."""

    @statemeter.track
    def plain(number: int) -> int:
        """Doc."""
        return number * 2

    @statemeter.track("waits")
    async def waits(number: int) -> int:
        await asyncio.sleep(0)
        return number * 3

    @statemeter.track("gives")
    def gives() -> Generator[int, int, str]:
        got = yield 1
        try:
            yield got
        except ValueError:
            yield -1
        return "end"

    @statemeter.track("gives async")
    async def gives_async() -> AsyncGenerator[int, int]:
        got = yield 1
        try:
            yield got
        except ValueError:
            yield -1

    async def drive() -> list[int]:
        stream = gives_async()
        told = [await anext(stream), await stream.asend(7), await stream.athrow(ValueError())]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        left = gives_async()
        await anext(left)
        await left.aclose()
        return [*told, await waits(2)]

    assert plain(2) == 4
    assert (plain.__name__, plain.__doc__) == ("plain", "Doc.")
    assert inspect.iscoroutinefunction(waits)
    assert inspect.isgeneratorfunction(gives)
    assert inspect.isasyncgenfunction(gives_async)
    stream = gives()
    assert [next(stream), stream.send(5), stream.throw(ValueError())] == [1, 5, -1]
    with pytest.raises(StopIteration) as ended:
        next(stream)
    assert ended.value.value == "end"
    assert asyncio.run(drive()) == [1, 7, -1, 6]
    names = sorted(one.name.rpartition(".")[2] for one in spool.of(events.Region))
    assert names == ["gives", "gives async", "gives async", "plain", "waits"]
    assert {one.error for one in spool.of(events.Region)} == {""}


def test_an_exception_goes_on_and_its_class_is_told(spool: Spooled) -> None:
    """Nested ones of one object too, and several threads at once."""
    region = statemeter.track("region")

    def work() -> None:
        with pytest.raises(KeyError), region, region:
            raise KeyError("secret")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    told = spool.of(events.Region)
    assert [(one.name, one.error) for one in told] == [("region", "KeyError")] * 8
    assert b"secret" not in spool.content()


def test_inside_a_node_the_node_and_its_run_are_told(spool: Spooled, tmp_path: Path) -> None:
    """They stand in the store with the thread, and are summed up by name and node."""

    def node(state: Any) -> Any:
        with statemeter.track("part"):
            return {"found": ["x"]}

    graph = statemeter.instrument(single(node, InMemorySaver()))
    for _ in range(3):
        graph.invoke({"found": []}, thread())
    told = spool.of(events.Region)
    (name,) = {one.node for one in spool.of(events.Node)}
    assert [(one.node, one.thread, one.run) for one in told] == [
        (name, "thread", 1), (name, "thread", 2), (name, "thread", 3),
    ]  # fmt: skip
    store = tmp_path / "regions.sqlite"
    collect(spool.folder, store)
    engine = open_reader(str(store))
    (row,) = queries_regions.regions(engine, statemeter.stats()["incarnation"]).to_dict("records")
    (process,) = queries_regions.processes(engine)
    engine.dispose()
    assert (row["name"], row["node"], row["count"], row["errors"]) == ("part", name, 3, 0)
    changes = [one.after_bytes - one.before_bytes for one in told]
    assert (row["change_bytes"], row["most_bytes"]) == (sum(changes), max(changes))
    assert row["mean_us"] == sum(one.duration_us for one in told) / 3
    assert process.incarnation == statemeter.stats()["incarnation"]


@pytest.mark.parametrize("name", ["", "  ", 7, None, "x" * 201])
def test_a_name_that_cannot_be_used_is_refused(name: Any) -> None:
    """Where it is given, with what to give instead."""
    with pytest.raises(statemeter.UnusableName, match="rank documents"):
        statemeter.track(name)


def test_only_functions_are_decorated() -> None:
    """A class, or a value, is refused."""
    for thing in (dict, 3):
        with pytest.raises(statemeter.NotInstrumentable):
            statemeter.track("name")(thing)  # type: ignore[type-var]


def test_switched_off_it_does_nothing(spool: Spooled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function itself is given back."""
    monkeypatch.setenv("STATEMETER_ENABLED", "0")

    def function() -> int:
        return 3

    assert statemeter.track(function) is function
    with statemeter.track("name"):
        pass
    assert spool.of(events.Region) == []
