"""slow-history: whole histories that are read slowly are found, the newest twenty are not."""

from __future__ import annotations

import pytest

from tests.collector.findings.conftest import Found, config
from tests.collector.findings.rules.slow_savers import FarSaver, count_on

RULE = "slow-history"
RUNS, A_ROW = 24, 0.002


def test_reading_everything_is_found_and_mended(found: Found) -> None:
    """With the checkpoints that there are; a limit saves the share of rows that it leaves out."""
    saver = FarSaver(0)
    graph = count_on(saver, RUNS)
    saver.seconds = A_ROW
    for _ in range(2):
        rows = len(list(graph.get_state_history(config("t"))))
    (finding,) = found(RULE)
    told = {one.name: one.value for one in finding.measured}
    assert told["checkpoints that it read"] == rows == RUNS * 5
    fewer = len(list(graph.get_state_history(config("t"), limit=20)))
    saving = finding.fixes[0].saving
    assert saving is not None
    # By the rows of the saver, which takes equally long for each, not by the clock of the test.
    took = told["time of a call, median"]
    assert isinstance(took, float)
    assert took >= rows * A_ROW * 1e6
    assert saving.ms == pytest.approx(took / 1000 * (rows - fewer) / rows)


def test_a_limit_is_healthy(found: Found) -> None:
    """However often it is read."""
    saver = FarSaver(0)
    graph = count_on(saver, RUNS)
    saver.seconds = A_ROW
    for _ in range(3):
        list(graph.get_state_history(config("t"), limit=20))
    assert found(RULE) == []
