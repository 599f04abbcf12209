"""A node that ends in C tells what it tells in Python, its memory included."""

from __future__ import annotations

import os
import sys
import time
from collections import ChainMap, deque
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.errors import GraphInterrupt

from statemeter import fast, faults, nodes, probe, records, resident
from statemeter.calls import SCOPE, RunScope
from statemeter.introduction import SaverInfo
from tests.statemeter.leaking import blocks_left
from tests.statemeter.spooled import Spooled

if "node_begin" not in fast.IN_C:
    pytest.skip("needs a C compiler: scripts/build_fast.py", allow_module_level=True)

WAYS = (fast.IN_C["node_begin"], nodes._NodeRun)
INFO = SaverInfo("memory", "InMemorySaver", "channels", "", "", 1, key="k", graph="g")
in_python: Any = records.node.__wrapped__  # type: ignore[attr-defined]


class Runnable:
    def __init__(self, node: Any = "reply") -> None:
        if node is not None:
            self.__dict__["_statemeter_node"] = node


class Words(dict[str, Any]):
    """Not of the exact type."""


class Callbacks:
    parent_run_id = "id of the run"


@pytest.fixture(scope="module")
def no_faults() -> bool:
    return False


@pytest.fixture(autouse=True)
def target(monkeypatch: pytest.MonkeyPatch, spool: Spooled) -> Iterator[probe.Probe]:
    """A probe whose thread takes nothing."""
    probe.get()._running = True
    SCOPE.set(None)
    yield probe.get()
    SCOPE.set(None)
    faults.reset()


def fields(node: tuple[Any, ...]) -> tuple[Any, ...]:
    """What was noted of a node, but for its clocks and its memory."""
    _at, _duration, scope, *rest = node
    return (scope and (scope.number, scope.run_id, scope.interrupted), *rest[:-2])


def told(way: Any, node: Any, config: Any, scope: Any, kind: Any) -> Any:
    """What one way queues of a node, and what it counts as a fault."""
    faults.reset()
    queue = probe.get().queue
    queue.clear()
    SCOPE.set(scope)
    around = way(Runnable(node), config)
    with around as entered:
        assert entered is around
    queue.clear()
    around = way(Runnable(node), config)
    assert around.__enter__() is around
    assert not around.__exit__(kind, kind and kind(), None)
    noted = [item if type(item) is tuple else item.told() for _, _, item in queue]
    made = [(build, build(7, item)) for _, build, item in queue]
    assert all(build is records.node for build, _ in made)
    for (_, found), item in zip(made, noted, strict=True):
        assert found == in_python(7, item)
    return [fields(one) for one in noted], dict(faults._counts)


words = st.sampled_from(["", "a", "reply:1", "outer:1|inner:2|", "größe", None, 5, b"x"])
steps = st.sampled_from([0, 3, -1, None, "x", True])
metadata = st.one_of(
    st.none(), st.just({}), st.builds(lambda step: {"langgraph_step": step}, steps),
    st.builds(lambda step: ChainMap({}, {"langgraph_step": step}), steps),
    st.builds(lambda step: ChainMap(Words(langgraph_step=step)), steps),
    st.sampled_from([ChainMap(), 7, "text", ["langgraph_step"]]),
)  # fmt: skip
configurable = st.dictionaries(
    st.sampled_from(["thread_id", "checkpoint_ns", "__pregel_task_id"]), words
)
configs = st.one_of(
    st.sampled_from([None, 5, "text", Words(configurable={"thread_id": "a"})]),
    st.fixed_dictionaries(
        {},
        optional={
            "configurable": st.none() | configurable | configurable.map(Words) | st.just(7),
            "metadata": metadata,
            "callbacks": st.sampled_from([None, Callbacks(), 5]),
        },
    ),
)
kinds = st.sampled_from([None, None, ValueError, GeneratorExit, GraphInterrupt, KeyboardInterrupt])


