"""Leaks are told from growth that is none, by real services and by made-up curves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from storage import leaks, queries_processes
from storage.leaks import Rules
from storage.process_series import Series
from storage.queries import SECOND_US, grid_of
from storage.queries_processes import Judged
from storage.store import open_reader
from tests.collector.made import collect
from tests.conftest import REPOSITORY
from tests.libc import TELLS_FREE, tells_free

KINDS = {
    "list": "leak", "bounded": "steady",
    "unknown threads": "leak", "known threads": "steady",
    "streams": "leak", "read streams": "steady",
    "saver": "state", "freed": "freed" if TELLS_FREE else "leak",
}  # fmt: skip
"""Service → what is to be found."""
SECONDS = 34
RULES = Rules(warm_up_s=8.0, least_s=16.0, gained_bytes=3_000_000)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store in which all services ran at the same time, each a process of its own."""
    folder = tmp_path_factory.mktemp("leaks")
    spool, store = folder / "spool", folder / "store.sqlite"
    running = []
    for kind in KINDS:
        env = {"STATEMETER_SPOOL": str(spool), "STATEMETER_APP": kind, "STATEMETER_STORE": ""}
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.storage.services", kind, str(SECONDS)],
                cwd=REPOSITORY, env=os.environ | env,
            )
        )  # fmt: skip
    try:
        assert [service.wait(SECONDS + 120) for service in running] == [0] * len(running)
    finally:
        for service in running:
            service.kill()
    collect(spool, store)
    engine = open_reader(str(store))
    yield engine
    engine.dispose()


def incarnation(engine: Engine, kind: str) -> str:
    rows = queries_processes.processes(engine)
    (row,) = rows[rows["application"] == kind].to_dict("records")
    return str(row["incarnation"])


def look(engine: Engine, kind: str) -> Judged:
    found = queries_processes.judged(engine, incarnation(engine, kind), rules=RULES)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_leak_is_told_from_its_healthy_twin(engine: Engine, kind: str) -> None:
    """Problems 10 and 32, a growing list, a saver that grows by its state, memory in pieces; the
    same work without the leak is not flagged."""
    found = look(engine, kind)
    assert found.leaks.verdict == KINDS[kind], found.leaks
    assert found.leaks.runs > 50


def test_a_growing_list_is_unexplained_and_its_node_named(engine: Engine) -> None:
    """The growth agrees with what the service keeps of each run, to a fifth."""
    found = look(engine, "list")
    rest = found.leaks.unexplained
    assert rest is not None
    assert rest.per_run == pytest.approx(60_000, rel=0.2)
    assert found.leaks.state is None
    named = [(one.kind, one.name) for one in found.suspects]
    assert named[0] == ("node", "remember")
    assert ("native", "") in named
    process = queries_processes.process(engine, incarnation(engine, "list"), 900)
    assert process is not None
    nodes = process.nodes.set_index("node")
    assert nodes.loc["remember", "suspect"]
    assert not nodes.loc["plan", "suspect"]
    assert nodes.loc["remember", "mean_bytes"] == pytest.approx(60_000, rel=0.3)


def test_reads_of_unknown_threads_are_named(engine: Engine) -> None:
    """Problem 10: entries of threads that the saver does not know."""
    found = look(engine, "unknown threads")
    (one,) = [one for one in found.suspects if one.kind == "unknown threads"]
    assert one.size > 500
    assert one.per_hour is not None
    assert one.per_hour > 3600


def test_streams_that_nobody_reads_on_are_named(engine: Engine) -> None:
    """Problem 32: with the graph, before the threads that they keep."""
    found = look(engine, "streams")
    kinds = [(one.kind, one.name) for one in found.suspects]
    assert kinds[0] == ("streams", "LangGraph")
    assert found.suspects[0].size >= 10


def test_threads_of_a_saver_are_named(engine: Engine) -> None:
    """Growth that state explains names the largest threads of the saver, with their bytes."""
    found = look(engine, "saver")
    state, memory = found.leaks.state, found.leaks.memory
    assert state is not None
    assert memory is not None
    assert state.slope.value == pytest.approx(memory.slope.value, rel=0.35)
    savers = [one for one in found.suspects if one.kind == "saver"]
    assert len(savers) == 5
    assert all(one.name.startswith("thread-") and one.size > 20_000 for one in savers)


@tells_free
def test_memory_in_pieces_is_named(engine: Engine) -> None:
    """It is no node's; by as much as was freed, to a tenth, and no more than the memory grew."""
    found = look(engine, "freed")
    memory, freed = found.leaks.memory, found.leaks.freed
    assert memory is not None
    assert freed is not None
    assert [one.kind for one in found.suspects] == ["free"]
    assert freed.slope.value == pytest.approx(memory.slope.value, rel=0.1)


def made(values: np.ndarray, runs: np.ndarray | None = None) -> Series:
    """A process with that memory, a reading a minute."""
    grid = grid_of(len(values) * 60, 10_000_000 * SECOND_US)
    starts = np.arange(len(values)) * 60 * SECOND_US
    index = pd.Index(starts, name="at_us")
    levels = pd.DataFrame({"rss_bytes": values}, index=index)
    grown = pd.DataFrame(
        {"runs": np.full(len(values), 60.0) if runs is None else runs}, index=index
    )
    return Series(grid, levels, levels, grown, {"available_bytes": 3.6e9})


