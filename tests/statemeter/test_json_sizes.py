"""Sizes read off JSON are those of its parts, serialized one by one."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.redis.jsonplus_redis import JsonPlusRedisSerializer
from langgraph.types import Interrupt, Send

from statemeter import json_sizes

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


def document(**values: Any) -> bytes:
    """A checkpoint as RedisSaver's serializer writes it."""
    checkpoint = {"v": 4, "id": "1", "channel_values": values, "versions_seen": {"n": {"x": 1}}}
    tag, blob = JsonPlusRedisSerializer().dumps_typed(
        checkpoint | {"channel_versions": dict.fromkeys(values, "1")}
    )
    assert tag == "json"
    return blob


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES))
def test_channels_have_the_bytes_of_their_values(values: dict[str, Any]) -> None:
    """Whatever the values are."""
    measured = json_sizes.measure_document(document(**values))
    assert measured is not None
    assert measured.channels == {name: len(orjson.dumps(v)) for name, v in values.items()}


def test_bookkeeping_is_told_apart() -> None:
    """Both of LangGraph's notes with their keys."""
    measured = json_sizes.measure_document(document(x=1, y=2))
    assert measured is not None
    notes = b'"channel_versions":{"x":"1","y":"1"}' + b'"versions_seen":{"n":{"x":1}}'
    assert measured.bookkeeping_bytes == len(notes)


def test_elements_of_lists_are_named() -> None:
    """The number of elements, and the largest with their classes, largest first."""
    messages = [HumanMessage("a"), AIMessage("b" * 500), "c" * 300, {"d": "d" * 100}, 1]
    blob = document(messages=messages, other=[1])
    measured = json_sizes.measure_document(blob, ["messages", "missing"])
    assert measured is not None
    assert list(measured.lists) == ["messages"]
    count, largest = measured.lists["messages"]
    assert count == 5
    assert [(index, kind) for index, kind, _ in largest] == [
        (1, "AIMessage"), (2, "str"), (0, "HumanMessage"),
    ]  # fmt: skip
    assert largest[1][2] == 302


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "None"), (True, "bool"), (False, "bool"), (-12, "int"), (1.5, "float"),
        (1e300, "float"), ("text", "str"), ([], "list"), ({}, "map"), ({"lc": "x"}, "map"),
        ({"id": ["a", "B"]}, "map"), ({"lc": 1, "id": []}, "map"),
        (HumanMessage("x"), "HumanMessage"), ({1, 2}, "set"),
        (Send("node", 1), "map"), (Interrupt("x"), "map"),
    ],
)  # fmt: skip
def test_kinds(value: Any, kind: str) -> None:
    """By the names that msgpack's values have; objects by their class."""
    _, blob = JsonPlusRedisSerializer().dumps_typed([value])
    assert json_sizes.type_name(blob[1:-1]) == kind


@pytest.mark.parametrize(
    "blob", [b"", b"[]", b"{}", b"{", b'{"channel_values":{"a":1}}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_checkpoint_has_no_sizes(blob: bytes) -> None:
    """Damage and other JSON give None, not an error."""
    assert json_sizes.measure_document(blob) is None


@pytest.mark.parametrize("blob", [b"", b"{}", b'"x"', b"[1,", b"1"])
def test_what_is_no_list_has_no_elements(blob: bytes) -> None:
    """Damage and other values give None."""
    assert json_sizes.measure_list(blob) is None


def test_an_empty_list_is_one() -> None:
    """It has no elements."""
    assert json_sizes.measure_list(b"[]") == (0, [])
