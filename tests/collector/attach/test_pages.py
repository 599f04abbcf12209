"""How much of a server is asked at once."""

from __future__ import annotations

from collector.attach.pages import Pages
from collector.attach.source import BATCH_BYTES


def test_a_page_grows_until_it_takes_its_time() -> None:
    """Twofold at most each time, and never beyond the most."""
    pages = Pages(most=100, seconds=0.1)
    grown = []
    for _ in range(5):
        pages.took(0.01)
        grown.append(pages.rows)
    assert grown == [40, 80, 100, 100, 100]


def test_a_slow_or_large_page_is_followed_by_a_smaller_one() -> None:
    """By what it took too long, or was too large; one row is the least."""
    pages = Pages(most=100, seconds=0.1)
    pages.took(0.2)
    assert pages.rows == 10
    pages.took(0.001, 2 * BATCH_BYTES)
    assert pages.rows == 5
    pages.took(60.0)
    pages.took(60.0)
    assert pages.rows == 1


def test_a_page_that_was_not_answered() -> None:
    """Less is asked for, until there is no less."""
    pages = Pages()
    assert pages.shrink()
    assert pages.rows < 20
    while pages.shrink():
        pass
    assert pages.rows == 1
