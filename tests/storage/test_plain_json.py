"""Plain values made small enough to look at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from storage.plain_json import DEEPEST, kind_of, reduced
from storage.plain_text import left_out
from tests.storage.test_differences import VALUES, message


def nodes(value: Any) -> int:
    """Values in a tree."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(nodes, inner))


@given(VALUES)
def test_json_takes_it(value: Any) -> None:
    """Whatever comes, a browser gets JSON of the size that was asked for."""
    json.dumps(reduced(value)).encode("utf-8")
    assert nodes(reduced(value, nodes=5)) <= 5 + 4 * DEEPEST


def test_a_small_value_stays_as_it_is() -> None:
    """Nothing is lost where nothing is too much."""
    value = {"a": [1, 1.5, True, None, "text\nmore"], "b": {}, "c": []}
    assert reduced(value) == value


def test_an_object_has_its_fields_beside_its_type() -> None:
    """So that one opens one level less; a type of its own inside stays inside."""
    made = reduced(message(1))
    assert made == {
        "__type__": "langchain_core.messages.human.HumanMessage",
        "content": "text 1",
        "id": "id-1",
    }
    when = {"__type__": "datetime.datetime", "value": "2026-01-01T00:00:00"}
    assert reduced(when) == when
    assert reduced({"__type__": "m.Box", "value": when}) == {"__type__": "m.Box", "value": when}


def test_what_is_left_out_is_told() -> None:
    """By how many elements, keys and characters, and by what the viewer left out before."""
    assert reduced([1] * 10, nodes=5)[-1] == "… 6 more elements"
    assert reduced({str(n): n for n in range(10)}, nodes=5)["…"] == "6 more keys"
    assert reduced("x" * 30, characters=20) == "x" * 20 + "… +10 characters"
    cut = {"__type__": "list", "value": [1], "cut": 12_000}
    assert reduced(cut) == {"__type__": "list", "value": [1], "…": "12,000 left out"}
    assert left_out(-1) == "the rest left out"


def test_deep_values() -> None:
    """What is nested deeper than anybody opens is a line."""
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    made = reduced(value)
    for _ in range(DEEPEST):
        (made,) = made
    assert made == f"… nested deeper than {DEEPEST} levels"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "nothing"),
        (True, "boolean"),
        ([1] * 1200, "list of 1,200"),
        ({"a": 1}, "mapping of 1"),
        (message(1), "HumanMessage"),
        ("text", "text"),
        (1.5, "number"),
    ],
)
def test_what_a_value_is(value: Any, told: str) -> None:
    """In words that fit a line."""
    assert kind_of(value) == told


def test_nothing_is_hidden() -> None:
    """Controls and marks of direction are seen, in keys and in text."""
    assert reduced({"a\u202eb": "\x1b[2J"}) == {"a\\u202eb": "\\x1b[2J"}
