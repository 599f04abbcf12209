"""nested-list-deadlock: a read inside the loop over list() hangs, which is found while it does."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

import statemeter
from statemeter import stuck_calls, vitals
from tests.collector.findings.conftest import Found, config
from tests.collector.findings.rules.inspecting import limit, numbers, until
from tests.collector.inspection.looks import fill

RULE = "nested-list-deadlock"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes half a second counts as stuck."""
    monkeypatch.setattr(stuck_calls, "STUCK_SECONDS", 0.5)
    for name in ("TELL_SECONDS", "HEAP_SECONDS"):
        monkeypatch.setattr(vitals, name, 0.0)


def test_a_read_inside_a_list(tmp_path: Path, found: Found) -> None:
    """Saver, method and age are told; it resolves when the call comes back."""
    limit(found, f"{RULE}.open", 0.5)
    with SqliteSaver.from_conn_string(str(tmp_path / "app.sqlite")) as saver:
        fill(statemeter.instrument(saver))

        def nested() -> None:
            with suppress(RuntimeError):  # the lock that is taken from it at the end
                for row in saver.list(config("t0")):
                    saver.get_tuple(row.config)

        thread = threading.Thread(target=nested, daemon=True)
        began = time.time()
        thread.start()
        try:
            until(lambda: found(RULE))
            (finding,) = found(RULE)
            assert thread.is_alive(), "it hangs"
            age = time.time() - began
        finally:
            saver.lock.release()  # what nobody else can do for it
            thread.join(10)
        assert not thread.is_alive()
        told = numbers(finding)
        assert (finding.severity, finding.subject.backend) == ("critical", "sqlite")
        assert finding.subject.detail == "get_tuple"
        assert told["calls that do not come back"] == 1
        assert 0.5 <= told["the oldest is under way for"] <= age
        until(lambda: not found(RULE))
        exec(finding.fixes[0].code, {"saver": saver, "config": config("t0")})


def test_calls_that_come_back(tmp_path: Path, found: Found) -> None:
    """Many quick calls in a thread are none that is stuck, and neither is a list that is left."""
    limit(found, f"{RULE}.open", 0.5)
    with SqliteSaver.from_conn_string(str(tmp_path / "app.sqlite")) as saver:
        fill(statemeter.instrument(saver))
        end = time.monotonic() + 1.2

        def busy() -> None:
            while time.monotonic() < end:
                saver.get_tuple(config("t0"))
                time.sleep(0.001)

        thread = threading.Thread(target=busy)
        thread.start()
        while thread.is_alive():
            assert stuck_calls.read() == {"stuck_calls": 0}
            time.sleep(0.05)
        left: Any = saver.list(config("t0"))
        next(left)
        time.sleep(0.6)
        assert stuck_calls.read() == {"stuck_calls": 0}
        assert found(RULE) == []
        left.close()
