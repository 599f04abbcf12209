"""A difference as lines to read."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given

from storage import difference_lines
from storage.difference_lines import AROUND, OF_ALL, OF_ONE, Line, told
from storage.plain_text import LONGEST_LINE, Piece, visible
from tests.storage.test_differences import VALUES, message


def text(before: Any, after: Any) -> list[str]:
    """The lines as one would print them."""
    return [f"{line.kind}{line.text}" for line in told(before, after).lines]


def test_the_sample() -> None:
    """Keys and elements with what is around them, as the page shows them."""
    before = {"plan": ["lookup"], "retries": 0, "summary": None, "x": 1.5}
    after = {"plan": ["lookup", "answer"], "retries": 1, "summary": "It's 8812", "x": 1.5}
    assert text(before, after) == [
        " {",
        '   "plan": [',
        '     "lookup",',
        '+    "answer"',
        "   ],",
        '-  "retries": 0,',
        '+  "retries": 1,',
        '-  "summary": null,',
        '+  "summary": "It\'s 8812",',
        '   "x": 1.5',
        " }",
    ]


def test_what_is_far_away_is_folded() -> None:
    """Three lines stand on either side of a change; the fold counts the rest and says where."""
    messages = [message(number) for number in range(100)]
    before = {"messages": messages, "turn": 1}
    after = {"messages": [*messages[:50], message(1000), *messages[50:]], "turn": 1}
    lines = told(before, after).lines
    kinds = "".join(line.kind[0] for line in lines)
    assert kinds == "f" + " " * AROUND + "++++" + " " * AROUND + "f"
    assert lines[0].text == "199 unchanged lines · messages › 50"
    assert lines[4] == Line("+", "    HumanMessage {")
    assert lines[-1].text == "200 unchanged lines"


def test_nothing_differs() -> None:
    """Then there is no line at all."""
    assert told({"a": [1]}, {"a": [1]}) == ([], False, 0)


def squeezed(lines: Iterable[str]) -> str:
    """Lines in one, without what depends on their place."""
    return re.sub(r"[\s,]", "", "".join(lines))


@given(VALUES, VALUES)
def test_the_lines_hold_both_values(before: Any, after: Any) -> None:
    """With nothing left out, what is the same and removed is the first value, so the second."""
    with pytest.MonkeyPatch.context() as patch:
        for bound in ("AROUND", "OF_ONE", "OF_ALL"):
            patch.setattr(difference_lines, bound, 10**6)
        lines, _, cut = told(before, after)
    assert cut == 0
    if any('"class": ' in line.text for line in lines) or not lines:
        return
    assert {line.kind for line in lines} <= {" ", "+", "-"}
    first, second = (
        squeezed(line.text for line in lines if line.kind in kinds) for kinds in (" -", " +")
    )
    assert first == squeezed(Piece(before).lines())
    assert sorted(second) == sorted(squeezed(Piece(after).lines()))  # new keys come last


@given(VALUES)
def test_a_value_backwards(value: Any) -> None:
    """From its end a value has the same lines, and as many as are counted."""
    piece = Piece(value, 1, "label: ", ",")
    forwards = list(piece.lines())
    assert list(piece.lines(back=True)) == forwards[::-1]
    assert piece.count() == len(forwards)


def test_a_large_value_is_cut() -> None:
    """Of what was added or removed the start is shown, and the rest counted."""
    found = told({"a": 1}, {"a": 1, "b": list(range(1000))})
    added = [line for line in found.lines if line.kind == "+"]
    assert len(added) == OF_ONE - 1
    assert Line("cut", f"{1002 - len(added)} more lines added") in found.lines
    assert found.cut == 1002 - len(added)


def test_a_large_difference_is_cut() -> None:
    """Whatever differs, the page stays readable and says what it left out."""
    before, after = (
        {f"key {n}": {"a": n + more} for n in range(20_000)} for more in (0, 1_000_000)
    )
    found = told(before, after)
    assert len(found.lines) <= OF_ALL + 2 * AROUND + 2
    shown = sum(line.kind in "+-" for line in found.lines)
    assert found.cut + shown == 40_000
    assert found.lines[-1] == Line("cut", f"{found.cut:,} more lines differ")


def test_long_lines_begin_where_they_differ() -> None:
    """Of a long text of one line the place is shown at which it differs."""
    start, end = "s" * 5000, "e" * 5000
    removed, added = (
        line for line in told(start + "old" + end, start + "new" + end).lines if line.kind in "+-"
    )
    assert "old" in removed.text
    assert "new" in added.text
    assert "4,960 characters" in added.text
    assert max(len(removed.text), len(added.text)) < LONGEST_LINE + 50


def test_a_class_of_the_same_name_is_told_apart() -> None:
    """Where two classes differ by their modules only, the lines say them whole."""
    before, after = ({"__type__": f"{name}.Note", "value": {"a": 1}} for name in "mn")
    lines = text({"x": before}, {"x": after})
    assert '-    "class": "m.Note",' in lines
    assert '+    "class": "n.Note",' in lines


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\x00b", "a\\x00b"),
        ("abc\u202edef", "abc\\u202edef"),
        ("\ud800", "\\ud800"),
        ("a\r\u2028b", "a\\x0d\\u2028b"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("שלום", "שלום"),
    ],
)
def test_nothing_is_hidden(hostile: str, shown: str) -> None:
    """Controls and marks of direction are seen, in keys, values and lines; others stay."""
    assert visible(hostile) == shown
    lines = text({hostile: hostile + "\n1"}, {hostile: hostile + "\n2"})
    assert all(visible(line) == line for line in lines)
    "\n".join(lines).encode("utf-8")


def test_deep_values() -> None:
    """What is nested deeper than anybody reads is one line."""
    before: Any = 1
    for _ in range(100_000):
        before = [before]
    lines = text(before, 2)
    assert any("nested deeper" in line for line in lines) or any("more lines" in x for x in lines)


def test_random_states_stay_small() -> None:
    """A state of 5 MB in which everything moved gives a page of lines."""
    chance = random.Random(3)
    before = {"messages": [message(n, "word " * 150) for n in range(5000)]}
    after = {"messages": chance.sample(before["messages"], 5000)}
    found = told(before, after)
    assert len(found.lines) < OF_ALL + 50
    assert found.cut > 0
