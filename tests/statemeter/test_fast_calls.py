"""What a measured call notes in C is what it notes in Python; nothing of it reaches the caller."""

from __future__ import annotations

import contextvars
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from statemeter import calls, fast, faults, hints, notes, probe, serde
from statemeter.calls import CALL, SCOPE, Call, begin, begin_in_python
from statemeter.introduction import SaverInfo
from tests.statemeter.leaking import blocks_left

if "begin" not in fast.IN_C:
    pytest.skip("needs a C compiler: scripts/build_fast.py", allow_module_level=True)

INFO = SaverInfo("memory", "InMemorySaver", "channels", "", "", 1)


class Saver:
    def __init__(self) -> None:
        self.__dict__[calls.INFO] = INFO


class Serializer:
    """Makes and takes whatever it is given."""

    made: Any = ("msgpack", b"12345")

    def dumps_typed(self, obj: Any) -> Any:
        if isinstance(self.made, BaseException):
            raise self.made
        return self.made

    def loads_typed(self, data: Any) -> Any:
        return self.dumps_typed(data)


def subclass(methods: Callable[[Any], dict[str, Any]]) -> Any:
    return type("Serializer", (Serializer,), methods(Serializer))()


BOTH = (subclass(serde._methods_in_c), subclass(serde._methods_in_python))


@pytest.fixture(autouse=True)
def counted() -> Iterator[None]:
    """A fault is counted under its place; it is none of another test's."""
    faults.reset()
    assert CALL.get() is None
    yield
    assert CALL.get() is None
    faults.reset()


def state(call: Call) -> dict[str, Any]:
    """All that a call noted, but for its clocks."""
    clocks = {"at_ns", "start_ns", "duration_ns", "serde_ns", "token"}
    return {name: getattr(call, name, "unset") for name in Call.__slots__ if name not in clocks}


