"""The probe's queue and thread: what is lost is counted, and what waits arrives."""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import statemeter
from statemeter import calls, events, faults, graphs, probe
from tests.conftest import StartChild
from tests.statemeter.graphs import chat, single, thread
from tests.statemeter.spooled import Spooled, read, segments
from tests.statemeter.test_savers import put
from tests.statemeter.test_spool import files_end_at, good

HELLO = {"messages": [("user", "hello")]}
DAY_NS = 86_400 * 1_000_000_000


def restart(**attributes: Any) -> probe.Probe:
    """The probe of the test begins again with other settings; before its first event."""
    target = probe.get()
    for name, value in attributes.items():
        setattr(target, name, value)
    target.begin()
    return target


def read_times(saver: Any, count: int) -> None:
    for number in range(count):
        saver.get_tuple(thread(f"t{number}"))


@pytest.mark.parametrize("limit", [1, 50, 400])
def test_the_oldest_events_are_dropped_and_counted(limit: int, spool: Spooled) -> None:
    """While the spool cannot be written the newest wait in a bounded queue; others are counted."""
    restart(queue_events=limit)
    spool.folder.parent.mkdir(parents=True)
    spool.folder.write_text("in the way")
    saver = statemeter.instrument(InMemorySaver())
    read_times(saver, 500)
    assert not statemeter.flush()
    assert statemeter.stats()["problem"] == "spool_unwritable"
    spool.folder.unlink()
    told = [event.thread for event in spool.of(events.Read)]
    assert told == [f"t{number}" for number in range(500 - limit, 500)]
    stats = statemeter.stats()
    assert sum(stats["dropped"].values()) + len(told) == stats["emitted"] == 501
    assert stats["problem"] == ""


def test_every_event_is_told_or_counted(spool: Spooled) -> None:
    """A queue too small for its load loses some: told and dropped are all that was taken."""
    restart(queue_events=20, flush_seconds=0.01)
    saver = statemeter.instrument(InMemorySaver())
    for _ in range(20):
        read_times(saver, 100)
        time.sleep(0.002)
    told = spool.of(events.Read)
    stats = statemeter.stats()
    assert stats["emitted"] == 2001
    # One event is that of the saver: told where it was not dropped.
    lost = sum(stats["dropped"].values())
    assert 2000 <= len(told) + lost <= 2001
    assert set(stats["dropped"]) <= {"queue_full"}
    assert lost > 0


