"""Forked and spawned processes: none hangs, each tells of itself only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from statemeter import events
from tests.conftest import StartChild
from tests.statemeter.spooled import read, segments


def run(start_child: StartChild, isolated: Path, how: str, number: int) -> list[list[Any]]:
    """The events of each incarnation, after ``forking`` ended well."""
    # From 3.12 on Python warns of any fork under threads, which is what is tested here.
    child = start_child(
        "-W", "ignore::DeprecationWarning", "-m", "tests.statemeter.forking", how, str(number)
    )
    status = child.wait(500)
    assert status == 0, child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    assert child.log_path.read_text("utf-8") == ""  # type: ignore[attr-defined]
    return [read(paths) for paths in segments(isolated / "spool").values()]


def threads_of(told: list[Any]) -> set[str]:
    return {event.thread for event in told if hasattr(event, "thread")}


def assert_each_tells_of_itself(incarnations: list[list[Any]], number: int) -> None:
    """A process for each child with its own run, whole; nobody tells what another did."""
    by_pid = [next(e.pid for e in told if isinstance(e, events.Process)) for told in incarnations]
    assert len(set(by_pid)) == len(incarnations)
    children = [told for told in incarnations if threads_of(told) != {"parent"}]
    assert len(children) == len(incarnations) - 1
    names = sorted(name for told in children for name in threads_of(told))
    assert names == sorted(f"child-{count}" for count in range(number))
    for told in children:
        runs = [event for event in told if isinstance(event, events.Run)]
        assert [event.number for event in runs] == list(range(1, len(runs) + 1))
        for event in runs:
            of_run = [e for e in told if isinstance(e, events.Put) and e.run == event.number]
            assert len(of_run) == 4
            assert {e.thread for e in of_run} == {event.thread}
        known = {event.key for event in told if isinstance(event, events.Saver)}
        assert {e.saver for e in told if isinstance(e, events.Put)} <= known
    keys = [{e.saver for e in told if isinstance(e, events.Put)} for told in children]
    assert len(set().union(*keys)) == len(children), "each copy of a memory is a storage"


@pytest.mark.parametrize("number", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_forks_under_emitting_threads(number: int, start_child: StartChild, isolated: Path) -> None:
    """No child hangs on a lock of its parent, nor tells an event of it."""
    incarnations = run(start_child, isolated, "threads", number)
    assert len(incarnations) == number + 1
    assert_each_tells_of_itself(incarnations, number)


def test_a_fork_in_the_middle_of_a_run(start_child: StartChild, isolated: Path) -> None:
    """The run and the call that go on in the parent are not those of its child."""
    incarnations = run(start_child, isolated, "node", 5)
    assert_each_tells_of_itself(incarnations, 5)
    (parent,) = [told for told in incarnations if threads_of(told) == {"parent"}]
    assert [event.status for event in parent if isinstance(event, events.Run)] == ["done"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_pool(method: str, start_child: StartChild, isolated: Path) -> None:
    """The events of multiprocessing's workers arrive, though they end by os._exit."""
    incarnations = run(start_child, isolated, method, 8)
    told = [threads_of(each) for each in incarnations]
    assert set().union(*told) == {"parent", *(f"child-{count}" for count in range(8))}
    assert sum(len(names) for names in told) == 9
