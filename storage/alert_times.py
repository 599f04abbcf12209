"""Times at which rules are looked at, and sums over the stretch of time before each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from storage.alerts import STEP_S, Subject
from storage.queries import SECOND_US

IntArray = np.ndarray[Any, np.dtype[np.int64]]
FloatArray = np.ndarray[Any, np.dtype[np.float64]]

SUBJECTS_MOST = 500
"""Subjects of a rule that are followed, the worst first."""


@dataclass(frozen=True)
class Times:
    """Whole multiples of a step."""

    first_us: int
    step_s: int
    count: int

    @property
    def at_us(self) -> IntArray:
        """Each of them."""
        steps: IntArray = np.arange(self.count, dtype=np.int64)
        found: IntArray = self.first_us + steps * (self.step_s * SECOND_US)
        return found

    @property
    def last_us(self) -> int:
        """The last of them."""
        return self.first_us + (self.count - 1) * self.step_s * SECOND_US

    @property
    def resolution_s(self) -> int:
        """Length of the buckets that are read: seconds, or minutes where the steps are minutes.
        Both give the same sums, as a time of the one kind is the end of a bucket of the other."""
        return 60 if self.step_s % 60 == 0 else 1


def now(at_us: int) -> Times:
    """The one time of a look."""
    step_us = STEP_S * SECOND_US
    return Times(at_us // step_us * step_us, STEP_S, 1)


@dataclass(frozen=True)
class Curve:
    """A metric of one subject."""

    subject: Subject
    values: FloatArray
    """At each of the times; NaN: unknown."""


@dataclass(frozen=True)
class Read:
    """What was read for a rule."""

    curves: list[Curve]
    untold: int = 0
    """Subjects beyond ``SUBJECTS_MOST``, count."""


def bounded(curves: list[Curve], above: bool) -> Read:
    """The worst subjects."""
    if len(curves) <= SUBJECTS_MOST:
        return Read(curves)
    sign = -1 if above else 1

    def order(curve: Curve) -> float:
        known = curve.values[np.isfinite(curve.values)]
        return float(np.min(sign * known)) if len(known) else np.inf

    curves = sorted(curves, key=order)
    return Read(curves[:SUBJECTS_MOST], len(curves) - SUBJECTS_MOST)


def before(times: Times, over_s: int, bucket_us: IntArray, values: FloatArray) -> FloatArray:
    """Sums of buckets that began in the ``over_s`` seconds before each time.

    Args:
        times: n of them.
        over_s: seconds.
        bucket_us: start of each bucket, in order.
        values: a row for each bucket; one or two dimensions.
    """
    zero = np.zeros((1, *values.shape[1:]))
    running = np.concatenate([zero, np.cumsum(values, axis=0, dtype=np.float64)])
    at_us = times.at_us
    ends = np.searchsorted(bucket_us, at_us, "left")
    begins = np.searchsorted(bucket_us, at_us - over_s * SECOND_US, "left")
    sums: FloatArray = running[ends] - running[begins]
    return sums


def newest(
    times: Times, read_us: Sequence[int] | IntArray, values: FloatArray, hold_s: int
) -> FloatArray:
    """The newest reading at or before each time, NaN where it is older than ``hold_s``."""
    told_us: IntArray = np.asarray(read_us, dtype=np.int64)
    found = np.full(times.count, np.nan)
    if len(told_us):
        places: IntArray = np.asarray(told_us.searchsorted(times.at_us, "right")) - 1
        fresh = (places >= 0) & (times.at_us - told_us[places] <= hold_s * SECOND_US)
        found[fresh] = values[places[fresh]]
    return found
