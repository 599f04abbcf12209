"""Records made in C are byte for byte those that Python makes, or C leaves them to Python."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from statemeter import calls, faults, probe, puts, records
from statemeter import fast as in_front
from statemeter.introduction import SaverInfo
from statemeter.spool import line_in_python
from tests.statemeter.graphs import chat, thread
from tests.statemeter.leaking import blocks_left
from tests.statemeter.spooled import Spooled
from tests.statemeter.test_fast import damaged, documents, values

fast = pytest.importorskip("statemeter._fast", reason="needs a C compiler: scripts/build_fast.py")

packed = msgspec.msgpack.Encoder().encode


class Text(str):
    """Not of the exact type."""


class Number(int):
    """The same."""


names = st.sampled_from(["messages", "topic", "a", "__start__", "", "größe", 'a"b', "\ud800"])
plain = st.none() | st.integers() | st.booleans() | st.floats() | names | st.text(max_size=30)
odd = plain | st.binary(max_size=5) | st.builds(Text, names) | st.builds(Number, st.integers())
fields = st.recursive(
    odd,
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.lists(inner, max_size=6).map(tuple)
        | st.dictionaries(names | st.integers(-5, 5), inner, max_size=5)
    ),
    max_leaves=25,
)
put_in_python = puts.put_in_python
writes_in_python = records.writes_in_python


def outcome(function: Callable[..., Any], *given: Any) -> Any:
    """What it gives with the types of all parts, or that it raised."""
    try:
        return repr(function(*given))
    except Exception as error:
        return type(error)


def made(**more: Any) -> calls.Call:
    """A call that ended."""
    call = object.__new__(calls.Call)
    standard = {
        "at_ns": 1_700_000_000_000_000_999, "build": None, "checkpoint": "parent", "detail": None,
        "dumps": [], "duration_ns": 12_345, "error": "", "held_bytes": 0, "loads_bytes": 0,
        "info": SaverInfo("memory", "InMemorySaver", "channels", "", "", 1, key="k", graph="g"),
        "names": None, "ns": "", "scope": None, "serde_ns": 999, "serializer": "", "start_ns": 0,
        "thread": "thread", "token": None,
    }  # fmt: skip
    for name, value in (standard | more).items():
        setattr(call, name, value)
    return call


def assert_same(in_c: Callable[..., Any], in_python: Callable[..., Any], **more: Any) -> Any:
    """Python makes the same of an equal call, if C makes anything."""
    found = in_c(7, made(**more))
    if found is not None:
        wanted = in_python(7, made(**more))
        assert repr(found) == repr(wanted)
        assert outcome(line_in_python, found) == outcome(line_in_python, wanted)
    return found


def writes(seq: int, call: Any) -> Any:
    return fast.writes(records._node_of_task, seq, call)


@given(st.lists(fields, max_size=12).map(tuple))
@settings(max_examples=100, deadline=None)
def test_any_fields_make_the_same_line(found: tuple[Any, ...]) -> None:
    """Whatever an event may hold: the same bytes, or none."""
    line = fast.line(found)
    assert line is None or line == line_in_python(found)


@given(st.text(max_size=60), st.integers(-(1 << 63), (1 << 63) - 1))
@settings(max_examples=200, deadline=None)
def test_what_is_plain_is_made_in_c(text: str, number: int) -> None:
    """Letters of any language, numbers of 64 bits; what JSON escapes is left to Python."""
    escapes = any(letter < " " or letter in '"\\' for letter in text)
    line = fast.line((text, number, None, [], {}, {text: [(1, number)]}))
    assert (line is None) == escapes
    if line is not None:
        payload = line[9:-1]
        assert line == b"%08x %b\n" % (zlib.crc32(payload), payload)
        assert msgspec.json.decode(payload) == [text, number, None, [], {}, {text: [[1, number]]}]


def test_each_character_at_each_place() -> None:
    """Eight bytes are looked at together: none of them is overlooked."""
    for before, character in itertools.product(range(9), map(chr, range(0x100))):
        found = ("x" * before + character + "y" * 3,)
        line = fast.line(found)
        assert (line is None) == (character < " " or character in '"\\')
        assert line is None or line == line_in_python(found)


def test_what_is_long_or_deep_is_left_to_python() -> None:
    """At each length around the longest line, and each depth."""
    lengths = [len(fast.line(("x" * n,)) or b"") for n in range(8150, 8230)]
    assert lengths[0] == 8164
    assert lengths[-1] == 0
    for n, length in enumerate(lengths, 8150):
        assert length in (0, n + 14)
    for many in (1000, 1600, 1638, 1639, 2000, 4000):
        line = fast.line(tuple(range(many)))
        assert line is None or line == line_in_python(tuple(range(many)))
    deep: Any = "end"
    for depth in range(12):
        line = fast.line((deep,))
        assert (line is None) == (depth > 5)
        assert line is None or line == line_in_python((deep,))
        deep = [deep] if depth % 2 else {"a": deep}
    deep.clear()
    loop: list[Any] = []
    loop.append(loop)
    assert fast.line((loop,)) is None
    loop.clear()


tags = st.sampled_from(["msgpack", "msgpack", "msgpack", "null", "bytes", "json", "x+aes", "zlib:"])
blobs = st.one_of(
    st.binary(max_size=20),
    st.builds(packed, values),
    st.builds(packed, documents),
    st.builds(packed, st.lists(values, max_size=8)),
    st.just(packed({"channel_versions": {"a": 1}, "versions_seen": {}})),
)
ids = st.sampled_from([0, 1, 2, 3, 3, 4, 1 << 40, -1, 1 << 70])
dumped = st.tuples(tags, blobs) | st.tuples(tags, st.none(), st.integers(0, 99))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_put_is_the_same_both_ways(data: st.DataObject) -> None:
    """Of any channels, serialized in any order to any bytes, noted by savers of any kind."""
    draw = data.draw
    channels = draw(st.lists(names, max_size=5))
    owners = [draw(ids) for _ in channels]
    dumps: list[Any] = []
    for owner in draw(st.lists(ids, max_size=6)):
        tag, *blob = draw(dumped)
        if blob[0] is not None:
            blob[0] = damaged(blob[0], data)
        dumps += [owner, (tag, *blob)]
    noted = (
        99, draw(names), draw(st.integers(-3, 9) | plain), draw(st.none() | names), channels,
        owners, draw(st.just("") | names),
        draw(st.dictionaries(names, st.integers(0, 9), max_size=2)),
        draw(st.lists(names, max_size=2)), None,
    )  # fmt: skip
    assert_same(fast.put, put_in_python, names=noted, dumps=dumps)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_writes_are_the_same_both_ways(data: st.DataObject) -> None:
    """Of any channels, with and without a value that was serialized."""
    draw = data.draw
    channels = draw(st.lists(names, max_size=5))
    dumps = [part for owner in draw(st.lists(ids, max_size=5)) for part in (owner, draw(dumped))]
    path = st.sampled_from(["", "~__pregel_pull, node", "~__pregel_pull, __start__", "~other"])
    records._node_of_task["known"] = draw(st.sampled_from(["node", "__input__", "_", ""]))
    noted = (channels, [draw(ids) for _ in channels], draw(st.just("known") | names), draw(path))
    assert_same(writes, writes_in_python, names=noted, dumps=dumps)


@given(st.sampled_from(["put", "writes"]), st.sampled_from(calls.Call.__slots__), st.data())
@settings(max_examples=100, deadline=None)
def test_a_call_that_holds_anything_else(kind: str, slot: str, data: st.DataObject) -> None:
    """Parts of other types than expected: what C makes of them is what Python makes."""
    value = data.draw(odd | st.lists(odd, max_size=11).map(tuple) | st.lists(odd, max_size=4))
    noted: tuple[Any, ...] = (99, "id", 1, "loop", ["a"], [1], "", {}, [], None)
    if kind == "writes":
        noted = (["a"], [1], "task", "")
    at = data.draw(st.integers(0, len(noted) - 1))
    document = ("msgpack", packed({"channel_versions": {}}))
    given = {"names": (*noted[:at], value, *noted[at + 1 :]), "dumps": [1, document, 5, document]}
    functions = (fast.put, put_in_python) if kind == "put" else (writes, writes_in_python)
    assert_same(*functions, **given)
    assert_same(*functions, **{**given, "names": noted, slot: value})
    call = made(**given)
    delattr(call, slot)
    found = functions[0](7, call)
    assert found is None or outcome(functions[1], 7, call) == repr(found)


def test_a_real_chat_is_made_in_c(spool: Spooled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each put, each of the pending writes and each line of it, and they are Python's."""
    target = probe.get()
    monkeypatch.setattr(target, "_running", True)  # its thread shall not take them
    graph = statemeter.instrument(chat(InMemorySaver()))
    for name in ("one", "two"):
        for turn in range(4):
            graph.invoke({"messages": [("user", f"h{turn}")]}, thread(name))
    both = {"put": (fast.put, put_in_python), "writes": (writes, writes_in_python)}
    counts = dict.fromkeys(both, 0)
    for _, build, item in list(target.queue):
        kind = build.__name__
        if kind in both:
            found, wanted = (function(5, item) for function in both[kind])
            assert repr(found) == repr(wanted)
            assert fast.line(found) == line_in_python(wanted)
            counts[kind] += 1
    assert counts == {"put": 32, "writes": 24}


