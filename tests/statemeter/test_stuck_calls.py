"""Calls of savers that do not come back are seen on the stacks of threads, while they do not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

import statemeter
from statemeter import kernel, savers, stuck_calls, vitals
from tests.collector.look.services import wait_for
from tests.statemeter.graphs import thread
from tests.statemeter.spooled import Spooled

CONFIG: Any = thread(checkpoint_ns="", checkpoint_id="1")
CALLS: dict[str, Callable[[SqliteSaver], Any]] = {
    "get_tuple": lambda saver: saver.get_tuple(CONFIG),
    "list": lambda saver: list(saver.list(CONFIG)),
    "put": lambda saver: saver.put(CONFIG, empty_checkpoint(), {}, {}),
    "put_writes": lambda saver: saver.put_writes(CONFIG, [("a", 1)], "task"),
    "delete_thread": lambda saver: saver.delete_thread("thread"),
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call that is under way counts, and is told at once."""
    monkeypatch.setattr(stuck_calls, "STUCK_SECONDS", 0.0)
    for name in ("TELL_SECONDS", "HEAP_SECONDS"):
        monkeypatch.setattr(vitals, name, 0.0)
    monkeypatch.setattr(kernel, "SHARE", 0)


@pytest.fixture
def saver(tmp_path: Path, spool: Spooled) -> Iterator[SqliteSaver]:
    """One that is set up, and instrumented."""
    with SqliteSaver.from_conn_string(str(tmp_path / "app.sqlite")) as made:
        made.setup()
        yield statemeter.instrument(made)


@contextmanager
def stuck(saver: SqliteSaver, call: Callable[[SqliteSaver], Any]) -> Iterator[None]:
    """A thread waits in a call for the saver's lock, which somebody else has."""
    waiting = threading.Thread(target=call, args=(saver,))
    with saver.lock:
        waiting.start()
        yield
    waiting.join()


def key(saver: SqliteSaver) -> str:
    info = savers.info_of(saver)
    assert info is not None
    return info.key


@pytest.mark.parametrize("method", CALLS)
def test_saver_method_and_age_are_told(saver: SqliteSaver, spool: Spooled, method: str) -> None:
    """As long as the call is under way, by the readings of the process too."""
    name = f"stuck_calls:{key(saver)}:{method}"
    assert stuck_calls.read() == {"stuck_calls": 0}
    begun_ns = time.perf_counter_ns()
    with stuck(saver, CALLS[method]):
        wait_for(lambda: name in stuck_calls.read(), "stuck call")
        told = stuck_calls.read()
        assert set(told) == {"stuck_calls", "stuck_oldest_us", name}
        assert (told["stuck_calls"], told[name]) == (1, 1)
        assert 0 < told["stuck_oldest_us"] <= (time.perf_counter_ns() - begun_ns) / 1000
        vital = spool.vitals()[-1]
        assert (vital["stuck_calls"], vital[name]) == (1, 1)
        assert vital["stuck_oldest_us"] >= told["stuck_oldest_us"]
    assert stuck_calls.read() == {"stuck_calls": 0}
    last = spool.vitals()[-1]
    assert (last["stuck_calls"], name in last) == (0, False)


def test_a_call_that_is_young_is_none(saver: SqliteSaver, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come back yet."""
    with stuck(saver, CALLS["get_tuple"]):
        wait_for(lambda: stuck_calls.read()["stuck_calls"], "stuck call")
        monkeypatch.setattr(stuck_calls, "STUCK_SECONDS", 600.0)
        assert stuck_calls.read() == {"stuck_calls": 0}


def test_all_are_counted_and_some_are_named(tmp_path: Path, spool: Spooled) -> None:
    """Of more savers than are told apart, those with most calls; what is not instrumented is not
    seen."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(SqliteSaver.from_conn_string(str(tmp_path / f"{n}.sqlite")))
            for n in range(stuck_calls.TOLD + 2)
        ]
        for saver in made:
            saver.setup()
        for saver in made[1:]:
            statemeter.instrument(saver)
        second = threading.Thread(target=CALLS["list"], args=(made[-1],))
        stack.callback(second.join)
        for saver in made:
            stack.enter_context(stuck(saver, CALLS["list"]))
        second.start()
        count = len(made[1:]) + 1
        wait_for(lambda: stuck_calls.read()["stuck_calls"] == count, "stuck calls")
        told = stuck_calls.read()
        names = {name: number for name, number in told.items() if ":" in name}
        assert len(names) == stuck_calls.TOLD
        assert names[f"stuck_calls:{key(made[-1])}:list"] == 2
