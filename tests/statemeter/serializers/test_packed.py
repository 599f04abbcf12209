"""msgspec in LangGraph's place: byte for byte and object for object the same."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid
from collections import deque, namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt, Send
from pydantic import BaseModel

from statemeter.serializers import MsgspecSerializer
from tests.statemeter.serializers.working import VALUES, Colour, Order

OWN, OURS = JsonPlusSerializer(), MsgspecSerializer()
CALL = {"name": "f", "args": {}, "id": "2"}
Point = namedtuple("Point", "x y")


class Model(BaseModel):
    a: int
    when: dt.datetime


def the_same(value: Any) -> None:
    """Both write the same bytes or raise the same, and read the same from them."""
    try:
        typed = OWN.dumps_typed(value)
    except Exception as error:
        with pytest.raises(type(error)):
            OURS.dumps_typed(value)
        return
    assert OURS.dumps_typed(value) == typed
    alike(OURS.loads_typed(typed), OWN.loads_typed(typed))


def alike(one: Any, other: Any) -> None:
    """Equal, of equal types, all the way down."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(map(type, one)) == list(map(type, other))
        assert list(one) == list(other)
        for a, b in zip(one.values(), other.values(), strict=True):
            alike(a, b)
    elif isinstance(one, list | tuple | deque):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            alike(a, b)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other, equal_nan=True)
    elif isinstance(one, float) and math.isnan(one):
        assert math.isnan(other)
    else:
        assert one == other


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
    | st.binary(max_size=40)
)  # fmt: skip
ODD = (
    SCALARS | st.datetimes() | st.uuids() | st.decimals(allow_nan=False) | st.integers()
    | st.text(st.characters(exclude_categories=()))
)  # fmt: skip
KEYS = st.text() | st.integers(-1000, 1000) | st.floats(allow_nan=False) | st.booleans() | st.none()
TREES = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(KEYS, inner, max_size=6)
    | st.tuples(inner, inner), max_leaves=25,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(TREES | st.lists(SCALARS) | st.lists(st.lists(st.floats() | st.integers())))
def test_any_tree_of_values(value: Any) -> None:
    """What hypothesis thinks of."""
    the_same(value)


@pytest.mark.parametrize(
    "value",
    [
        VALUES, [Order(1, "x"), Colour.RED], [Model(a=1, when=dt.datetime(2026, 1, 1))],
        [HumanMessage("hi", id="1"), AIMessage("ho", tool_calls=[CALL]),
         ToolMessage("r", tool_call_id="2")],
        [Send("node", {"a": 1}), Interrupt(value="v", id="i")], {"a": {"b": {1, 2}}},
        [np.arange(6.0).reshape(2, 3), np.array([], dtype="f4")], [1.5] * 1000, [[0.1, 2]] * 50,
        [[1, "a"], [None]], (1, 2), [(1, 2), [3]], [True, 2, 3.0, None, "x"], [float("nan"), -0.0],
        {(1, 2): "tuple", b"b": "bytes", 1.5: "float", None: "none"}, [Point(1, 2)],
        {uuid.UUID(int=1): 1}, {dt.date(2026, 1, 1): 1}, {Colour.RED: 1}, deque([1, 2]),
        [decimal.Decimal("1.10")], ["\ud800"], [2**64], [2**200], [-(2**63)], b"raw",
        bytearray(b"b"), None, "text", 5, [], [[]], {}, [b"1", "2"], [[float("inf")]], dt.UTC,
        [dt.timedelta(1), dt.time(1, 2)], object(), [object()],
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_applications_keep(value: Any) -> None:
    """Types of LangGraph, of Python, of numpy and pydantic, and what cannot be written."""
    the_same(value)


NUMBER = st.floats() | st.integers(-(2**63), 2**64 - 1) | st.text(min_size=8, max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(), min_size=64, max_size=90), st.integers(0, 63), NUMBER | ODD)
def test_what_hides_among_floats(values: list[Any], place: int, other: Any) -> None:
    """A list of floats, alone and in lists, with another value somewhere in it."""
    the_same(values)
    the_same([values, [], values[:3]])
    values[place] = other
    the_same(values)
    the_same([[1.5] * 64, values])


@pytest.mark.parametrize(
    "values",
    [
        [1.5] * 64 + [np.float64(2.5)] + [1.0], [[0.5] * 80] * 3 + [(0.5,) * 80], [[0.5] * 80, [1]],
        [[0.5] * 80, {"a": 1.0}], [0.5] * 70_000, [[0.5] * 64] * 20, [[0.5] * 64, [[0.5] * 64]],
        [1.0] + ["12345678"] * 64 + [2.0], [1.0] + [2**40] * 64 + [2.0], [True, *[1.0] * 80],
    ],
)  # fmt: skip
def test_lists_that_look_like_floats(values: Any) -> None:
    """Values of as many bytes as a float, subclasses of float, tuples, maps."""
    the_same(values)


def test_deep_lists() -> None:
    """Deeper than one library goes, the other decides."""
    value: Any = []
    for _ in range(600):
        value = [value]
    the_same(value)


def test_the_same_types_may_be_loaded() -> None:
    """Strict mode blocks what LangGraph's own blocks."""
    strict: Any = {"allowed_msgpack_modules": None}
    typed = OWN.dumps_typed([Order(1, "x")])
    assert MsgspecSerializer(**strict).loads_typed(typed) == [{"number": 1, "text": "x"}]
    allowed = MsgspecSerializer(**strict).with_msgpack_allowlist([Order])
    assert isinstance(allowed, MsgspecSerializer)
    assert allowed.loads_typed(typed) == [Order(1, "x")]


def test_damaged_bytes_raise_as_before() -> None:
    """The error is LangGraph's."""
    for bad in (b"\xc1", b"\x92\x01", b"", b"\x01\x02"):
        errors = []
        for serializer in (OWN, OURS):
            try:
                errors.append(repr(serializer.loads_typed(("msgpack", bad))))
            except Exception as error:
                errors.append(type(error).__name__)
        assert errors[0] == errors[1]
