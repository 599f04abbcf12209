"""A spool folder whose permissions are taken away: shown, waited for, and nothing lost.

Root may read whatever its permissions say: there the children run without that capability.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.collector.live import wait_for
from tests.collector.made import one, query
from tests.collector.test_loop import problem
from tests.conftest import REPOSITORY, missing

MESSAGES = 3
"""Of one call of ``talking``: the user's, and one of each node."""
POWERLESS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, isolated: Path) -> Iterator[Start]:
    """Runs a module in a process that permissions hold for; it ends with the test."""
    prefix = held_by_permissions(tmp_path)
    children: list[subprocess.Popen[str]] = []

    def begin(module: str, *arguments: str) -> subprocess.Popen[str]:
        with (tmp_path / f"{module}.log").open("w") as log:
            child = subprocess.Popen(
                [*prefix, sys.executable, "-m", module, *arguments],
                cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, env=os.environ | {"STATEMETER_SEGMENT_MB": "0.02"},
            )  # fmt: skip
        children.append(child)
        return child

    yield begin
    for child in children:
        child.terminate()
        child.communicate(timeout=30)


def held_by_permissions(folder: Path) -> tuple[str, ...]:
    """What to put before a command so that permissions hold for it."""
    closed = folder / "closed"
    closed.mkdir(mode=0)
    for prefix in ((), POWERLESS):
        if prefix and not shutil.which(prefix[0]):
            continue
        if subprocess.run([*prefix, "ls", closed], capture_output=True, check=False).returncode:
            closed.rmdir()
            return prefix
    missing("a way to give up root's capabilities", "run the tests as another user")
    raise AssertionError("not reached")


def say(talking: subprocess.Popen[str], calls: int) -> dict[str, Any]:
    """Have the graph called; what the process tells of it."""
    assert talking.stdin is not None
    assert talking.stdout is not None
    talking.stdin.write(f"{calls}\n")
    talking.stdin.flush()
    told: dict[str, Any] = json.loads(talking.stdout.readline())
    assert told["messages"] == calls * MESSAGES
    assert told["failures"] == 0
    return told


def check_closed(folder: Path, start: Start, mode: int, seconds: float) -> None:
    """Calls are made, and segments filled, before, while and after the spool has a mode."""
    spool, store = folder / "spool", folder / "store.sqlite"
    talking = start("tests.collector.talking")
    say(talking, 5)
    start("collector")
    wait_for(lambda: runs(store) == 5, "ingest")
    spool.chmod(mode)
    try:
        begun = time.monotonic()
        wait_for(lambda: "cannot be read: Permission denied" in problem(store), "a problem")
        print(f"shown after {time.monotonic() - begun:.1f} s")
        assert str(spool) in problem(store)
        told = say(talking, 40)
        assert told["problem"] == "spool_unwritable"
        while time.monotonic() < begun + seconds:
            say(talking, 1)
            told["messages"] += MESSAGES
            time.sleep(0.5)
        assert runs(store) < 5 + told["messages"] // MESSAGES
        assert query(store, "SELECT * FROM segments WHERE deleted AND position < size") == []
    finally:
        spool.chmod(0o700)
    told["messages"] += say(talking, 5)["messages"]
    calls = 5 + told["messages"] // MESSAGES
    wait_for(lambda: runs(store) == calls, "ingest")
    wait_for(lambda: not problem(store), "the end of the problem")
    told = say(talking, 0)
    assert (told["dropped"], told["queued"], told["problem"]) == ({}, 0, "")
    assert query(store, "SELECT * FROM gaps") == []
    assert query(store, "SELECT * FROM dead_letters") == []
    assert one(store, "SELECT sum(count) FROM rollups WHERE resolution_s = 3600") == one(
        store, "SELECT count(*) FROM operations"
    )


def runs(store: Path) -> int:
    """How many runs are in the store, each of which is there once."""
    try:
        row = query(store, "SELECT count(*) AS n, count(DISTINCT thread_key) AS d FROM runs")[0]
    except Exception:
        return 0
    assert row["n"] == row["d"]
    return int(row["n"])


@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_closed_spool_loses_nothing(isolated: Path, start: Start, mode: int) -> None:
    """The application goes on, the collector shows it and waits (faults, row 16)."""
    check_closed(isolated, start, mode, seconds=0)


@pytest.mark.slow
def test_spool_closed_for_half_a_minute(isolated: Path, start: Start) -> None:
    """As long as the fault list asks for."""
    check_closed(isolated, start, 0o000, seconds=30)
