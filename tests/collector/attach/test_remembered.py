"""What was told of late is remembered, within bounds."""

from __future__ import annotations

from collector.attach.remembered import Remembered


def test_the_newest_are_kept() -> None:
    """The one that was set longest ago makes room; setting it again makes it new."""
    known: Remembered[str, int] = Remembered(2)
    known["a"], known["b"] = 1, 2
    known["a"] = 3
    known["c"] = 4
    assert known.items() == [("a", 3), ("c", 4)]
    assert "b" not in known
    assert (known.get("b"), known.get("a")) == (None, 3)
