"""put-backlog: a slow saver behind quick steps is found; with sync or a quick one nothing is."""

from __future__ import annotations

import pytest

from tests.collector.findings.conftest import Found
from tests.collector.findings.rules.slow_savers import FarSaver, count_on

RULE = "put-backlog"
NODES = 20


def test_puts_that_pile_up_are_found(found: Found) -> None:
    """Nearly all checkpoints of the run wait for the first."""
    count_on(FarSaver(0.02), 1, NODES, durability="async")
    (finding,) = found(RULE)
    assert 10 <= finding.measured[0].value <= NODES + 2  # type: ignore[operator]
    assert finding.cost.ms is not None
    assert finding.cost.ms >= 200
    assert finding.subject.thread == "t"


@pytest.mark.parametrize(("seconds", "durability"), [(0.02, "sync"), (0.02, "exit"), (0, "async")])
def test_what_keeps_up_is_healthy(found: Found, seconds: float, durability: str) -> None:
    """The fixes, and a saver that is quick."""
    count_on(FarSaver(seconds), 1, NODES, durability=durability)
    assert found(RULE) == []
