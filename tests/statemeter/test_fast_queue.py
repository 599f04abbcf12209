"""What the probe's thread takes out of the queue in C is what it takes in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from statemeter import calls, events, fast, faults, introduction, probe, resident
from statemeter.calls import Call, begin
from tests.statemeter.graphs import chat, thread
from tests.statemeter.leaking import blocks_left
from tests.statemeter.spooled import Spooled

if "take" not in fast.IN_C:
    pytest.skip("needs a C compiler: scripts/build_fast.py", allow_module_level=True)

take: Callable[[probe.Probe, int], tuple[int, bool]] = fast.IN_C["take"]


@pytest.fixture(scope="module")
def no_faults() -> bool:
    return False


@pytest.fixture(autouse=True)
def target(spool: Spooled) -> probe.Probe:
    """A probe whose thread takes nothing."""
    faults.reset()
    probe.get()._running = True
    return probe.get()


def fails(seq: int, item: Any) -> None:
    raise ValueError(item)


def nothing(seq: int, item: Any) -> None:
    """An event of which there is nothing to tell."""


def long(seq: int, item: Any) -> tuple[Any, ...]:
    return "node", seq, ["x" * 500] * (events.RECORD_MAX_BYTES // 500)


def plain(seq: int, item: Any) -> tuple[Any, ...]:
    return "other", seq, item


def fill(target: probe.Probe) -> list[tuple[int, Any, Any]]:
    """A chat, and events of each kind of end, between them a number that is missing."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    for turn in range(3):
        graph.invoke({"messages": [("user", f"h{turn}")]}, thread("one"))
        for build in (fails, nothing, long, plain):
            target.emit(build, turn)
        next(target._numbers)
    return [entry for entry in target.queue if entry[1] is not introduction.saver]  # has a clock


def taken(target: probe.Probe, queued: list[Any], way: Any, at_once: int) -> Any:
    """The records, the counts and the faults after all was taken."""
    faults.reset()
    target.queue.clear()
    target.queue.extend(queued)
    target.seq = target._drained = target._newest = 0
    target._pending, target.dropped = [], {}
    more, bytes_told, turns = True, 0, 0
    while more:
        size, more = way(target, at_once)
        bytes_told += size
        turns += 1
    assert bytes_told == sum(map(len, target._pending))
    assert not target.queue
    counts = target.seq, target._drained, target._newest, target.dropped, turns
    return target._pending, counts, dict(faults._counts)


@pytest.mark.parametrize("at_once", [1, 7, 64, 10_000])
def test_all_is_taken_the_same_both_ways(target: probe.Probe, at_once: int) -> None:
    """Records byte for byte, in their order, with what fails, tells nothing or is too long."""
    queued = fill(target)
    in_c = taken(target, queued, take, at_once)
    assert in_c == taken(target, queued, probe.Probe.take_in_python, at_once)
    records, (seq, drained, newest, dropped, _), counted = in_c
    assert (len(records), drained) == (seq, len(queued))
    assert newest == queued[-1][0] > drained
    assert dropped == {"fault": 3, "too_long": 3}
    assert counted == {"record of fails": 3}


def test_an_interrupt_goes_through(target: probe.Probe) -> None:
    """Of whoever flushes: what was taken before it is kept, and counted."""

    def interrupted(seq: int, item: Any) -> None:
        raise KeyboardInterrupt

    for build in (plain, interrupted, plain):
        target.emit(build, 1)
    with pytest.raises(KeyboardInterrupt):
        take(target, 64)
    assert (len(target._pending), target.seq, target._drained, len(target.queue)) == (1, 1, 2, 1)
    assert take(target, 64)[1] is False
    assert target.seq == 2


