"""The halves of the tour: what the store has of both, and what is not known is not zero."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import pytest

from storage import tours
from storage.store import open_reader
from storage.tours import Half
from tests.sqlite_files import opened
from tests.storage import seed_tour
from tests.storage.seed_tour import RSS, RUNS, stored_by_run

NOW_US = time.time_ns() // 1000


def halves(store: Path) -> dict[str, Half]:
    engine = open_reader(str(store))
    try:
        return tours.halves(engine)
    finally:
        engine.dispose()


def test_both_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns, bytes, times, memory and findings are those of the rows, worked out by hand."""
    made = seed_tour.played(tmp_path / "store.sqlite", NOW_US, monkeypatch)
    seed_tour.found(tmp_path / "store.sqlite", NOW_US)
    both = halves(tmp_path / "store.sqlite")
    before, after = both["before"], both["after"]
    assert (before.turns, after.turns) == (RUNS, RUNS)
    assert before.turn_us == median(seed_tour.BEFORE_US)
    assert before.bytes_a_turn == made.threads[0]["written_bytes"] / RUNS
    assert list(after.curve) == stored_by_run(made, 2)
    assert after.curve[-1] == made.threads[1]["stored_bytes"]
    # Memory that the process gave back at its end was held.
    assert (before.rss_bytes, before.rss_first_bytes) == (max(RSS), RSS[0])
    assert (after.rss_bytes, after.rss_first_bytes) == (160_000_000, None)
    assert [(one.finding.title, one.state) for one in before.findings] == [
        ("messages grow", "open"), ("It holds much", "resolved"),
    ]  # fmt: skip
    assert after.findings == []
    assert after.looked
    assert before.usd is not None
    assert before.storage_usd is not None
    assert after.storage_usd is not None
    assert before.storage_usd > after.storage_usd


def test_what_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half that has just begun has no turn, no process and no look of the rules."""
    store = tmp_path / "store.sqlite"
    seed_tour.played(store, NOW_US, monkeypatch, ("before",))
    with opened(store) as connection:
        connection.execute("DELETE FROM runs")
    both = halves(store)
    assert both.keys() == {"before"}
    half = both["before"]
    assert (half.turns, half.turn_us, half.bytes_a_turn, half.rss_bytes) == (0, None, None, None)
    assert not half.looked


def test_a_half_of_an_earlier_play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the tour is played again, the tuned half that is there is not its own."""
    store = tmp_path / "store.sqlite"
    seed_tour.played(store, NOW_US, monkeypatch)
    with opened(store) as connection:
        connection.execute("UPDATE threads SET first_seen_us = first_seen_us - 900000000 "
                           "WHERE application = 'tour-after'")  # fmt: skip
    assert halves(store).keys() == {"before"}
