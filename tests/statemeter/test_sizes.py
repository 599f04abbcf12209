"""Sizes read off the serializer's bytes, against the same values packed one by one."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

from statemeter.sizes import measure_document, measure_list, type_name
from tests.statemeter import independent

SERIALIZER = JsonPlusSerializer()


class Model(BaseModel):
    text: str = "m" * 50


@dataclasses.dataclass
class Record:
    text: str = "d" * 60


def packed(value: Any) -> bytes:
    tag, blob = SERIALIZER.dumps_typed(value)
    assert tag == "msgpack"
    return blob


def checkpoint(values: dict[str, Any]) -> dict[str, Any]:
    """The parts of a checkpoint, in an order of our own."""
    return {
        "v": 4,
        "id": "1f1e4e7c-0000-6000-8000-000000000001",
        "channel_values": values,
        "ts": "2026-01-01T00:00:00+00:00",
        "channel_versions": dict.fromkeys(values, f"{7:032}.{0.25:016}"),
        "versions_seen": {"__input__": {}, "node": dict.fromkeys(values, "1")},
        "updated_channels": sorted(values),
    }


def assert_right(values: dict[str, Any]) -> None:
    """Measuring finds what packing one by one finds."""
    blob = packed(checkpoint(values))
    found = measure_document(blob, list(values))
    assert found is not None
    assert found.channels == independent.channels(blob)
    assert found.bookkeeping_bytes == independent.bookkeeping(blob)
    stored = independent.unpack(blob)["channel_values"]
    lists = {name: value for name, value in stored.items() if isinstance(value, list)}
    assert set(found.lists) == set(lists)
    for name, value in lists.items():
        count, largest = found.lists[name]
        assert (count, [(i, size) for i, _, size in largest]) == independent.elements(value)


def every_type() -> dict[str, Any]:
    """A channel of each kind that LangGraph's serializer knows."""
    return {
        "none": None, "yes": True, "small": 5, "negative": -40, "big": 1 << 40, "float": 2.5,
        "text": "é" * 300, "raw": b"\x00\xff" * 9000, "empty list": [], "empty map": {},
        "nested": {"a": [{"b": [1, [2, [3, {"c": None}]]]}]}, "tuple": (1, "two"), "set": {1, 2},
        "model": Model(), "record": Record(), "array": np.arange(1000.0), "message": AIMessage("m"),
        "messages": [HumanMessage("h"), AIMessage("a" * 900), ToolMessage("t", tool_call_id="1")],
        "short": list(range(15)), "longer": list(range(16)), "records": [Record(), Model(), None],
    }  # fmt: skip


def test_each_channel_has_the_bytes_of_its_value_alone() -> None:
    """Whatever the type, a channel's bytes are those of its value, without its name."""
    assert_right(every_type())


@pytest.mark.parametrize("count", [15, 16, 65_535, 65_536, 70_000])
def test_lists_of_any_length(count: int) -> None:
    """Each of the three forms of a list header is understood, alone and in a document."""
    values = [f"{number}" for number in range(count)]
    assert_right({"list": values})
    assert measure_list(packed(values)) == (
        count,
        [(i, "str", size) for i, size in independent.elements(values)[1]],
    )


def test_the_largest_elements_are_named_with_their_class() -> None:
    """An element is told by its place, the class that the application gave it, and its bytes."""
    values = [1, Model(), HumanMessage("h" * 500), np.arange(99), "s", Record(), {"k": "v" * 90}]
    found = measure_list(packed(values))
    assert found is not None
    assert [(index, kind) for index, kind, _ in found[1]] == [
        (3, "ndarray"), (2, "HumanMessage"), (1, "Model"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "None"), (True, "bool"), (3, "int"), (-3, "int"), (1 << 20, "int"), (0.5, "float"),
        ("s", "str"), ("s" * 40, "str"), ("s" * 300, "str"), (b"b", "bytes"), ([1], "list"),
        ({"k": 1}, "map"), ([0] * 20, "list"), ({str(n): n for n in range(20)}, "map"),
        (Model(), "Model"), (Record(), "Record"), (AIMessage("a" * 70_000), "AIMessage"),
        ({1, 2}, "set"), (np.zeros(3), "ndarray"),
    ],
)  # fmt: skip
def test_a_value_is_named_by_its_class(value: Any, kind: str) -> None:
    """Types are read from the first bytes, for each form that msgpack has for them."""
    assert type_name(packed([value])[1:]) == kind


