"""The process tells of itself: each reading against another way to the same number."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from typing import Any

import psutil
import pytest
from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from statemeter import faults, kernel, open_runs, pauses, probe, vitals
from tests.libc import tells_free
from tests.statemeter.graphs import chat, thread
from tests.statemeter.spooled import Spooled

HELLO = {"messages": [("user", "hello")]}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is read and told each time."""
    for name in ("TELL_SECONDS", "SLOW_SECONDS", "HEAP_SECONDS"):
        monkeypatch.setattr(vitals, name, 0.0)
    monkeypatch.setattr(kernel, "SHARE", 0)
    open_runs.forget()


def newest(spool: Spooled) -> dict[str, int]:
    return spool.vitals()[-1]


def test_memory_and_counts_are_those_of_psutil(spool: Spooled) -> None:
    """Resident and unique memory within 5 %, threads, files, children and CPU."""
    statemeter.instrument(chat(InMemorySaver())).invoke(HELLO, thread())
    held = bytearray(50_000_000)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        me = psutil.Process()
        threads_before = me.num_threads()
        told = newest(spool)
        memory = me.memory_full_info()
        child_rss = psutil.Process(child.pid).memory_info().rss
        children = len(me.children())
        assert told["rss_bytes"] == pytest.approx(memory.rss, rel=0.05)
        assert told["uss_bytes"] == pytest.approx(memory.uss, rel=0.05)
        assert told["swap_bytes"] == memory.swap
        assert told["anon_bytes"] + told["file_bytes"] + told["shmem_bytes"] == told["rss_bytes"]
        assert told["highest_bytes"] >= told["rss_bytes"]
        # Threads of what ran before in this process may end meanwhile.
        assert me.num_threads() - 1 <= told["threads"] <= threads_before + 1
        assert abs(told["fds"] - me.num_fds()) <= 2
        assert told["children"] == children
        assert told["children_rss_bytes"] >= min(child_rss, 1_000_000)
        child.communicate(b"\n")
    assert told["malloc_bytes"] > len(held)
    assert told["blocks"] == pytest.approx(sys.getallocatedblocks(), rel=0.1)
    assert told["machine_bytes"] == psutil.virtual_memory().total
    assert 0 <= told["cpu_us"] <= time.process_time() * 1e6
    assert newest(spool)["children"] == len(psutil.Process().children())


@tells_free
def test_what_the_c_library_keeps_free(spool: Spooled) -> None:
    """As many bytes as were freed behind what is kept of each piece, and are used no longer."""
    statemeter.instrument(chat(InMemorySaver())).invoke(HELLO, thread())
    pieces = [bytearray(b"x") * 50_000 for _ in range(400)]
    before = newest(spool)
    for piece in pieces:
        del piece[600:]
    told = newest(spool)
    freed = told["malloc_free_bytes"] - before["malloc_free_bytes"]
    assert freed == pytest.approx(400 * 49_400, rel=0.05)
    assert before["malloc_bytes"] - told["malloc_bytes"] == pytest.approx(freed, rel=0.05)


def test_what_langgraph_holds(spool: Spooled) -> None:
    """Bytes of an in-memory saver are those of its dictionaries, its entries are counted; reads of
    unknown threads make empty ones."""
    saver = InMemorySaver()
    graph = statemeter.instrument(chat(saver))
    for number in range(5):
        graph.invoke(HELLO, thread(str(number)))
    for number in range(7):
        graph.get_state(thread(f"unknown-{number}"))
    told = newest(spool)
    held = sum(
        len(row[0][1]) + len(row[1][1])
        for spaces in saver.storage.values() for rows in spaces.values() for row in rows.values()
    )  # fmt: skip
    held += sum(len(blob[1]) for blob in saver.blobs.values())
    held += sum(len(row[2][1]) for rows in saver.writes.values() for row in rows.values())
    assert told["saver_bytes"] == held
    assert told["saver_overhead_bytes"] > 0
    assert (told["saver_threads"], told["saver_empty_threads"]) == (12, 7)
    assert len(saver.storage) == 12
    (key,) = {name for name in told if name.startswith("saver_bytes:")}
    assert told[key] == held


