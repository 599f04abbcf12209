"""Gauges: told when they change, once a minute when they do not; counters never fall."""

from __future__ import annotations

import gc
from typing import Any

from statemeter.gauges import REPEAT_SECONDS, Gauge, Watch
from statemeter.resources import ResourceInfo


class Target:
    """Something with values that the test sets."""

    def __init__(self, **values: int) -> None:
        self.values: dict[str, int] = values


def read(target: Any) -> dict[str, int]:
    return dict(target.values)


def watched(target: Target) -> tuple[Watch, Gauge]:
    """A watch of one target that was introduced."""
    watch = Watch()
    gauge = Gauge(target, ResourceInfo("pool", "other", "Target"), read)
    gauge.info.introduced = True
    watch.add(gauge)
    return watch, gauge


def test_what_does_not_change_is_told_once_a_minute() -> None:
    """And what changes, at once."""
    target = Target(size=1)
    watch, gauge = watched(target)
    key = gauge.info.key
    assert list(watch.due(100.0)) == [(key, {"size": 1})]
    assert list(watch.due(100.0 + REPEAT_SECONDS - 1)) == []
    assert list(watch.due(100.0 + REPEAT_SECONDS)) == [(key, {"size": 1})]
    target.values["size"] = 2
    assert list(watch.due(101.0 + REPEAT_SECONDS)) == [(key, {"size": 2})]


def test_nothing_is_told_before_the_introduction() -> None:
    """A reader of the spool knows every resource before its first values."""
    target = Target(size=1)
    watch, gauge = watched(target)
    gauge.info.introduced = False
    assert list(watch.due(1.0)) == []
    gauge.info.introduced = True
    assert len(list(watch.due(2.0))) == 1


def test_counters_that_start_again() -> None:
    """One that falls shows that all began anew; levels may fall as they like."""
    target = Target(requests=10, waited_us=500, size=5)
    _, gauge = watched(target)
    assert gauge.read() == {"requests": 10, "waited_us": 500, "size": 5}
    target.values = {"requests": 3, "waited_us": 600, "size": 2}
    assert gauge.read() == {"requests": 13, "waited_us": 1100, "size": 2}
    target.values = {"requests": 4, "waited_us": 600, "size": 2}
    assert gauge.read() == {"requests": 14, "waited_us": 1100, "size": 2}
    target.values = {"size": 1}  # psycopg_pool leaves out what was not counted yet
    assert gauge.read() == {"size": 1}
    target.values = {"requests": 1, "size": 1}
    assert gauge.read() == {"requests": 15, "size": 1}


def test_a_child_counts_from_the_fork_on() -> None:
    """Its counters begin with what its parent had."""
    target = Target(requests=10, size=5)
    watch, gauge = watched(target)
    gauge.read()
    watch.after_fork()
    assert gauge.read() == {"requests": 0, "size": 5}
    target.values = {"requests": 12, "size": 5}
    assert gauge.read() == {"requests": 2, "size": 5}
    target.values = {"requests": 1, "size": 5}
    assert gauge.read() == {"requests": 3, "size": 5}


def test_a_target_that_is_gone() -> None:
    """Is watched no longer, and nothing is told of it."""
    target: Target | None = Target(size=1)
    assert target is not None
    watch, _ = watched(target)
    assert len(watch.of("pool")) == 1
    target = None
    gc.collect()
    assert list(watch.due(1.0)) == []
    assert watch.of("pool") == watch._gauges == []