def usual() -> dict[str, Any]:
    """A put that C makes, with all that one may have."""
    blob = ("msgpack", packed(["x" * 50, {"a": 1}, msgspec.msgpack.Ext(5, packed(["m", "C"]))]))
    document = ("msgpack", packed({"channel_versions": {"a": 1}, "versions_seen": {}}))
    noted = (
        99, "id", 1, "loop", ["a", "b", "gone", "delta"], [1, 1, 0, 0], "root", {"delta": 3},
        ["b"], None,
    )  # fmt: skip
    dumps = [1, blob, 1, blob, 8, document, 9, ("msgpack", b"\x80")]
    return {"names": noted, "dumps": dumps}


def test_everything_that_a_put_may_have() -> None:
    """One value in two channels, an emptied one, a delta, a snapshot, a root: made in C."""
    found = assert_same(fast.put, put_in_python, **usual())
    assert found[-8] == {"gone": None, "a": 65, "b": 65}
    assert found[-5:] == ("", 0, "root", {"delta": 3}, ["b"])


def test_nothing_leaks() -> None:
    """Neither what it is given nor what it makes stays, whether C does it or not."""
    cases = [usual(), usual(), usual(), usual()]
    cases[1]["names"] = (*cases[1]["names"][:4], ["a"], ["no"], "", {}, [], None)
    cases[2]["dumps"] = [1, ("json", b"[]"), 8, ("msgpack", b"")]
    cases[3]["scope"] = 5
    written = (["a"], [1], "task", "~__pregel_pull, node")
    kept = [made(**case) for case in cases] + [made(names=written, dumps=cases[0]["dumps"])]

    def everything() -> None:
        for call in kept:
            for function in (fast.put, writes):
                fields = function(1 << 40, call)
                if fields is not None:
                    fast.line(fields)
            fast.line((["x"] * 5000,))

    assert blocks_left(everything, warm_up=1) < 100


