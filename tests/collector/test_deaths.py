"""A process that was killed for want of memory is said to have been, and how sure that is."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import deaths
from statemeter import cgroups
from storage import queries_processes
from storage.store import open_reader
from tests.collector.made import Made, collect
from tests.conftest import StartChild, missing

LIMIT_BYTES = 160 * 1024 * 1024

EATER = """
import os, sys, time
from pathlib import Path
(Path(sys.argv[1]) / "cgroup.procs").write_text(str(os.getpid()))
import statemeter
from statemeter import vitals
from tests.statemeter.graphs import chat, thread
from langgraph.checkpoint.memory import InMemorySaver
vitals.TELL_SECONDS = 0.5
statemeter.instrument(chat(InMemorySaver())).invoke({"messages": [("user", "x")]}, thread())
time.sleep(2.5)
held = []
while True:
    held.append(bytearray(os.urandom(1_000_000)))
    time.sleep(0.005)
"""


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A real group with a limit and without swap, made by us."""
    for root in (cgroups.ROOT / "memory", cgroups.ROOT):
        folder = root / f"statemeter-test-{uuid.uuid4().hex[:8]}"
        with contextlib.suppress(OSError):
            folder.mkdir()
            version_1 = (folder / "memory.limit_in_bytes").exists()
            name = "memory.limit_in_bytes" if version_1 else "memory.max"
            if (folder / name).exists():
                (folder / name).write_text(str(LIMIT_BYTES))
                for swap, value in (("memory.memsw.limit_in_bytes", LIMIT_BYTES),
                                    ("memory.swap.max", 0)):  # fmt: skip
                    with contextlib.suppress(OSError):
                        (folder / swap).write_text(str(value))
                yield folder
                deadline = time.monotonic() + 20
                while folder.exists() and time.monotonic() < deadline:
                    with contextlib.suppress(OSError):
                        folder.rmdir()
                    time.sleep(0.05)
                return
            folder.rmdir()
    missing("the right to make a cgroup", "run the tests as root of a machine with cgroups")


def test_a_process_that_the_kernel_killed(
    start_child: StartChild, cgroup: Path, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real kill in a real cgroup: by the group's counter "probably", with the limit and how near
    it was; where the kernel's log can be read, surely."""
    child = start_child("-c", EATER, str(cgroup))
    assert child.wait(90) == -9, child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    monkeypatch.setattr(deaths, "LOG", "/dev/null")
    store = isolated / "store.sqlite"
    collect(isolated / "spool", store)
    engine = open_reader(str(store))
    (row,) = queries_processes.processes(engine).to_dict("records")
    found = queries_processes.process(engine, row["incarnation"], 900)
    assert found is not None
    assert (found.ending.state, found.ending.sure) == ("out of memory", "probably")
    assert found.series.last["limit_bytes"] == LIMIT_BYTES
    assert "cgroup counted" in found.ending.words
    # Its last minutes are there, and they rose.
    levels = found.series.levels["rss_bytes"].dropna()
    assert levels.iloc[-1] > levels.iloc[0] + 20_000_000
    engine.dispose()


def test_a_name_in_the_log_of_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a line about this pid, of its own time."""
    booted_us = deaths._booted_us()
    now_us = time.time_ns() // 1000
    line = f"3,100,{now_us - booted_us},-;Out of memory: Killed process 4711 (python) total-vm:1kB"
    monkeypatch.setattr(deaths, "_log_lines", lambda: ["6,99,1,-;something else", line])
    assert deaths._is_logged(4711, now_us - 60_000_000)
    assert not deaths._is_logged(4712, now_us - 60_000_000)
    assert not deaths._is_logged(4711, now_us + 3_600_000_000)  # a pid that was used again


@pytest.mark.parametrize(
    ("last", "state", "sure"),
    [
        ({"limit_bytes": 1000, "used_bytes": 950}, "out of memory", "possibly"),
        ({"limit_bytes": 1000, "used_bytes": 400}, "killed", ""),
        ({"machine_bytes": 1000, "available_bytes": 20}, "out of memory", "possibly"),
        ({}, "killed", ""),
    ],
)
def test_what_the_last_readings_say(
    tmp_path: Path, last: dict[str, int], state: str, sure: str
) -> None:
    """Recorded readings of a process that is gone: near a limit, "possibly"; else it was killed."""
    spool, store = tmp_path / "spool", tmp_path / "store.sqlite"
    made = Made(spool, start_us=(time.time_ns() // 1000) - 60_000_000)
    made.line("resource", "b" * 12, "process", "python", "Process", "process", "", {})
    made.line("gauges", "b" * 12, {"rss_bytes": 300, "oom_kills": 0} | last)
    made.write()
    made.die()
    collect(spool, store)
    engine = open_reader(str(store))
    (row,) = queries_processes.processes(engine).to_dict("records")
    found = queries_processes.process(engine, row["incarnation"], 900)
    assert found is not None
    assert (found.ending.state, found.ending.sure) == (state, sure)
    engine.dispose()


def test_a_counter_that_grew(tmp_path: Path) -> None:
    """Of the group of a process of this host; another host's is not looked at."""
    group = tmp_path / "group"
    group.mkdir()
    (group / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    for host, state in ((socket.gethostname(), "out of memory"), ("elsewhere", "killed")):
        spool, store = tmp_path / host / "spool", tmp_path / host / "store.sqlite"
        made = Made(spool)
        made.process(pid=1 << 22, host=host)
        made.line("resource", "b" * 12, "process", "python", "Process", str(group), "", {})
        made.line("gauges", "b" * 12, {"rss_bytes": 300, "oom_kills": 1})
        made.write()
        made.die()
        collect(spool, store)
        engine = open_reader(str(store))
        (row,) = queries_processes.processes(engine).to_dict("records")
        assert row["state"] == state
        engine.dispose()


def test_the_tightest_group_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of version 2: the group around it has less left than its own; idle file pages are free."""
    root = tmp_path / "cgroup"
    inner = root / "outer" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.setattr(cgroups, "ROOT", root)
    for folder, limit, used, idle in (
        (inner, "1000000", 100_000, 0), (root / "outer", "500000", 450_000, 50_000),
        (root, "max", 900_000, 0),
    ):  # fmt: skip
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {idle}\n")
    (inner / "memory.events").write_text("oom_kill 7\n")
    assert cgroups.read(inner) == {"oom_kills": 7, "limit_bytes": 500_000, "used_bytes": 400_000}
    assert cgroups.group_of(os.getpid()) is None or cgroups.group_of(os.getpid()) == root
