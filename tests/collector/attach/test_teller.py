"""What a reader tells, in the spool: whole, in order, and never more than there is room for."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from collector.attach.teller import Teller
from collector.records import take
from statemeter.events import RECORD_MAX_BYTES, Gauges, Process, Removal

KEY = "0123456789ab"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def made(spool: Path, stop: threading.Event | None = None) -> Teller:
    """A teller that introduces nothing but its process."""
    return Teller(spool, KEY, "chat", (stop or threading.Event()).is_set)


def told(spool: Path) -> list[object]:
    """All events in the segments, in order."""
    found: list[object] = []
    for path in sorted(spool.glob("*.spool")):
        items, bad, _ = take(path.read_bytes(), 1_000_000)
        assert not bad
        found += [event for event, _ in items]
    return found


def test_segments_begin_with_who_tells(spool: Path) -> None:
    """Process of its own kind first, then introductions; numbers without a gap over segments; the
    name begins with the key of the database."""
    teller = made(spool)
    teller.introductions = [("resource", KEY, "source", "sqlite", "SqliteSaver", "db")]
    for number in range(3):
        teller.tell("gauges", KEY, {"threads": number})
        teller.flush()
        teller.seal(final=int(number == 2))
    assert len(list(spool.glob(f"{KEY}*.spool"))) == 3
    events = told(spool)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))  # type: ignore[attr-defined]
    processes = [event for event in events if isinstance(event, Process)]
    assert {(one.kind, one.application) for one in processes} == {("attached", "chat")}
    assert [one.values for one in events if isinstance(one, Gauges)] == [
        {"threads": 0}, {"threads": 1}, {"threads": 2},
    ]  # fmt: skip


def test_names_that_no_record_holds_are_cut(spool: Path) -> None:
    """A thread id as long as a record, lone surrogates: cut and replaced, told all the same; what
    cannot be cut is left out without a gap."""
    teller = made(spool)
    for thread in ("x" * RECORD_MAX_BYTES, "\ud800"):
        teller.tell("removal", -1, KEY, "", 0, thread, "", "", "", -1, "", "vanished", [], "")
    many = [f"checkpoint {number} " * 10 for number in range(2_000)]
    teller.tell("removal", -1, KEY, "", 0, "t", "", "", "", -1, "", "vanished", many, "")
    teller.flush()
    removals = [event for event in told(spool) if isinstance(event, Removal)]
    assert [len(event.thread) < 600 for event in removals] == [True, True]
    assert removals[1].thread == "?"
