"""What differs between two plain values."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.differences import (
    Added,
    Elements,
    Kept,
    Keys,
    Lines,
    Removed,
    Replaced,
    Same,
    apply,
    difference,
)

WORDS = st.sampled_from(["", "a", "b", "a\nb", "a\nb\nc", "c\nb\n", "x" * 30])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(allow_nan=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
        | st.fixed_dictionaries(
            {"__type__": st.sampled_from(["m.A", "n.A", "m.B"]), "value": inner}
        )
        | st.lists(
            st.fixed_dictionaries({"id": st.sampled_from("1234"), "text": inner}), max_size=6
        )
    ),
    max_leaves=20,
)


def message(number: int, text: str = "") -> dict[str, Any]:
    """A message as the viewer gives it."""
    value = {"content": text or f"text {number}", "id": f"id-{number}"}
    return {"__type__": "langchain_core.messages.human.HumanMessage", "value": value}


def exactly(value: Any) -> Any:
    """A value in which 1, 1.0 and True are not equal, and the order of keys is none."""
    if isinstance(value, dict):
        return {key: exactly(one) for key, one in value.items()}
    if isinstance(value, list):
        return [exactly(one) for one in value]
    return type(value).__name__, value


@given(VALUES, VALUES)
def test_applied_it_gives_the_second_value(before: Any, after: Any) -> None:
    """Whatever the two values are; and nothing differs exactly where they are the same."""
    change = difference(before, after).change
    assert exactly(apply(before, change)) == exactly(after)
    assert isinstance(change, Same) == (exactly(before) == exactly(after))


@pytest.mark.parametrize("seed", range(20))
def test_long_lists_and_texts(seed: int) -> None:
    """The same of lists and texts with many repetitions, where much was moved about."""
    chance = random.Random(seed)
    before = [chance.randrange(60) for _ in range(chance.randrange(400))]
    after = before[:]
    for _ in range(chance.randrange(40)):
        at = chance.randrange(len(after) + 1)
        after[at : at + chance.randrange(6)] = [chance.randrange(60)] * chance.randrange(4)
    assert apply(before, difference(before, after).change) == after
    one, other = ("\n".join(map(str, each)) for each in (before, after))
    assert apply(one, difference(one, other).change) == other


def test_an_inserted_message_is_one_insertion() -> None:
    """However long the list is, and wherever it comes in."""
    before = [message(number) for number in range(200)]
    for at in (0, 100, 200):
        after = [*before[:at], message(1000), *before[at:]]
        change = difference({"messages": before}, {"messages": after}).change
        kept = [Kept(count) for count in (at, 200 - at) if count]
        wanted = sorted([*kept, Added(message(1000))], key=lambda one: isinstance(one, Added))
        assert isinstance(change, Keys)
        ((key, parts),) = change.parts
        assert key == "messages"
        assert isinstance(parts, Elements)
        assert sorted(parts.parts, key=lambda one: isinstance(one, Added)) == wanted


def test_a_changed_message_is_found_by_its_id() -> None:
    """Its content differs and nothing else does, even where another one went before it."""
    before = [message(1), message(2), message(3)]
    change = difference(before, [message(1), message(3, "edited")]).change
    assert isinstance(change, Elements)
    kept, removed, changed = change.parts
    assert (kept, removed) == (Kept(1), Removed(message(2)))
    assert isinstance(changed, Keys)
    assert dict(changed.parts)["value"] == Keys(
        (("content", Replaced("text 3", "edited")), ("id", Same()))
    )


def test_elements_without_ids_are_the_same_ones_where_they_are_alike() -> None:
    """As many before as after, with keys in common: what differs is inside of them."""
    change = difference([{"a": 1, "b": 1}, 5], [{"a": 2, "b": 1}, 5]).change
    inner = Keys((("a", Replaced(1, 2)), ("b", Same())))
    assert change == Elements((inner, Kept(1)))
    assert difference([1], [2]).change == Elements((Removed(1), Added(2)))


def test_text_differs_by_lines() -> None:
    """A line of many is one line; texts without a common one are replaced."""
    change = difference("a\nb\nc", "a\nB\nc").change
    assert change == Lines((Kept(1), Removed("b\n"), Added("B\n"), Kept(1)))
    assert difference("a\nb", "c\nd").change == Replaced("a\nb", "c\nd")
    assert difference("a", "b").change == Replaced("a", "b")


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), (0, False), ([1], [True])])
def test_types_differ(before: Any, after: Any) -> None:
    """What Python calls equal is not the same to a graph."""
    assert not isinstance(difference(before, after).change, Same)


def test_another_class_is_another_value() -> None:
    """Two objects of different classes are not compared key by key."""
    before, after = ({"__type__": name, "value": {"id": "1"}} for name in ("m.A", "m.B"))
    assert difference(before, after).change == Replaced(before, after)


def test_what_is_too_different_is_told_whole() -> None:
    """Beyond the budget nothing is matched, and the difference says so; it holds all the same."""
    chance = random.Random(1)
    before, after = ([chance.randrange(9) for _ in range(5000)] for _ in range(2))
    found = difference(before, after)
    assert found.coarse
    assert apply(before, found.change) == after
    assert not difference(before, before[:-1]).coarse


@pytest.mark.parametrize("depth", [129, 131, 500, 100_000])
def test_deep_values(depth: int) -> None:
    """What is nested deeper than anybody reads is compared as far as it goes, without a fault."""
    before: Any = 1
    after: Any = 2
    for _ in range(depth):
        before, after = [before], [after]
    found = difference(before, after)
    assert found.coarse == (depth > 130)
    made = apply(before, found.change)
    for _ in range(depth):
        (made,) = made
    assert made == 2
