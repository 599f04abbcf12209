"""Memory by line of a function, against the sizes that Python says."""

from __future__ import annotations

import inspect
import sys
import tracemalloc

from statemeter.line_call import Call

TURNS = 500


def keeping() -> list[bytes]:
    kept = []
    for _ in range(TURNS):
        kept.append(bytes(100))
    return kept


def test_each_turn_of_a_line_is_exact() -> None:
    """A line reached often: nothing of the look itself is added to it or taken from it."""
    call = Call(keeping.__code__)
    assert call.claim()
    call.begin()
    kept = keeping()
    call.end(None)
    tracemalloc.stop()
    source, first = inspect.getsourcelines(keeping)
    lines = {text.strip(): first + number for number, text in enumerate(source)}
    size = sum(map(sys.getsizeof, kept)) + sys.getsizeof(kept) - sys.getsizeof([])
    line = lines["kept.append(bytes(100))"]
    assert call.hits[line] == TURNS
    assert abs(call.change[line] - size) < 200
    assert abs(call.change[lines["for _ in range(TURNS):"]]) < 200
