"""What is asked of a connection pool: counted where the pool itself counts nothing.

The hot path adds to plain integers. CPython switches threads at calls and loops only, so that an
addition to an attribute loses nothing.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

from statemeter import faults
from statemeter.calls import clock

DEMAND = "_statemeter_demand"
"""Attribute of a pool: its ``Demand``."""


class Demand:
    """Requests for connections of one pool, since it is measured."""

    __slots__ = ("__weakref__", "gauge", "is_empty", "is_refusal", "lost", "requests", "timeouts",
                 "waited_ns", "waiting")  # fmt: skip

    def __init__(
        self, is_empty: Callable[[Any], bool], is_refusal: Callable[[BaseException], bool]
    ) -> None:
        self.is_empty = is_empty
        """Whether a request must wait now."""
        self.is_refusal = is_refusal
        """Whether an error means that there was no connection left."""
        self.gauge: Any = None
        self.requests = self.waiting = self.waited_ns = self.timeouts = self.lost = 0
        _demands.add(self)

    def values(self) -> dict[str, int]:
        """As ``events.Gauges`` has them."""
        return {
            "requests": self.requests,
            "waiting": self.waiting,
            "waited_us": self.waited_ns // 1000,
            "timeouts": self.timeouts,
        }

    @faults.guarded
    def lost_one(self, connection: Any, record: Any, error: Any) -> None:
        """SQLAlchemy gave up a connection; without an error the application wanted it."""
        if error is not None:
            self.lost += 1


_demands: weakref.WeakSet[Demand] = weakref.WeakSet()


def _after_fork() -> None:
    """In a forked child: who waited is its parent's."""
    for each in list(_demands):
        each.waiting = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def of(pool: Any) -> Demand | None:
    """The demand of an instrumented pool."""
    demand: Demand | None = pool.__dict__.get(DEMAND)
    return demand


class Asked:
    """Around one request for a connection, sync or async."""

    __slots__ = ("demand", "pool", "start_ns", "waits")

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.waits = False
        self.start_ns = 0
        self.demand: Demand | None = None

    def __enter__(self) -> Asked:
        try:
            demand = of(self.pool)
            if demand is not None:
                demand.requests += 1
                self.demand = demand
                self.waits = demand.is_empty(self.pool)
                if self.waits:
                    demand.waiting += 1
                    self.start_ns = clock()
        except Exception:
            faults.fault("asking a pool")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            demand = self.demand
            if demand is None:
                return
            if self.waits:
                demand.waiting -= 1
                demand.waited_ns += clock() - self.start_ns
            if error is not None and demand.is_refusal(error):
                demand.timeouts += 1
        except Exception:
            faults.fault("asking a pool")