CHANGES: dict[str, Any] = {
    "append": lambda old: [*old, AIMessage("new" * 300, id="new")],
    "append many": lambda old: [*old, *(AIMessage("n" * n, id=f"n{n}") for n in range(20))],
    "trim the front": lambda old: old[3:],
    "trim the end": lambda old: old[:-3],
    "replace in the middle": lambda old: [*old[:4], AIMessage("other" * 99, id="4"), *old[5:]],
    "replace by one as large": lambda old: [*old[:4], AIMessage("y" * 40, id="4"), *old[5:]],
    "re-order": lambda old: [old[1], old[0], *old[2:]],
    "insert in front": lambda old: [AIMessage("first", id="f"), *old],
    "clear": lambda old: [],
    "same": list,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("inside", [True, False])
def test_a_list_that_changed_is_measured_as_if_new(change: str, inside: bool) -> None:
    """Whatever became of a list, its elements are those of now; sizes equal or not."""
    old = [AIMessage("x" * 40 if n == 4 else "x" * (n * 10), id=str(n)) for n in range(12)]
    for values in (old, CHANGES[change](old), old, [*CHANGES[change](old), AIMessage("z", id="z")]):
        if inside:
            assert_right({"messages": values, "after": "a"})
        else:
            found = measure_list(packed(values))
            stored = independent.unpack(packed(values))
            assert found is not None
            count, largest = found
            assert (count, [(i, size) for i, _, size in largest]) == independent.elements(stored)


def test_equal_elements_are_named_by_the_first_places() -> None:
    """Among equals the first counts."""
    for count in (2, 5, 9):
        assert_right({"list": ["same"] * count})


def test_a_list_without_detail_is_only_passed_over() -> None:
    """Elements are looked at where the step wrote the list, not in every checkpoint."""
    found = measure_document(packed(checkpoint({"a": [1, 2], "b": [3]})), ["b"])
    assert found is not None
    assert set(found.lists) == {"b"}
    assert set(found.channels) == {"a", "b"}


@pytest.mark.parametrize("value", [{"a": 1}, [1], "text", 5, {}, None])
def test_what_is_no_checkpoint_is_not_measured_as_one(value: Any) -> None:
    """Only a document with LangGraph's own entries is one."""
    assert measure_document(SERIALIZER.dumps_typed(value)[1]) is None


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.binary(max_size=300)
    | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=30,
)  # fmt: skip
states = st.dictionaries(st.text(min_size=1, max_size=40), plain, max_size=20)


@given(st.lists(states, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_state(history: list[dict[str, Any]]) -> None:
    """Of random states, one after another, the sizes are those of each value packed alone."""
    for values in history:
        assert_right(values)


@given(states, st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_blob_harms_no_other(values: dict[str, Any], data: st.DataObject) -> None:
    """Bytes that are no msgpack give nothing, or something of their own; the next are right."""
    blob = bytearray(packed(checkpoint(values)))
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(blob[: data.draw(st.integers(0, len(blob)))])
    measure_document(cut, list(values))
    measure_list(cut[1:])
    assert_right(values | {"list": ["a", "b" * 30]})


def test_values_too_deep_are_unknown() -> None:
    """A value nested too deep to pass over gives no sizes, and harms no other."""
    deep = b"\x91" * 100_000 + b"\xc0"
    document = packed(checkpoint({"deep": "here"})).replace(b"\xa4here", deep)
    assert measure_document(document, ["deep"]) is None
    assert measure_list(deep) is None
    assert_right({"list": [1, 2]})


@pytest.mark.parametrize("header", [b"\xdd\x7f\xff\xff\xff", b"\xdf\x7f\xff\xff\xff", b"\x91"])
def test_a_list_or_map_is_no_name(header: bytes) -> None:
    """A damaged header that promises two billion elements where a name belongs is not believed."""
    assert measure_document(b"\x82" + header + b"\xc0", []) is None
    values = packed(checkpoint({"name": 1})).replace(b"\xa4name\x01", header + b"\xc0", 1)
    assert measure_document(values, []) is None


def test_an_infinite_number_is_a_number() -> None:
    """NaN and infinities are floats of nine bytes like all others."""
    found = measure_document(packed(checkpoint({"a": math.nan, "b": math.inf})))
    assert found is not None
    assert found.channels == {"a": 9, "b": 9}
