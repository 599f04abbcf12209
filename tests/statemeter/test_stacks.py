"""Stacks of other threads are read without a collection of garbage in the middle of it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from statemeter import stacks, stuck_calls
from tests.conftest import REPOSITORY

RACE = """
import sys, threading, time
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
import statemeter
from benchmarks.conversation import Chat, classify, reply, talk
from statemeter import stuck_calls

plan = StateGraph(Chat).add_node(classify).add_node(reply)
plan.add_edge(START, "classify").add_edge("classify", "reply").add_edge("reply", END)

def chat():
    with SqliteSaver.from_conn_string(":memory:") as saver:
        graph = statemeter.instrument(plan.compile(checkpointer=saver))
        while time.monotonic() < end:
            talk(graph, "thread", 1)

sys.setswitchinterval(1e-5)
end = time.monotonic() + 6
threads = [threading.Thread(target=chat) for _ in range(2)]
for one in threads:
    one.start()
read = 0
while time.monotonic() < end:
    stuck_calls.read()
    read += 1
for one in threads:
    one.join()
print(read)
"""


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Collections are on, before and after."""
    assert gc.isenabled()
    yield
    assert gc.isenabled()


def test_threads_that_run_meanwhile(tmp_path: Path) -> None:
    """Threads that talk are looked at all the time, and change at each step: an interpreter that
    collects garbage meanwhile takes other objects for frames, or dies."""
    child = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", RACE],
        env=os.environ | {"STATEMETER_SPOOL": str(tmp_path)},
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) > 100


@pytest.mark.skipif(not stacks.COLLECTS, reason="later versions collect between instructions")
def test_nothing_is_collected_meanwhile() -> None:
    """Collections go on afterwards, after an error too; an application that has none gets none."""
    with stacks.read() as frames:
        assert threading.get_ident() in frames
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), stacks.read():
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.disable()
    try:
        assert "stuck_calls" in stuck_calls.read()
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_meanwhile() -> None:
    """The child collects garbage again, though the thread that reads is not in it."""
    with stacks.read():
        pid = os.fork()
        if pid == 0:
            os._exit(0 if gc.isenabled() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