@given(st.sampled_from(["reply", "", None, "größe"]), configs, st.sampled_from([0, 1, 2]), kinds)
@settings(max_examples=400, deadline=None)
def test_a_node_ends_the_same_both_ways(node: Any, config: Any, scope: int, kind: Any) -> None:
    """Of any config, inside of a run and outside, with each kind of end."""
    found = []
    for way in WAYS:
        around = RunScope(3, "graph", INFO if scope == 1 else None, "t") if scope else None
        found.append(told(way, node, config, around, kind))
    assert found[0] == found[1]


def test_the_usual_node_ends_in_c() -> None:
    """What LangGraph gives it: no tuple of Python is queued."""
    config = {
        "configurable": {
            "thread_id": "t", "checkpoint_ns": "sub:1|reply:2", "__pregel_task_id": "x",
        },
        "metadata": ChainMap({}, {"langgraph_step": 4}), "callbacks": Callbacks(),
    }  # fmt: skip
    scope = RunScope(3, "graph", INFO, "t")
    SCOPE.set(scope)
    for _ in range(2):
        with WAYS[0](Runnable(), config):
            scope.run_id = scope.run_id or ""
    assert scope.run_id == "id of the run"
    queue = probe.get().queue
    assert [type(item).__name__ for _, _, item in queue] == ["NodeRun", "NodeRun"]
    item = queue[-1][2]
    made = fast.IN_C["node"](records._node_of_task, 9, item)
    assert made == in_python(9, item)
    assert made[4:14] == (3, "k", "t", "sub:1", "graph", 4, "reply", "x", "", 0)
    assert records._node_of_task["x"] == "reply"
    assert item.__exit__(None, None, None) is None, "a second end tells nothing"
    assert len(queue) == 2


def test_tasks_are_forgotten_in_c_as_well() -> None:
    """Their number is bounded."""
    known = dict.fromkeys(map(str, range(records._NODE_MEMORY)), "old")
    with WAYS[0](Runnable(), {"configurable": {"__pregel_task_id": "new"}}):
        pass
    assert fast.IN_C["node"](known, 1, probe.get().queue[-1][2])
    assert known == {"new": "reply"}


def test_what_did_not_end_or_is_no_node() -> None:
    """It is left to Python, or refused with an error of Python's."""
    open_run = WAYS[0](Runnable(), {})
    assert fast.IN_C["node"]({}, 1, open_run) is None
    assert fast.IN_C["node"]({}, 1, (1, 2)) is None
    with pytest.raises(RuntimeError):
        open_run.told()
    with pytest.raises(TypeError):
        open_run.__exit__()
    with pytest.raises(TypeError):
        WAYS[0]()
    with pytest.raises(TypeError):
        type(open_run)()


def test_an_interrupt_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the user's, and no fault."""

    class Interrupting:
        @property
        def parent_run_id(self) -> str:
            raise KeyboardInterrupt

    SCOPE.set(RunScope(1, "g", None, "t"))
    config = {"configurable": {}, "callbacks": Interrupting()}
    for way in WAYS:
        around = way(Runnable(), config)
        with pytest.raises(KeyboardInterrupt):
            around.__exit__(None, None, None)
    assert faults._counts == {}


texts = st.one_of(
    st.lists(st.integers(0, 10**7), min_size=5, max_size=9).map(
        lambda numbers: " ".join(map(str, numbers)) + "\n"
    ),
    st.text(st.sampled_from("0123456789 \nx-"), max_size=40),
    st.lists(st.sampled_from(["1", "x", "-5", "70"]), min_size=6, max_size=8).map(" ".join),
    st.just("1 " + "9" * 40 + " 3 4 5 6 7"),
)