MB = 1e6
AT = np.arange(240.0)


def verdict(values: np.ndarray, runs: np.ndarray | None = None) -> str:
    noise = np.random.default_rng(3).normal(0, 2 * MB, len(values))
    return leaks.find(made(values + noise, runs), 0).verdict


def test_what_only_looks_like_a_leak() -> None:
    """A warm-up, a cache that fills, a saw, a single step, and memory that follows the load."""
    assert verdict(200 * MB + 0 * AT) == "steady"
    assert verdict(200 * MB + 80 * MB * (1 - np.exp(-AT / 20))) == "steady"
    assert verdict(200 * MB + 40 * MB * (AT % 24 / 24)) == "steady"
    assert verdict(200 * MB + 60 * MB * (AT > 60)) == "steady"
    load = 60 + 50 * np.sin(AT / 40)
    assert verdict(200 * MB + load * MB, load) == "steady"


def test_a_slow_leak_under_noise() -> None:
    """10 MB an hour; the time until the memory of the machine is used up."""
    values = 200 * MB + AT / 60 * 10 * MB
    noise = np.random.default_rng(4).normal(0, 2 * MB, len(values))
    found = leaks.find(made(values + noise), 0)
    assert found.verdict == "leak"
    assert found.unexplained is not None
    assert found.unexplained.per_hour == pytest.approx(10 * MB, rel=0.1)
    assert found.unexplained.slope.low * 3600 < 10 * MB < found.unexplained.slope.high * 3600
    assert found.limit_seconds == pytest.approx(360 * 3600, rel=0.1)


def stairs(values: np.ndarray, looked: list[int]) -> np.ndarray:
    """What is shown of values that are looked at in these slots only."""
    shown = np.searchsorted(looked, np.arange(len(values)), "right") - 1
    seen: np.ndarray = values[np.array(looked)][shown]
    return seen


def split(memory: np.ndarray, state: np.ndarray) -> leaks.Leaks:
    """The same as ``verdict``, of a process with a saver."""
    noise = np.random.default_rng(5).normal(0, MB / 2, len(memory))
    series = made(200 * MB + memory + noise)
    return leaks.find(replace(series, levels=series.levels.assign(saver_bytes=state)), 0)


RARELY = [0, 2, 6, 14, 30, 62, 100, 160]
"""Slots in which a saver is looked at that grows: ever more rarely."""


@pytest.mark.parametrize("end", [1, 2, 3])
def test_a_process_that_ends_is_judged_by_what_it_held(end: int) -> None:
    """At its end the saver is gone, and so is its memory, some slots before nothing more is
    told: growth that state explained stays explained."""
    shown = stairs(AT * MB, RARELY)
    memory = AT * MB * 1.1
    shown[-end:] = 0
    memory[-end:] = 0
    found = split(memory, shown)
    assert found.verdict == "state", found
    shown[-end:] = np.nan
    assert split(memory, shown).verdict == "state"
    assert split(memory + AT * MB, shown).verdict == "leak"


def test_state_that_is_looked_at_ever_more_rarely() -> None:
    """Long after the last look at it, it explains what it explained before; half of the growth
    beside it is a leak."""
    shown = stairs(AT * MB, RARELY)
    assert split(AT * MB * 1.1, shown).verdict == "state"
    found = split(AT * MB * 2, shown)
    assert found.verdict == "leak"
    assert found.state is not None
    assert found.unexplained is not None
    assert found.unexplained.slope.value == pytest.approx(MB / 60, rel=0.1)


def test_state_that_has_stopped_explains_nothing_more() -> None:
    """It filled in the first hour, and is looked at all the time: what grows on is a leak."""
    filled = np.minimum(AT, 50) * MB
    assert split(AT * MB, filled).verdict == "leak"
    assert split(filled, filled).verdict == "steady"


def test_what_the_c_library_keeps_is_no_leak() -> None:
    """Where it explains the growth beside state; with memory that is kept and in use it is one, and
    so it is where nothing is free."""

    def judged(kept: np.ndarray, free: np.ndarray, **more: np.ndarray) -> leaks.Leaks:
        noise = np.random.default_rng(6).normal(0, MB / 2, len(AT))
        series = made(200 * MB + kept + free + sum(more.values()) + noise)
        told = series.levels.assign(malloc_free_bytes=20 * MB + free, **more)
        return leaks.find(replace(series, levels=told), 0)

    found = judged(0 * AT, AT * MB)
    assert found.verdict == "freed"
    assert found.freed is not None
    assert found.freed.per_hour == pytest.approx(60 * MB)
    assert found.unexplained is not None
    assert judged(0 * AT, AT * MB, saver_bytes=AT * MB).verdict == "freed"
    assert judged(0 * AT, AT * MB / 10, saver_bytes=AT * MB).verdict == "state"
    for leak in (judged(AT * MB, AT * MB), judged(AT * MB / 2, AT * MB), judged(AT * MB, 0 * AT)):
        assert leak.verdict == "leak"
        assert leak.freed is None


def test_too_little_says_what_is_missing() -> None:
    found = leaks.find(made(200 * MB + 0 * AT[:4]), 0)
    assert found.verdict == "unknown"
    assert "300 s" in found.why