def test_memory_that_is_short_is_no_crash() -> None:
    """Each allocation may fail: that is an error like others, or Python has to do it."""
    testcapi = pytest.importorskip("_testcapi")
    call = made(**usual())
    written = made(names=(["a"], [1], "task", "~__pregel_pull, n"), dumps=usual()["dumps"])
    fields = fast.put(1 << 40, call)
    failed = 0
    for function, arguments in (
        (fast.put, (1 << 40, call)), (writes, (1 << 40, written)), (fast.line, (fields,)),
    ):  # fmt: skip
        wanted = repr(function(*arguments))
        for at in range(120):
            try:
                testcapi.set_nomemory(at, at + 1)
                try:
                    found = function(*arguments)
                finally:
                    testcapi.remove_mem_hooks()
            except MemoryError:
                failed += 1
                continue
            assert found is None or repr(found) == wanted
    assert failed > 9


class TestBroken:
    """Where C does not do what it should."""

    @pytest.fixture
    def no_faults(self) -> bool:
        return False

    def test_c_that_fails_is_counted_and_python_does_it(
        self, spool: Spooled, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No event is lost by it."""

        def broken(*given: Any) -> None:
            raise MemoryError

        for name in ("line", "put", "writes"):
            monkeypatch.setitem(in_front.IN_C, name, broken)
        monkeypatch.delitem(in_front.IN_C, "take")  # it goes to them by itself
        graph = statemeter.instrument(chat(InMemorySaver()))
        graph.invoke({"messages": [("user", "hello")]}, thread())
        told = {type(event).__name__ for event in spool.events()}
        assert told >= {"Put", "Writes", "Node", "Run"}
        assert set(faults._counts) == {"line in C", "put in C", "writes in C"}
