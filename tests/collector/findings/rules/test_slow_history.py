"""slow-history: whole histories that are read slowly are found, the newest twenty are not."""

from __future__ import annotations

import time

import pytest

from tests.collector.findings.conftest import Found, config
from tests.collector.findings.rules.slow_savers import FarSaver, count_on

RULE = "slow-history"
RUNS, A_ROW = 24, 0.002


def test_reading_everything_is_found_and_mended(found: Found) -> None:
    """With the checkpoints that there are; a limit saves what was promised."""
    saver = FarSaver(0)
    graph = count_on(saver, RUNS)
    saver.seconds = A_ROW
    rows = 0
    for _ in range(2):
        began = time.perf_counter()
        rows = len(list(graph.get_state_history(config("t"))))
        whole_ms = (time.perf_counter() - began) * 1000
    (finding,) = found(RULE)
    told = {one.name: one.value for one in finding.measured}
    assert told["checkpoints that it read"] == rows == RUNS * 5
    began = time.perf_counter()
    list(graph.get_state_history(config("t"), limit=20))
    saved_ms = whole_ms - (time.perf_counter() - began) * 1000
    saving = finding.fixes[0].saving
    assert saving is not None
    # By the rows, which tell nothing of how busy the machine is, and roughly by the clock.
    assert saving.ms == pytest.approx(finding.measured[0].value / 1000 * (1 - 20 / rows))  # type: ignore[operator]
    assert saving.ms == pytest.approx(saved_ms, rel=0.8)


def test_a_limit_is_healthy(found: Found) -> None:
    """However often it is read."""
    saver = FarSaver(0)
    graph = count_on(saver, RUNS)
    saver.seconds = A_ROW
    for _ in range(3):
        list(graph.get_state_history(config("t"), limit=20))
    assert found(RULE) == []
