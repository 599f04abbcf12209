"""Where the reader of a server goes on."""

from __future__ import annotations

import time
import uuid

import pytest
from langgraph.checkpoint.base.id import uuid6

from collector.attach import cursors, times
from collector.attach.cursors import Cursor
from collector.held import is_time_ordered


def test_a_cursor_comes_back_as_it_was() -> None:
    """Place and mark; without a place, the first pass is done."""
    mark = str(uuid6())
    for key in (["a", "ns", "1"], [], None):
        again = Cursor.of(Cursor(key, mark).text())
        assert (again.key, again.mark) == (key, mark)


@pytest.mark.parametrize("text", ["", "damaged", "[1]", '["x", "y"]'])
def test_the_beginning(text: str) -> None:
    """Of no cursor and of a damaged one: the first pass, and what is new since some minutes."""
    begin = Cursor.of(text)
    assert begin.key == []
    age = time.time() - times.of_checkpoint(begin.mark) / 1e6
    assert cursors.FIRST_MARGIN_SECONDS <= age < cursors.FIRST_MARGIN_SECONDS + 60


def test_a_long_place_is_not_told() -> None:
    """The cursor before it is; threads may have any name."""
    at = Cursor(["short"], str(uuid6()))
    known = at.text()
    at.key = ["long" * 1000]
    assert at.text() == known
    at.key = None
    assert Cursor.of(at.text()).key is None


def test_ids_sort_by_their_time() -> None:
    """The smallest id of a time lies between ids made before and after it."""
    made = str(uuid6())
    seconds = times.of_checkpoint(made) / 1e6
    assert cursors.id_at(seconds - 0.001) < made < cursors.id_at(seconds + 0.001)
    assert is_time_ordered(cursors.id_at(seconds))
    assert times.of_checkpoint(cursors.id_at(seconds)) == pytest.approx(seconds * 1e6, abs=1)
    earlier = times.of_checkpoint(made) - times.of_checkpoint(cursors.earlier(made, 60))
    assert earlier == 60_000_000


def test_the_newest_id() -> None:
    """Only ids that are ordered by time count, and none from the future."""
    mark, next_ = str(uuid6()), str(uuid6())
    assert cursors.newest(mark, next_) == next_
    assert cursors.newest(next_, mark) == next_
    for odd in ("zzz", str(uuid.uuid4()), "1f1e7b5c-zzzz-6b8d-bfff-16f5d632c97d"):
        assert cursors.newest(mark, odd) == mark
    future = cursors.id_at(time.time() + 1e6)
    assert mark <= cursors.newest(mark, future) < future