def test_an_interrupt_of_a_record_in_c_goes_through(
    target: probe.Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where C asks Python for the peak of a node; that one node is lost, as in Python."""

    def interrupted(*given: Any) -> Any:
        raise KeyboardInterrupt

    fill(target)
    with fast.IN_C["node_begin"](Saver("info"), {"configurable": {}}):
        pass
    monkeypatch.setattr(resident, "_looks", type("Looks", (), {"__bool__": interrupted})())
    fast.IN_C["looked"](0, 0, 0)
    with pytest.raises(KeyboardInterrupt):
        take(target, 10_000)
    assert len(target._pending) == target.seq


def test_what_is_no_queue_is_an_error(target: probe.Probe) -> None:
    """Never a crash."""
    for given in ((), (target,), (target, "x"), (target, -1), (5, 5)):
        with pytest.raises((TypeError, AttributeError)):
            take(*given)  # type: ignore[arg-type]
    for entry in (5, (1, 2), ("x", plain, 1), (-1, plain, 1)):
        target.queue.append(entry)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            take(target, 1)
    target._pending = ()  # type: ignore[assignment]
    with pytest.raises(TypeError):
        take(target, 1)
    target._pending = []


class Saver:
    def __init__(self, info: Any) -> None:
        self.__dict__[calls.INFO] = info


@pytest.mark.parametrize("held", [0, 5])
@pytest.mark.parametrize("limit", [4, 5, 1000])
@pytest.mark.parametrize("kind", [None, ValueError, GeneratorExit])
def test_a_call_is_left_the_same_both_ways(
    target: probe.Probe, held: int, limit: int, kind: Any
) -> None:
    """Its event is queued, with its error; values beyond the limit are let go."""
    found = []
    for leave in (Call.__exit__, Call.exit_in_python):
        target.queue.clear()
        target.held_bytes, target.held_limit = 0, limit
        call = begin(Saver("info"), plain, None, None, ())
        call.held_bytes = held
        call.dumps = [1, ("msgpack", b"12345")]
        given = (call, kind, kind and kind(), None)
        assert leave(*given) is None
        assert leave(*given) is None, "of a call that ended nothing is told"
        ((_, build, item),) = target.queue
        found.append((
            build, item is call, call.error, call.dumps, call.held_bytes, target.held_bytes,
            call.token, call.duration_ns >= 0, faults.total(),
        ))  # fmt: skip
    assert found[0] == found[1]
    assert found[0][3] == (
        [1, ("msgpack", None, 5)] if held > limit else [1, ("msgpack", b"12345")]
    )


def test_a_call_that_cannot_be_told_is_a_fault(
    target: probe.Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application's own call goes on."""
    for slot in ("build", "held_bytes"):
        call = begin(Saver("info"), plain, None, None, ())
        delattr(call, slot)
        with call as entered:
            assert entered is call
    monkeypatch.delattr(target, "queue")
    with begin(Saver("info"), plain, None, None, ()):
        pass
    assert faults._counts == {"ending a call": 3}


def test_the_first_event_starts_the_thread(target: probe.Probe) -> None:
    """Of a call that ends in C as well."""
    target._running = False
    with begin(Saver("info"), nothing, None, None, ()):
        pass
    assert target._running
    assert target._thread is not None
    assert statemeter.flush()


def test_nothing_leaks(target: probe.Probe) -> None:
    """Neither events nor their calls stay."""
    queued = [entry for entry in fill(target) if entry[1] is not fails]  # that is logged

    def everything() -> None:
        taken(target, queued, take, 64)
        for kind in (None, ValueError):
            call = begin(Saver("info"), plain, None, None, ())
            call.__exit__(kind, kind and kind(), None)
        target.queue.clear()

    assert blocks_left(everything, warm_up=20) < 100


def test_memory_that_is_short_is_no_crash(target: probe.Probe) -> None:
    """Each allocation may fail: that is a fault, or an error like others."""
    testcapi = pytest.importorskip("_testcapi")
    queued = [entry for entry in fill(target) if entry[1].__module__.startswith("statemeter")]
    failed = 0
    for at in range(150):
        target.queue.clear()
        target.queue.extend(queued)
        target._pending = []
        call = begin(Saver("info"), plain, None, None, ())
        try:
            testcapi.set_nomemory(at, at + 1)
            try:
                call.__exit__(None, None, None)
                take(target, 8)
            finally:
                testcapi.remove_mem_hooks()
        except MemoryError:
            failed += 1
        calls.CALL.set(None)
    assert failed + faults.total() > 3
