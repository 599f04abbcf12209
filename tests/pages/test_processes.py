"""The processes that the dashboard starts and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pages.ui import processes
from storage.store import open_reader
from tests.storage import seed


@pytest.fixture(autouse=True)
def own_processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No process of another test, and none left."""
    monkeypatch.setattr(processes, "_started", {})
    yield
    processes.stop_all()


def test_a_lease_in_force_is_seen(isolated: Path) -> None:
    """Held while it has not expired; not without a store, and not by a dead collector's row."""
    assert not processes.lease_is_held()
    isolated.mkdir()
    store = isolated / "store.sqlite"
    seed.sample(time.time_ns() // 1000).write(store, heartbeat_s=-3600)
    assert processes.lease_is_held()
    store.unlink()
    seed.sample(time.time_ns() // 1000).write(store, heartbeat_s=3600)
    assert not processes.lease_is_held()


def test_the_servers_life_is_the_collectors(isolated: Path) -> None:
    """The collector starts with the server, makes the store, and ends with it."""

    async def life() -> int:
        async with processes.lifespan(None):  # type: ignore[arg-type]
            assert processes.collector_running()
            for _ in range(600):
                await asyncio.sleep(0.1)
                if processes.lease_is_held():
                    break
            assert processes.lease_is_held(), processes.log_path("collector").read_text()
            return processes._started["collector"].pid

    pid = asyncio.run(life())
    assert not processes.collector_running()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    open_reader(str(isolated / "store.sqlite")).dispose()


def test_no_second_collector_beside_another(isolated: Path) -> None:
    """Where somebody holds the lease, the server starts none."""
    isolated.mkdir()
    seed.sample(time.time_ns() // 1000).write(isolated / "store.sqlite", heartbeat_s=-3600)

    async def life() -> None:
        async with processes.lifespan(None):  # type: ignore[arg-type]
            assert not processes.collector_running()

    asyncio.run(life())


def test_starting_twice_starts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two visitors click: one process."""
    monkeypatch.setitem(processes._MODULES, "demo", ["http.server", "0"])
    processes.start_demo()
    first = processes._started["demo"].pid
    processes.start_demo()
    assert processes._started["demo"].pid == first
    assert processes.demo_running()


def test_a_process_that_was_killed_is_no_failure_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What somebody ended by a signal wrote no reason: none is shown."""
    monkeypatch.setitem(processes._MODULES, "demo", ["http.server", "0"])
    processes.start_demo()
    process = processes._started["demo"]
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    assert processes.failure("demo") is None
    assert not processes.demo_running()


def test_a_failure_has_code_and_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code, the end of what it wrote, and where all of it is."""
    monkeypatch.setitem(processes._MODULES, "demo", ["no_such_module"])
    processes.start_demo()
    processes._started["demo"].wait(60)
    told = processes.failure("demo")
    assert told is not None
    assert told.code == 1
    assert "no_such_module" in told.log
    assert told.path.read_text().strip() == told.log