def test_a_stream_that_is_left(spool: Spooled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted with its graph while it is referred to, and no longer once it is closed."""
    monkeypatch.setattr(open_runs, "WAITING_SECONDS", 0.0)
    graph = statemeter.instrument(chat(InMemorySaver()))
    left = [graph.stream(HELLO, thread(str(number))) for number in range(3)]
    for stream in left:
        next(stream)
    told = newest(spool)
    assert (told["open_runs"], told["left_streams"]) == (3, 3)
    assert told[f"left_streams:{graph.get_name()}"] == 3
    assert told["left_oldest_us"] > 0
    list(left[0])
    left[1].close()
    del stream, left
    told = newest(spool)
    assert (told["open_runs"], told["left_streams"], told["runs"]) == (0, 0, 3)


def test_garbage_collections(spool: Spooled) -> None:
    """Counted as gc does; their time is part of the time that they took; nobody is left behind."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke(HELLO, thread())
    before = newest(spool)
    begun = time.perf_counter()
    for _ in range(5):
        gc.collect()
    took_us = (time.perf_counter() - begun) * 1e6
    told = newest(spool)
    assert told["gc_collections_2"] - before["gc_collections_2"] == 5
    assert 0 < told["gc_pause_us"] - before["gc_pause_us"] <= took_us
    worst = [values.get("gc_worst_us", 0) for values in spool.vitals()]
    assert max(worst) > 0
    statemeter.uninstrument(graph)
    assert pauses._watch not in gc.callbacks


async def test_lag_of_an_event_loop(spool: Spooled) -> None:
    """A loop that is blocked shows it, while it is blocked too; one without runs is left alone."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    async for _ in graph.astream(HELLO, thread()):
        break
    run = graph.astream(HELLO, thread("2"))
    await anext(run)
    target = probe.get()
    target.vitals.due(time.monotonic())
    seen: list[int] = []

    def look() -> None:
        time.sleep(0.2)
        target.vitals._lags.look([])
        seen.append(target.vitals._lags.read()["loop_lag_us"])

    looker = threading.Thread(target=look)
    looker.start()
    time.sleep(0.4)
    looker.join()
    assert seen[0] >= 150_000
    await asyncio.sleep(0)
    await run.aclose()
    target.vitals._lags.look([])
    target.vitals._lags.read()
    target.vitals._lags.look(open_runs.running_loops())
    assert target.vitals._lags._beats == {}


def test_a_loop_is_not_kept_alive(spool: Spooled) -> None:
    """After its run, nothing of the probe refers to a loop."""
    graph = statemeter.instrument(chat(InMemorySaver()))

    async def talk() -> Any:
        run = graph.astream(HELLO, thread())
        await anext(run)
        probe.get().vitals.due(time.monotonic())
        await run.aclose()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(talk())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    target = probe.get().vitals._lags
    target.look([])
    target.look([])
    assert target._beats == {}


def test_a_reading_that_fails_is_unknown(spool: Spooled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses, the reading is absent, the others are there, and nothing fails."""

    def refuse() -> dict[str, int]:
        raise PermissionError("no")

    monkeypatch.setattr(kernel, "unique", refuse)
    monkeypatch.setattr(kernel, "children", refuse)
    target = probe.get().vitals
    target._begin()
    statemeter.instrument(chat(InMemorySaver())).invoke(HELLO, thread())
    told = newest(spool)
    assert not {"uss_bytes", "children"} & set(told)
    assert told["rss_bytes"] > 0
    assert faults.total() == 0


def test_a_forked_child_tells_of_itself(spool: Spooled) -> None:
    """It begins with nothing open, its own memory, and no callback of gc."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    stream = graph.stream(HELLO, thread())
    next(stream)
    spool.vitals()
    assert pauses._watch in gc.callbacks
    probe.get().vitals.begin()
    assert pauses._watch not in gc.callbacks
    assert open_runs.read()["open_runs"] == 0
    assert probe.get().vitals.read()["cpu_us"] < 5_000_000
    stream.close()


@pytest.mark.skipif(not kernel.ON_LINUX, reason="read from /proc")
def test_without_proc_only_its_readings_are_missing(
    spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other platforms have, by psutil."""
    monkeypatch.setattr(kernel, "ON_LINUX", False)
    probe.get().vitals._begin()
    statemeter.instrument(chat(InMemorySaver())).invoke(HELLO, thread())
    told = newest(spool)
    me = psutil.Process(os.getpid())
    assert told["rss_bytes"] == pytest.approx(me.memory_info().rss, rel=0.05)
    assert {"uss_bytes", "fds", "children", "threads"} <= set(told)
    assert "anon_bytes" not in told
