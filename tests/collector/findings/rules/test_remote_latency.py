"""remote-latency: a saver far away is found, one in memory is not."""

from __future__ import annotations

import pytest

from tests.collector.findings.conftest import Found
from tests.collector.findings.rules.slow_savers import FarSaver, count_on
from tests.collector.made import query

RULE = "remote-latency"
RUNS, WAIT = 6, 0.008


def test_a_saver_far_away_is_found(found: Found) -> None:
    """Its calls in a run are those that the store has; with the fix there are fewer."""
    count_on(FarSaver(WAIT), RUNS)
    (finding,) = found(RULE)
    told = {one.name: one.value for one in finding.measured}
    (calls,) = query(found.store, "SELECT count(*) AS n FROM operations WHERE run > 0")  # type: ignore[attr-defined]
    assert told["calls in a run"] == pytest.approx(calls["n"] / RUNS)
    waited = told["waiting of a call, median"]
    assert isinstance(waited, float)
    assert waited >= WAIT * 1e6
    saving = finding.fixes[0].saving
    assert saving is not None
    assert saving.ms is not None
    spared = saving.ms / (waited / 1000)
    count_on(FarSaver(WAIT), RUNS, durability="exit")
    found(RULE)
    (mended,) = query(
        found.store,  # type: ignore[attr-defined]
        "SELECT count(*) AS n FROM operations WHERE run > 0 AND thread_key = "
        "(SELECT max(id) FROM threads)",
    )
    assert (calls["n"] - mended["n"]) / RUNS == pytest.approx(spared, rel=0.1)


def test_memory_is_healthy(found: Found) -> None:
    """Nearly all the time of such runs goes into the saver, but no call takes long."""
    count_on(FarSaver(0), RUNS)
    assert found(RULE) == []
