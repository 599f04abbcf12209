"""The program of the README's first page."""

from __future__ import annotations

from pathlib import Path

from statemeter import events
from tests.conftest import StartChild
from tests.examples.test_demo import WAIT_SECONDS, spooled


def test_it_runs_as_it_is(start_child: StartChild, isolated: Path) -> None:
    """It ends well, and its 20 turns are in the spool under its own name."""
    child = start_child("-W", "error", "-m", "examples.quickstart")
    printed = child.wait(WAIT_SECONDS), child.log_path.read_text()  # type: ignore[attr-defined]
    assert printed[0] == 0, printed
    assert int(printed[1].split()[0]) > 100
    found = spooled(isolated / "spool")
    assert {event.thread for event in found if isinstance(event, events.Put)} == {"quickstart"}
    assert sum(isinstance(event, events.Run) for event in found) == 20
    applications = {event.application for event in found if isinstance(event, events.Process)}
    assert applications == {"quickstart"}
