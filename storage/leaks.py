"""Does the memory of a process grow, although its work does not? And what holds what it gained?

Memory (``anon_bytes`` + ``swap_bytes`` where told, or ``rss_bytes``) is looked at after a warm-up,
at moments of like load: slots whose runs by second lie within ``LIKE`` of their median. It *leaks*
if its slope (``storage.trends``) is surely above zero, over the whole time and over the second half
of it, and what it gained is worth telling: a cache that fills, or an allocator that settles, stops.
What LangGraph's in-memory parts gained meanwhile is growth *explained by state*; the rest is
unexplained. Where nothing of that grows but what was *freed*, which the C library keeps in pieces
between what is used, nothing in use is kept: no leak, though the memory is needed. Counts that only
a leak makes grow are held against the same rule: entries of a saver without a checkpoint, threads,
open files, streams that nobody reads on.

Thresholds are ours: ``Rules``; those of the rule ``process-leak`` are settings, and hold wherever
a process is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from storage import explained
from storage.process_series import Series
from storage.queries import SECOND_US
from storage.trends import FEWEST, Slope, theil_sen

RULE = "process-leak"
"""The rule of findings that judges by this module."""
LIKE = 2.0
STEPS = 4
"""Readings that differ, from which on what lies between them is drawn as a line."""
STAYED = 3
"""Times the longest time between two readings that differ, after which one that stays the same has
been looked at: the more there is, the more rarely it is."""
ENDING = 3
"""Slots at the end in which a process may be ending."""
ERROR = 0.25
"""What LangGraph's parts hold is measured with an error: growth that is unexplained by no more than
that share of theirs is not told."""


@dataclass(frozen=True)
class Rules:
    """What has to be seen."""

    warm_up_s: float = 120.0
    """Left out at the beginning: imports, pools that fill, first requests."""
    least_s: float = 180.0
    """Shortest time after it that says anything."""
    gained_bytes: int = 8_000_000
    """Least growth that is told; and of the memory:"""
    gained_share: float = 0.05
    counts: tuple[tuple[str, int], ...] = (
        ("saver_empty_threads", 20), ("threads", 4), ("fds", 20), ("left_streams", 2),
        ("children", 3),
    )  # fmt: skip
    """Counts that should not grow for ever, each with the least growth that is told."""

    def with_limits(self, limits: Mapping[str, float]) -> Rules:
        """The same with thresholds of the rule: ``warm_up`` and ``least`` in seconds, ``gained`` in
        bytes; one that is absent stays."""
        return replace(
            self,
            warm_up_s=limits.get("warm_up", self.warm_up_s),
            least_s=limits.get("least", self.least_s),
            gained_bytes=int(limits.get("gained", self.gained_bytes)),
        )


RULES = Rules()


@dataclass(frozen=True)
class Growth:
    """Something that grows."""

    name: str
    """``memory``, ``state``, ``unexplained``, ``freed``, or a reading."""
    slope: Slope
    """By second."""
    per_run: float | None
    """Gained by each run that was begun meanwhile; None where there were none."""

    @property
    def per_hour(self) -> float:
        """Gained in an hour at this rate."""
        return self.slope.value * 3600


@dataclass(frozen=True)
class Leaks:
    """What was found of one process."""

    verdict: str
    """``leak``, ``freed`` (what the C library keeps free explains what grows beside the state),
    ``state`` (it grows, and LangGraph's state explains it), ``steady`` or ``unknown``."""
    why: str
    """Of ``unknown``: what is missing, in words."""
    seconds: float
    """Length of time that was looked at, after the warm-up."""
    runs: float
    """Runs begun meanwhile."""
    memory: Growth | None = None
    state: Growth | None = None
    unexplained: Growth | None = None
    """What state does not explain."""
    freed: Growth | None = None
    """Of what the C library keeps, where that explains what state does not."""
    counts: list[Growth] = field(default_factory=list)
    """Readings that grow and should not."""
    limit_seconds: float | None = None
    """At this rate, time until the container's limit (else the machine's memory) is reached."""

    @property
    def flagged(self) -> bool:
        """Whether the page says so in the list."""
        return self.verdict in {"leak", "freed", "state"}


def find(series: Series, begin_us: int, rules: Rules = RULES) -> Leaks:
    """Look at a process.

    Args:
        series: its readings.
        begin_us: when it was seen first.
        rules: the thresholds.
    """
    levels = series.levels
    at = (levels.index.to_numpy(np.int64) - begin_us) / SECOND_US
    runs = series.grown.get("runs", pd.Series(0.0, index=levels.index)).to_numpy(np.float64)
    memory = _memory(levels)
    warm = (at >= rules.warm_up_s) & np.isfinite(memory)
    seconds = float(np.ptp(at[warm])) if warm.any() else 0.0
    begun = float(runs[warm].sum())
    if seconds < rules.least_s or int(warm.sum()) < 2 * FEWEST:
        wanted = rules.warm_up_s + rules.least_s
        why = f"Memory is judged after {wanted:.0f} s of life: {rules.warm_up_s:.0f} s of warm-up "
        return Leaks("unknown", why + f"and {rules.least_s:.0f} s of work.", seconds, begun)
    like = warm & _like(runs, warm)
    if int(like.sum()) < 2 * FEWEST:
        return Leaks("unknown", "The load changed too much to compare.", seconds, begun)
    held = _line(explained.state(levels))
    least = max(float(rules.gained_bytes), rules.gained_share * float(np.nanmedian(memory[like])))
    look = _Look(at[like], seconds, begun)
    total = look.growth("memory", memory[like], least)
    state = look.growth("state", held[like], least)
    rest = look.growth("unexplained", memory[like] - held[like], least)
    if rest and state and rest.slope.value < ERROR * state.slope.value:
        rest = None
    counts = [
        found
        for name, fewest in rules.counts
        if name in levels and (found := look.growth(name, _count(levels[name])[like], fewest))
    ]
    if total is None:
        # What one part gave back, another took: the process as a whole stays as it is.
        state = rest = None
    elif rest is None and (state is None or state.slope.value < total.slope.value / 2):
        rest = total  # no part of it is sure, the whole is
    freed = None
    if rest and "malloc_free_bytes" in levels:
        kept = levels["malloc_free_bytes"].to_numpy(np.float64)[like]
        if look.growth("in use", memory[like] - held[like] - kept, least) is None:
            freed = look.half("freed", kept, rest)
    verdict = (
        "leak" if counts or (rest and not freed)
        else "freed" if freed else "state" if state else "steady"
    )  # fmt: skip
    return Leaks(
        verdict, "", seconds, begun, total, state, rest, freed, counts,
        _until_full(series.last, total),
    )  # fmt: skip


def _memory(levels: pd.DataFrame) -> np.ndarray:
    name = "anon_bytes" if "anon_bytes" in levels else "rss_bytes"
    memory: np.ndarray = levels[name].to_numpy(np.float64).copy()
    if name == "anon_bytes" and "swap_bytes" in levels:
        memory += np.nan_to_num(levels["swap_bytes"].to_numpy(np.float64))
    return memory


def _count(values: pd.Series) -> np.ndarray:
    """A count; that of a saver's entries is looked at as rarely as its bytes."""
    counted: np.ndarray = values.to_numpy(np.float64)
    return _line(counted) if values.name == "saver_empty_threads" else counted


def _line(steps: np.ndarray) -> np.ndarray:
    """What is looked at rarely is a staircase: between its steps it is taken to have grown evenly.
    After the last one it is taken to grow on as before, until it has stayed the same for so long
    that it has been looked at since. A fall at the very end is a process that lets go of what it
    held."""
    there = np.flatnonzero(np.isfinite(steps))
    changes = there[np.diff(steps[there], prepend=np.nan) != 0]
    end = len(steps)
    if len(changes) > 1 and changes[-1] >= end - ENDING and _falls(steps, changes):
        end = int(changes[-1])
        changes = changes[:-1]
    if len(changes) < STEPS:  # one step is no growth
        return steps
    at = np.arange(len(steps))
    line: np.ndarray = np.interp(at, changes, steps[changes])
    last, first = int(changes[-1]), int(changes[-STEPS])
    if end - last <= STAYED * int(np.diff(changes).max()):
        rate = max(0.0, float(steps[last] - steps[first]) / (last - first))
        line[last:] = steps[last] + rate * (at[last:] - last)
    line[: there[0]] = line[end:] = np.nan
    return line


def _falls(steps: np.ndarray, changes: np.ndarray) -> bool:
    """Whether the last step goes down."""
    return bool(steps[changes[-1]] < steps[changes[-2]])


def _like(runs: np.ndarray, warm: np.ndarray) -> np.ndarray:
    """Slots of like load. Where half of them or more are idle, idle ones; loads of a few runs a
    slot differ by chance, and are smoothed."""
    smooth = pd.Series(runs).rolling(7, center=True, min_periods=1).mean().to_numpy()
    usual = float(np.median(smooth[warm]))
    like: np.ndarray = (
        smooth <= 0 if usual <= 0 else (smooth >= usual / LIKE) & (smooth <= usual * LIKE)
    )
    return like


class _Look:
    def __init__(self, at: np.ndarray, seconds: float, runs: float) -> None:
        self._at = at
        self._late = at >= np.median(at)
        self._seconds = seconds
        self._runs = runs

    def growth(self, name: str, values: np.ndarray, least: float) -> Growth | None:
        """The growth of some values; None where they do not surely grow by as much as that, or have
        ceased to."""
        whole, late = (
            theil_sen(self._at, values),
            theil_sen(self._at[self._late], values[self._late]),
        )
        if whole is None or late is None or not whole.rises or whole.growth < least:
            return None
        # Half of the time has half of the growth; a quarter of that still is growth.
        if not late.rises or late.growth < least / 8:
            return None
        return self._growth(name, whole)

    def half(self, name: str, values: np.ndarray, of: Growth) -> Growth | None:
        """The growth of some values; None where they do not surely grow, or by less than half of
        another growth."""
        slope = theil_sen(self._at, values)
        if slope is None or not slope.rises or slope.value < of.slope.value / 2:
            return None
        return self._growth(name, slope)

    def _growth(self, name: str, slope: Slope) -> Growth:
        gained = slope.value * self._seconds
        return Growth(name, slope, gained / self._runs if self._runs else None)


def _until_full(last: dict[str, float], growth: Growth | None) -> float | None:
    if growth is None or growth.slope.value <= 0:
        return None
    left = last.get("available_bytes")
    if "limit_bytes" in last and "used_bytes" in last:
        left = min(last["limit_bytes"] - last["used_bytes"], left if left is not None else np.inf)
    return None if left is None else max(0.0, float(left)) / growth.slope.value