@pytest.mark.skipif(sys.platform != "linux", reason="a file of /proc")
@given(texts)
@settings(max_examples=300, deadline=None)
def test_the_file_is_understood_the_same_both_ways(text: str) -> None:
    """Of any text of a file; what is none of this kind is unknown."""
    fd = os.memfd_create("statm")
    try:
        os.write(fd, text.encode())
        fast.IN_C["statm"](fd, resident._page)
        found = fast.IN_C["memory_after"](time.perf_counter_ns())
        wanted = resident._bytes_of(text.encode()[:64])
        assert found == wanted or (found == -1 and wanted > 1 << 50)
    finally:
        resident._file._tell()
        os.close(fd)


@pytest.mark.skipif(sys.platform != "linux", reason="a file of /proc")
def test_a_reading_serves_the_next_beginning() -> None:
    """For 0.2 ms by the clock that it is given; without a file the memory is unknown."""
    resident.look()
    memory_after, memory_before = fast.IN_C["memory_after"], fast.IN_C["memory_before"]
    seen = memory_after(10**15)
    assert abs(seen - resident.after_in_python(10**15)) < 64 * 2**20
    held = b"x" * (70 * 2**20)
    assert memory_before(10**15 + resident.SHARED_NS - 1) == seen
    assert memory_before(10**15 + resident.SHARED_NS) > seen + 60 * 2**20
    del held
    try:
        fast.IN_C["statm"](-1, resident._page)
        assert memory_after(1) == memory_before(10**16) == -1
        fast.IN_C["statm"](10**6, resident._page)
        assert memory_after(1) == -1
    finally:
        resident._file._tell()


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(1, 99), st.sampled_from([0, 0, 150])), max_size=6
    ),
    st.integers(0, 60), st.integers(0, 30),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_a_peak_is_the_same_both_ways(
    looked: list[tuple[int, int, int]], begin: int, duration: int
) -> None:
    """Wherever looks of the probe's thread fell, before the node, in it and after it."""
    second = 1_000_000_000
    with pytest.MonkeyPatch.context() as patched:
        looks: deque[tuple[int, int, int]] = deque(maxlen=resident.KEPT)
        patched.setattr(resident, "_looks", looks)
        patched.setattr(resident, "_minutes", deque())
        fast.IN_C["looked"](0, 0, 0)
        at = 0
        for later, seen, mark in looked:
            at += later
            looks.append((at * second, seen, mark))
            fast.IN_C["looked"](*looks[-1])
        *_, wanted = resident.told(begin * second, duration * second, 40, 50)
        found = fast.IN_C["peak"](begin * second, duration * second, 40, 50)
    fast.IN_C["looked"](0, 0, 0)
    assert found == wanted


def everything() -> None:
    """Nodes that end in C, in Python, not at all, and with a fault."""
    SCOPE.set(RunScope(3, "graph", INFO, "t"))
    for config in ({"configurable": {"thread_id": "t"}, "metadata": ChainMap({})}, 5, None):
        for kind in (None, ValueError):
            WAYS[0](Runnable(), config).__exit__(kind, kind and kind(), None)
        WAYS[0](Runnable(), config)
    for _, build, item in list(probe.get().queue):
        build(7, item)
        if type(item) is not tuple:
            item.told()
    probe.get().queue.clear()


def test_nothing_leaks() -> None:
    assert blocks_left(everything, warm_up=20) < 100
    before = sys.getrefcount(INFO)
    everything()
    SCOPE.set(None)
    assert sys.getrefcount(INFO) <= before


def test_memory_that_is_short_is_no_crash() -> None:
    """Each allocation may fail: that is a fault, or an error like others, and the next one ends."""
    testcapi = pytest.importorskip("_testcapi")
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": "a|b"}, "metadata": ChainMap({})}
    runnable = Runnable()
    failed = 0
    for at in range(60):
        try:
            testcapi.set_nomemory(at, at + 1)
            try:
                WAYS[0](runnable, config).__exit__(None, None, None)
                item = probe.get().queue[-1][2]
                fast.IN_C["node"](records._node_of_task, 1 << 40, item)
            finally:
                testcapi.remove_mem_hooks()
        except MemoryError:
            failed += 1
    assert failed + faults.total() > 3
