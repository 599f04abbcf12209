"""Which sequence numbers are new, and which are missing."""

from __future__ import annotations

import random

from collector.sequence import Sequence


def test_numbers_in_order_leave_no_gap() -> None:
    sequence = Sequence()
    assert all(sequence.accept(number) for number in range(1, 100))
    assert (sequence.last, sequence.gaps, sequence.take_changes()) == (99, [], {})


def test_duplicate_is_refused() -> None:
    sequence = Sequence(last=10)
    assert not any(sequence.accept(number) for number in range(1, 11))


def test_first_number_above_one_proves_a_loss() -> None:
    sequence = Sequence()
    assert sequence.accept(4)
    assert sequence.gaps == [(1, 3)]


def test_gap_shrinks_and_splits_as_numbers_come_back() -> None:
    """Each change is told once, for the row of the store."""
    sequence = Sequence()
    sequence.accept(10)
    assert sequence.take_changes() == {1: 9}
    assert sequence.accept(5)
    assert sequence.gaps == [(1, 4), (6, 9)]
    assert sequence.take_changes() == {1: 4, 6: 9}
    assert sequence.accept(6)
    assert sequence.take_changes() == {6: None, 7: 9}
    assert not sequence.accept(6)
    for number in (1, 2, 3, 4):
        assert sequence.accept(number)
    assert sequence.gaps == [(7, 9)]
    assert sequence.take_changes()[1] is None


def test_any_order_takes_each_number_once() -> None:
    """Whatever order segments come back in, and however often, after a reload too."""
    chance = random.Random(7)
    for _ in range(50):
        numbers = [*range(1, 60)] * 2
        chance.shuffle(numbers)
        sequence = Sequence()
        rows: dict[int, int] = {}
        taken = []
        for number in numbers:
            if sequence.accept(number):
                taken.append(number)
            for first, last in sequence.take_changes().items():
                rows.pop(first, None)
                if last is not None:
                    rows[first] = last
            if chance.random() < 0.1:
                sequence = Sequence(sequence.last, list(rows.items()))
        assert sorted(taken) == list(range(1, 60))
        assert (sequence.last, sequence.gaps, rows) == (59, [], {})