def both(function: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """What a function of (begin, serializer) tells of each way, with the faults of it."""
    told = []
    for way, serializer in zip((begin, begin_in_python), BOTH, strict=True):
        faults.reset()
        found = contextvars.Context().run(function, way, serializer)
        told.append((found, dict(faults._counts)))
    return told[0], told[1]


words = st.none() | st.text(max_size=5) | st.integers(0, 3) | st.just(b"x") | st.just([])
keys = st.sampled_from(["thread_id", "checkpoint_ns", "checkpoint_id", "more"])
configs = st.one_of(
    st.none(), words, st.dictionaries(keys, words),
    st.dictionaries(keys, words).map(lambda conf: {"configurable": conf}),
    words.map(lambda conf: {"configurable": conf}),
)  # fmt: skip


def raises(*given: Any) -> Any:
    raise ValueError(given)


@given(configs, st.sampled_from([None, raises, lambda *given: given]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_call_begins_the_same_both_ways(config: Any, note: Any, bare: bool) -> None:
    """Of any config; what a note raises, and a saver that was never instrumented, is a fault."""

    def told(way: Any, serializer: Any) -> Any:
        saver = object() if bare else Saver()
        scope = calls.RunScope(1, "graph", None, "thread")
        SCOPE.set(scope)
        call = way(saver, "build", config, note, (1, 2))
        if call is calls._PART:
            return "part", CALL.get()
        assert CALL.get() is call
        assert call.scope is scope
        assert 0 <= calls.clock() - call.start_ns < 60 * 10**9
        assert 0 <= calls.wall() - call.at_ns < 60 * 10**9
        assert calls._end(call)
        assert call.duration_ns >= 0
        assert call.token is None
        return repr(state(call)), CALL.get()

    in_c, in_python = both(told)
    assert in_c == in_python


def test_a_call_within_a_call_is_part_of_it() -> None:
    """Of the same saver; one of another saver is a call of its own."""

    def told(way: Any, serializer: Any) -> Any:
        outer = way(Saver(), None, None, None, ())
        inner = way(Saver(), None, None, None, ())
        other = Saver()
        other.__dict__[calls.INFO] = SaverInfo("other", "", "", "", "", 2)
        third = way(other, None, None, None, ())
        assert CALL.get() is third
        found = inner is calls._PART, calls._end(inner), calls._end(third), CALL.get() is outer
        return (*found, calls._end(outer), calls._end(outer), CALL.get())

    in_c, in_python = both(told)
    assert in_c == in_python == ((True, False, True, True, True, False, None), {})


def test_a_call_may_end_in_another_context() -> None:
    """As that of a coroutine that was let go does."""
    call = contextvars.Context().run(lambda: begin(Saver(), None, None, None, ()))
    assert calls._end(call)
    assert not calls._end(call)
    assert faults._counts == {}


typed = st.one_of(
    st.tuples(st.sampled_from(["msgpack", "null", ""]), st.binary(max_size=9)),
    st.sampled_from([None, (), ("x",), ("x", 5), ["x", b"12"], "xy", 7, ValueError("own")]),
)


@given(
    st.sampled_from(["dumps_typed", "loads_typed"]), typed, typed.filter(lambda data: data != ()),
    st.sampled_from(["", "dumps", "serde_ns", "held_bytes", "loads_bytes", "serializer"]),
    st.sampled_from([None, "text", -1, 1 << 70]),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_values_are_noted_the_same_both_ways(
    method: str, made: Any, data: Any, broken: str, by: Any
) -> None:
    """Whatever a serializer makes: the caller gets it, and what cannot be noted is a fault."""

    def told(way: Any, serializer: Any) -> Any:
        serializer.made = made
        call = way(Saver(), None, None, None, ())
        call.serde_ns = 0
        found = []
        for at in range(3):
            if at == 1 and broken in ("dumps", "serializer"):
                setattr(call, broken, None if broken == "dumps" else by)
            try:
                found.append(getattr(serializer, method)(data) is made)
            except ValueError as error:
                found.append(error is made)
        assert found == [True, True, True]
        calls._end(call)
        return [one if type(one) is not int else "id" for one in call.dumps or ()], {
            name: value for name, value in state(call).items() if name != "dumps"
        }

    in_c, in_python = both(told)
    assert in_c == in_python


@pytest.mark.parametrize("slot", ["serde_ns", "held_bytes", "loads_bytes"])
def test_what_is_no_number_is_a_fault(slot: str) -> None:
    """A slot that another part broke is left, and the value is the caller's all the same."""
    serializer = BOTH[0]
    serializer.made = ("msgpack", b"12")
    for value in ("text", None, 1 << 70):
        call = begin(Saver(), None, None, None, ())
        setattr(call, slot, value)
        assert serializer.dumps_typed(1) is serializer.made
        assert serializer.loads_typed(serializer.made) is serializer.made
        delattr(call, slot)
        assert serializer.dumps_typed(1) is serializer.made
        calls._end(call)
    assert faults.total()
    assert all(place.startswith("noting ") for place in faults._counts)


def test_the_class_of_a_fault_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """As that of one in Python is; the exception that the application handles stays its own."""
    try:
        raise KeyError("the application's")
    except KeyError:
        begin(Saver(), None, None, raises, ())
        assert sys.exc_info()[0] is KeyError
    assert "beginning a call failed (ValueError)" in caplog.text


def test_an_interrupt_goes_through() -> None:
    """It is the user's: it ends what the application does, and is no fault."""

    def interrupted(*given: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        begin(Saver(), None, None, interrupted, ())
    BOTH[0].made = type("Bad", (), {"__getitem__": interrupted, "__len__": interrupted})()
    call = begin(Saver(), None, None, None, ())
    with pytest.raises(KeyboardInterrupt):
        BOTH[0].dumps_typed(1)
    calls._end(call)
    assert faults._counts == {}


class Words(dict[str, Any]):
    """Not of the exact type."""


snapshots = st.just(_DeltaSnapshot(5))
states = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers() | snapshots)
parents = st.sampled_from([None, {}, {"": "root"}, {"x": "y"}, Words({"": "root"}), {"": None}])
counters = st.sampled_from([None, {}, {"a": (1, 2)}, {"a": 5}, 7, Words()])


@given(states, parents, counters, st.data())
@settings(max_examples=150, deadline=None)
def test_a_put_notes_the_same_both_ways(
    held: dict[str, Any], roots: Any, counted: Any, data: st.DataObject
) -> None:
    """Of any checkpoint and metadata, of plain and of other types."""
    checkpoint: Any = {"id": "1", "channel_values": held}
    metadata: Any = {"step": 1, "source": "loop", "parents": roots}
    if counted is not None:
        metadata["counters_since_delta_snapshot"] = counted
    versions: Any = dict.fromkeys(data.draw(st.lists(st.sampled_from(["a", "b", "gone"]))), 1)
    for part in (checkpoint, metadata, versions):
        for name in data.draw(st.sets(st.sampled_from(sorted(part)))) if part else ():
            if data.draw(st.integers(0, 5)) == 0:
                del part[name]
    kind = data.draw(st.sampled_from([dict, Words]))
    given = ({}, kind(checkpoint), metadata, versions)

    def told() -> Any:
        try:
            return repr(notes.put(*given))
        except KeyError as error:
            return repr(error)

    in_c = told()
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(fast.IN_C, "note_put", lambda *given: None)
        assert told() == in_c


def test_the_usual_put_is_noted_in_c() -> None:
    """What LangGraph gives it."""
    in_c = fast.IN_C["note_put"]
    value = _DeltaSnapshot(5)
    checkpoint = {"id": "1", "channel_values": {"a": value, "b": 1}}
    found = in_c(checkpoint, {"step": 1}, {"a": 1, "gone": 2}, notes.snapshot_type())
    assert found == (
        id(checkpoint), "1", 1, None, ["a", "gone"], [id(value), 0], "", {}, ["a"], None,
    )  # fmt: skip


def everything() -> None:
    """A call, with values, that fails and that does not."""
    metadata = {"step": 1, "parents": {"": "root"}}
    given = ({}, {"id": "1", "channel_values": {"a": 1}}, metadata, {"a": 1, "b": 2})
    for note, arguments in ((notes.put, given), (raises, ()), (None, ())):
        call = begin(Saver(), None, {"configurable": {"thread_id": "x"}}, note, arguments)
        for made in (("msgpack", b"123"), None):
            BOTH[0].made = made
            BOTH[0].dumps_typed(1)
            BOTH[0].loads_typed(made)
        calls._end(call)


def test_nothing_leaks() -> None:
    """Neither a call nor what it notes stays."""
    assert blocks_left(everything, warm_up=20) < 100


def test_memory_that_is_short_is_no_crash() -> None:
    """Each allocation may fail: the call tells nothing, and the next one does."""
    testcapi = pytest.importorskip("_testcapi")
    saver, config = Saver(), {"configurable": {"thread_id": "x"}}
    made = BOTH[0].made = ("msgpack", b"123")
    failed = 0
    for at in range(60):
        call = None
        try:
            testcapi.set_nomemory(at, at + 1)
            try:
                call = begin(saver, None, config, None, ())
                BOTH[0].dumps_typed(1)
                BOTH[0].loads_typed(made)
                calls._end(call)
            finally:
                testcapi.remove_mem_hooks()
        except MemoryError:
            failed += 1
        if call is not None:
            calls._end(call)
        CALL.set(None)
    assert failed + faults.total() > 3


def test_another_class_is_measured_in_python() -> None:
    """Such as that of a second interpreter: the first one's offsets are not for it."""
    measures = fast.IN_C["measures"]
    rest = (
        CALL, SCOPE, faults.fault, calls._PART, begin_in_python, probe, hints.tell, Call.emit,
    )  # fmt: skip
    other = type("Call", (), {"__slots__": Call.__slots__})
    lacking = type("Call", (), {"__slots__": Call.__slots__[1:]})
    assert [measures(one, *rest) for one in (Call, other, lacking, int)] == [True, *[False] * 3]
    with pytest.raises(TypeError):
        fast.IN_C["end"](5)
    with pytest.raises(TypeError):
        begin(Saver(), None, None, None)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        fast.IN_C["timed"](1, 2)


def test_a_timed_method_is_like_one_of_python() -> None:
    """By keyword, of the class, as what tools see of it; a wrong call is Python's error."""
    in_c, in_python = BOTH
    in_c.made = in_python.made = ("msgpack", b"1")
    for serializer in BOTH:
        kind = type(serializer)
        assert serializer.dumps_typed(obj=1) is serializer.made
        assert kind.dumps_typed(serializer, 1) is serializer.made
        assert kind.loads_typed(serializer, data=1) is serializer.made
        assert serializer.dumps_typed.__self__ is serializer
        assert serializer.dumps_typed.__name__ == "dumps_typed"
        for wrong in ((), (1, 2), (1, 2, 3)):
            with pytest.raises(TypeError):
                serializer.dumps_typed(*wrong)
    assert inspect.signature(in_c.dumps_typed) == inspect.signature(in_python.dumps_typed)
    with pytest.raises(AttributeError):
        _ = in_c.dumps_typed.other
