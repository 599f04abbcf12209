"""However a process ends: nothing printed, its own status, and the spool in order."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from statemeter import events
from tests.conftest import StartChild
from tests.statemeter.spooled import read, segments

IN_ORDER = {
    "normal": (0, ""), "exception": (1, "ValueError: the application's own"), "exit": (3, ""),
    "handled": (4, ""), "SIGINT": (-signal.SIGINT, "KeyboardInterrupt"), "atexit": (0, ""),
    "thread": (0, ""), "stream": (0, ""),
}  # fmt: skip
"""How a process ends in order → its status and the last line of its output."""
AT_ONCE = {"SIGTERM": -signal.SIGTERM, "SIGKILL": -signal.SIGKILL, "os._exit": 5}


def end(start_child: StartChild, how: str) -> tuple[int, str]:
    """Status and output of a process that ends so."""
    child = start_child("-m", "tests.statemeter.ending", how, "-")
    status = child.wait(60)
    return status, child.log_path.read_text("utf-8")  # type: ignore[attr-defined]


def told(folder: Path) -> list[Any]:
    (paths,) = segments(folder / "spool").values()
    return read(paths)


@pytest.mark.parametrize("how", IN_ORDER)
def test_a_process_that_ends_in_order_seals_its_spool(
    how: str, start_child: StartChild, isolated: Path
) -> None:
    """Its status and output are the application's own; every event is there, then the seal."""
    status, log = end(start_child, how)
    assert (status, log.strip().rpartition("\n")[2]) == IN_ORDER[how]
    assert "statemeter/probe.py" not in log
    assert "statemeter:" not in log
    found = told(isolated)
    runs = [event.thread for event in found if isinstance(event, events.Run)]
    assert runs[:5] == ["0", "1", "2", "3", "4"]
    if how in ("atexit", "thread"):
        assert [e.thread for e in found if isinstance(e, events.Read)][-1] == how
    assert isinstance(found[-1], events.Seal)
    assert found[-1].final == 1
    last = next(e for e in reversed(found[:-1]) if not isinstance(e, events.Gauges))
    assert isinstance(last, events.Sample)
    assert last.dropped == {}


@pytest.mark.parametrize("how", AT_ONCE)
def test_a_process_that_is_killed_leaves_whole_records(
    how: str, start_child: StartChild, isolated: Path
) -> None:
    """At most what waited is lost; nothing is printed and the status is the same."""
    assert end(start_child, how) == (AT_ONCE[how], "")
    for paths in segments(isolated / "spool").values():
        assert not [event for event in read(paths) if isinstance(event, events.Seal)]


def test_a_flush_saves_what_os_exit_would_lose(start_child: StartChild, isolated: Path) -> None:
    """A worker that ends by os._exit flushes, and nothing is lost."""
    assert end(start_child, "flushed") == (5, "")
    runs = [event.thread for event in told(isolated) if isinstance(event, events.Run)]
    assert runs == ["0", "1", "2", "3", "4"]


def test_the_end_with_a_spool_in_the_way(
    start_child: StartChild, isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool that cannot be written costs one warning at the end, and no status."""
    isolated.mkdir()
    (isolated / "spool").write_text("in the way")
    status, log = end(start_child, "exit")
    assert status == 3
    assert log.count("\n") == 1
    assert "cannot write to the spool" in log
    assert "Traceback" not in log


@pytest.mark.slow
@pytest.mark.parametrize("how", ["exit", "SIGTERM", "SIGINT", "os._exit"])
def test_a_hundred_ends(how: str, start_child: StartChild, isolated: Path) -> None:
    """A hundred processes of each kind: no hang, no trace of the probe, no damaged spool."""
    status = {"exit": 3, "SIGINT": -signal.SIGINT}.get(how) or AT_ONCE[how]
    child = start_child("-m", "tests.statemeter.ending", how, "-", "100")
    assert child.wait(500) == 0
    log = child.log_path.read_text("utf-8")  # type: ignore[attr-defined]
    assert log.endswith(f"{[status] * 100}\n")
    assert "statemeter/probe.py" not in log
    assert "statemeter:" not in log
    found = [read(paths) for paths in segments(isolated / "spool").values()]
    if how in ("exit", "SIGINT"):
        assert len(found) == 100
        assert all(told[-1].final == 1 for told in found)