def test_a_child_has_an_incarnation_of_its_own_whatever_fails(
    spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that cannot be turned off in a forked child is a fault there; the child begins anew,
    with an empty queue and the gauges set back."""
    target = probe.get()
    saver = statemeter.instrument(InMemorySaver())
    read_times(saver, 3)
    before, looks = target.incarnation, target.control.looks
    monkeypatch.setattr(looks, "after_fork", fail)
    begun: list[str] = []
    monkeypatch.setattr(target.gauges, "after_fork", lambda: begun.append(target.incarnation))
    thread_before = target._thread
    wake = target._wake
    target._after_fork()
    assert target.incarnation != before
    assert begun == [target.incarnation]
    assert target.emitted == 0
    assert faults.total() == 1
    faults.reset()
    wake.set()  # here, where nothing was forked, the parent's thread goes on
    assert thread_before is not None
    thread_before.join()


def fail() -> None:
    raise OSError("no")


def test_a_record_too_long_is_cut_or_counted(spool: Spooled) -> None:
    """Names are cut first; what is too long even then is dropped, counted, and harms no other."""
    saver = statemeter.instrument(InMemorySaver())
    config = put(saver, thread("x" * 200_000, checkpoint_ns=""), a=1)
    put(saver, thread("long step", checkpoint_ns=""), a=1)
    saver.put_writes(config, [("é" * 300 + str(n), 1) for n in range(3000)], "task")
    saver.get_tuple(thread("after"))
    told = spool.told()
    assert [type(event).__name__ for event in told] == ["Put", "Put", "Read"]
    assert told[0].thread.startswith("x" * 500)
    assert len(told[0].thread) < 600
    assert statemeter.stats()["dropped"] == {"too_long": 1}


def test_a_full_disk_loses_nothing(spool: Spooled, caplog: pytest.LogCaptureFixture) -> None:
    """Events wait until there is room; the torn record stands alone and is written again."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke(HELLO, thread("1"))
    assert statemeter.flush()
    (path,) = spool.folder.glob("*.spool")
    for number in range(2, 6):
        with files_end_at(path.stat().st_size + 150):
            graph.invoke(HELLO, thread(str(number)))
            assert not statemeter.flush()
            assert statemeter.stats()["problem"] == "spool_unwritable"
    assert statemeter.flush()
    told = [events.decode(line[9:]) for line in good(path)]
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    runs = [event.thread for event in told if isinstance(event, events.Run)]
    assert runs == ["1", "2", "3", "4", "5"]
    assert statemeter.stats()["dropped"] == {}
    warnings = [record for record in caplog.records if record.name == "statemeter"]
    assert "STATEMETER_SPOOL" in warnings[0].getMessage()
    assert str(spool.folder) in warnings[0].getMessage()


def test_a_full_spool_is_told_and_waits(spool: Spooled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond STATEMETER_SPOOL_MB the probe waits for the collector; nothing is dropped at once."""
    monkeypatch.setenv("STATEMETER_SEGMENT_MB", "0.01")
    monkeypatch.setenv("STATEMETER_SPOOL_MB", "0.03")
    restart()
    graph = statemeter.instrument(chat(InMemorySaver()))
    for number in range(40):
        graph.invoke(HELLO, thread(str(number)))
        statemeter.flush()
    assert statemeter.stats()["problem"] == "spool_full"
    sizes = [path.stat().st_size for path in spool.folder.glob("*.spool")]
    assert sum(sizes) < 60_000
    kept: list[Any] = []
    while not statemeter.flush():  # a collector reads what is sealed, and deletes it
        for path in sorted(spool.folder.glob("*.spool")):
            kept += [events.decode(line[9:]) for line in good(path)]
            path.unlink()
    kept += [
        events.decode(line[9:])
        for path in sorted(spool.folder.glob("*.spool"))
        for line in good(path)
    ]
    assert [event.seq for event in kept] == list(range(1, len(kept) + 1))
    runs = [event.thread for event in kept if isinstance(event, events.Run)]
    assert runs == [str(number) for number in range(40)]


def test_each_segment_introduces_the_process(
    spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment can be read without those before it: who wrote it, on which saver; sealed."""
    monkeypatch.setenv("STATEMETER_SEGMENT_MB", "0.01")
    monkeypatch.setenv("STATEMETER_APP", "the app")
    target = restart(application="the app")
    graph = statemeter.instrument(chat(InMemorySaver()))
    for number in range(20):
        graph.invoke(HELLO, thread(str(number)))
        statemeter.flush()
    spool.events()
    (paths,) = segments(spool.folder).values()
    assert len(paths) == statemeter.stats()["segments"] > 2
    for number, path in enumerate(paths):
        told = [events.decode(line[9:]) for line in good(path)]
        process, saver = told[:2]
        assert isinstance(process, events.Process)
        assert isinstance(saver, events.Saver)
        assert (process.application, process.pid) == ("the app", os.getpid())
        assert 0 < process.started_us < time.time_ns() // 1000
        assert process.langgraph
        assert saver.backend == "memory"
        sealed = isinstance(told[-1], events.Seal)
        assert sealed == (number < len(paths) - 1)
        assert not sealed or told[-1].final == 0
    assert target.incarnation == paths[0].name[:32]


def test_a_spool_removed_while_open_is_made_again(spool: Spooled) -> None:
    """A new segment follows, numbered on: the gap proves what went with the old one."""
    target = probe.get()
    graph = statemeter.instrument(chat(InMemorySaver()))
    graph.invoke(HELLO, thread("before"))
    last = spool.events()[-1].seq
    for path in spool.folder.glob("*.spool"):
        path.unlink()
    spool.folder.rmdir()
    with target._lock:
        target._next_sample = 0.0
        target._tick()
    graph.invoke(HELLO, thread("after"))
    assert statemeter.flush()
    (path,) = spool.folder.glob("*.spool")
    assert "-000002." in path.name
    told = [events.decode(line[9:]) for line in good(path)]
    assert [event.seq for event in told] == list(range(told[0].seq, told[0].seq + len(told)))
    assert told[0].seq > last
    assert "after" in {event.thread for event in told if isinstance(event, events.Run)}


def test_a_clock_that_jumps_makes_no_negative_time(
    spool: Spooled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wall clock may be set; durations come from the monotonic one."""
    graph = statemeter.instrument(chat(InMemorySaver()))
    jumps = [0]

    def jumping() -> int:
        jumps.append(-jumps[-1] or DAY_NS)
        return time.time_ns() + jumps[-1]

    monkeypatch.setattr(calls, "wall", jumping)
    monkeypatch.setattr(graphs, "wall", jumping)
    for _ in range(3):
        graph.invoke(HELLO, thread())
    list(graph.get_state_history(thread()))
    told = spool.told()
    assert max(e.at_us for e in told) - min(e.at_us for e in told) > DAY_NS // 1000
    assert all(event.duration_us >= 0 for event in told)
    assert all(event.duration_us < DAY_NS // 1000 for event in told)
    assert statemeter.stats()["dropped"] == {}


def test_the_process_is_sampled(spool: Spooled) -> None:
    """Memory, processor time and threads, and what the probe itself did."""
    statemeter.instrument(chat(InMemorySaver())).invoke(HELLO, thread())
    target = probe.get()
    with target._lock:
        target._next_sample = 0.0
        target._tick()
    sample = spool.of(events.Sample)[-1]
    assert sample.rss_bytes > 10_000_000
    assert sample.cpu_us > 0
    assert sample.threads >= 2
    assert sample.emitted >= 8
    assert (sample.dropped, sample.failures) == ({}, 0)


def test_the_thread_writes_by_itself(spool: Spooled) -> None:
    """Nobody has to flush: events are on the disk after STATEMETER_FLUSH_SECONDS."""
    statemeter.instrument(chat(InMemorySaver())).invoke(HELLO, thread())
    deadline = time.monotonic() + 60
    told: list[Any] = []
    while not [event for event in told if isinstance(event, events.Run)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
        told = [
            events.decode(line[9:])
            for paths in segments(spool.folder).values()
            for line in good(paths[0])
        ]


def test_no_content_leaves_the_application(spool: Spooled) -> None:
    """Prompts, values, arguments, metadata and texts of exceptions are in no byte of the spool."""
    secrets = [f"secret-{number}-{os.urandom(8).hex()}" for number in range(7)]
    prompt, value, inside, cause, setting, pending, tag = secrets

    def node(state: dict[str, Any]) -> dict[str, Any]:
        if state.get("other") == "fail":
            raise ValueError(cause)
        return {"value": {"inside": [inside]}, "found": [{"type": "tool", "arguments": value}]}

    graph = statemeter.instrument(single(node, InMemorySaver()))
    config = thread(setting=setting) | {"metadata": {"note": tag}, "tags": [tag]}
    graph.invoke({"found": [prompt, [value]]}, config)
    with pytest.raises(ValueError, match=cause):
        graph.invoke({"other": "fail"}, config)
    graph.update_state(thread(), {"value": pending})
    list(graph.get_state_history(thread(), filter={"note": tag}))
    talking = statemeter.instrument(chat(InMemorySaver()))
    talking.invoke({"messages": [("user", prompt)]}, thread())
    content = spool.content()
    assert len(content) > 3000
    assert [secret for secret in secrets if secret.encode() in content] == []
    assert b"channel_versions" not in content


def test_a_spool_without_the_right_to_write(start_child: StartChild, tmp_path: Path) -> None:
    """The graph runs, one warning names the folder and the fix, the end comes without a trace."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    child = start_child("-m", "tests.statemeter.ending", "unprivileged", str(folder))
    assert child.wait(60) == 0
    log = child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    assert log.count("\n") == 1
    assert f"cannot write to the spool {folder}" in log
    assert "Set" not in log.split("your graph is not affected")[0]
    assert "STATEMETER_SPOOL" in log
    assert list(folder.glob("*.spool")) == []


def test_times_of_events_are_those_of_the_wall(spool: Spooled) -> None:
    """at_us is the time of day at the start of what is told, in µs of UTC."""
    before = time.time_ns() // 1000
    statemeter.instrument(chat(InMemorySaver())).invoke(HELLO, thread())
    after = time.time_ns() // 1000
    told = spool.told()
    assert all(before <= event.at_us <= after for event in told)
    day = datetime.datetime.fromtimestamp(told[0].at_us / 1e6, datetime.UTC)
    assert abs(day - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(days=1)
    assert read(segments(spool.folder)[statemeter.stats()["incarnation"]])
