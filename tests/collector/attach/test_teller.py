"""What a reader tells, in the spool: whole, in order, and never more than there is room for."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from collector.attach import teller as tellers
from collector.attach.teller import Stopped, Teller
from collector.records import take
from statemeter import settings
from statemeter.events import RECORD_MAX_BYTES, Gauges, Process, Removal, Seal
from tests.collector.live import wait_for

KEY = "0123456789ab"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def made(spool: Path, stop: threading.Event | None = None) -> Teller:
    """A teller that introduces nothing but its process."""
    return Teller(spool, KEY, "chat", (stop or threading.Event()).is_set)


def told(spool: Path) -> list[object]:
    """All events in the segments, in order."""
    found: list[object] = []
    for path in sorted(spool.glob("*.spool")):
        data = path.read_bytes()
        items, bad, _ = take(data[: data.rfind(b"\n") + 1], 1_000_000)
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


def test_it_waits_for_room_and_drops_nothing(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than may wait: nothing is written until what was told is stored; then it goes on. A
    reader that is to end does so while it waits."""
    monkeypatch.setattr(tellers, "WAITING_BYTES", 20_000)
    stop = threading.Event()
    teller = made(spool, stop)

    def tell() -> None:
        try:
            for number in range(1_000):
                teller.tell("gauges", KEY, {f"name {n}": number for n in range(20)})
                teller.flush()
        except Stopped:
            pass

    def is_full() -> bool:
        events = told(spool)
        full = tellers.spool_size(spool) >= 20_000
        return full and bool(events) and isinstance(events[-1], Seal)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    seen: set[int] = set()
    for _ in range(5):
        wait_for(is_full, "a full spool, its last segment sealed")
        assert tellers.spool_size(spool) < 20_000 + 2_000
        seen |= {event.seq for event in told(spool)}  # type: ignore[attr-defined]
        for path in spool.glob("*.spool"):
            path.unlink()  # as the collector does with what is stored
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert seen == set(range(1, max(seen) + 1))
    assert len(seen) > 100


def test_probes_keep_their_room(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While others fill half of the spool, a reader writes nothing."""
    monkeypatch.setenv("STATEMETER_SPOOL_MB", "1")
    other = spool / f"{'f' * 32}-000001.v1.spool"
    other.write_bytes(b"x" * (settings.MB // 2))
    teller = made(spool)
    teller.tell("gauges", KEY, {})
    thread = threading.Thread(target=teller.flush, daemon=True)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    assert list(spool.glob(f"{KEY}*")) == []
    other.unlink()
    thread.join(30)
    assert len(told(spool)) == 2
