"""Which pending writes a backend keeps, by the rules of its saver."""

from __future__ import annotations

import pytest

from collector.held import Entry

ERROR = "__error__"
"""A special channel: its writes have an index of their own."""


@pytest.mark.parametrize(
    ("backend", "positional", "special", "mixed"),
    [
        ("sqlite", 10, 99, 10),
        ("postgres", 10, 99, 10),
        ("mongodb", 10, 99, 10),
        ("memory", 10, 99, 99),
        ("valkey", 10, 99, 99),
        ("redis", 99, 99, 99),
    ],
)
def test_a_repeated_write(backend: str, positional: int, special: int, mixed: int) -> None:
    """What is held after 10 bytes and then 99 were written, to a channel, to a special one, and to
    a special one beside another."""

    def held(first: list[tuple[str, int]], again: list[tuple[str, int]]) -> int:
        entry = Entry()
        stored = entry.add_writes("task", first, backend)
        stored += entry.add_writes("task", again, backend)
        assert stored == entry.write_bytes
        return stored

    assert held([("a", 10)], [("a", 99)]) == positional
    assert held([(ERROR, 10)], [(ERROR, 99)]) == special
    beside = ("a", 0)
    assert held([(ERROR, 10), beside], [(ERROR, 99), beside]) == mixed


def test_tasks_and_positions_are_apart() -> None:
    """Each task has its own writes, each write its own place."""
    entry = Entry()
    for task in ("one", "two"):
        entry.add_writes(task, [("a", 1), ("a", 2), (ERROR, 4)], "redis")
    assert entry.write_bytes == 14
