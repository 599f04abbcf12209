"""Budgets of a test: limits on what its graphs store, and the judgement of them."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Any

from statemeter.errors import UnusableBudget
from statemeter.measured import Measured, Step, Thread

UNITS = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3,
         "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}  # fmt: skip
GROWTHS = ("flat", "linear", "quadratic")
"""From the least growth to the most: a budget of one allows those before it."""
GROWTH_STEPS = 12
"""Fewest steps of a thread that a growth is read from: LangGraph's bookkeeping grows over the first
ones of every graph, until each node ran once."""
FLAT_SHARE = 0.05
"""Flat: the second half of the steps added at most this share of what is stored."""
QUADRATIC_SHARE = 0.25
"""Quadratic: of the stored bytes, the share that comes from steps that grow, by a line through the
bytes that each step added (least squares). 0 where all steps add the same, 1 where they start at
nothing."""


@dataclass(frozen=True)
class Budget:
    """Limits of each thread of a test; None: no limit."""

    max_step: int | None = None
    """Bytes of one checkpoint: its document and the blobs written with it."""
    max_live: int | None = None
    """Bytes that one checkpoint of the root graph needs."""
    max_stored: int | None = None
    """Bytes of all checkpoints, blobs and pending writes."""
    max_writes: int | None = None
    """Bytes of all pending writes."""
    growth: str | None = None
    """Most growth of the stored bytes over the steps, of ``GROWTHS``."""
    amplification: float | None = None
    """Written bytes / live bytes."""

    def is_empty(self) -> bool:
        """Whether nothing is limited."""
        return self == Budget()


LIMITS = tuple(Budget.__dataclass_fields__)


def read(given: dict[str, Any]) -> Budget:
    """A budget as its user wrote it.

    Raises:
        UnusableBudget: no such limit, or a value that it cannot have.
    """
    limits: dict[str, Any] = {}
    for name, value in given.items():
        if name not in LIMITS:
            raise UnusableBudget(
                f"checkpoint_budget has no limit {name}={value!r}. Use of {', '.join(LIMITS)}."
            )
        if value is None:
            continue
        if name == "growth":
            if value not in GROWTHS:
                raise UnusableBudget(f"growth={value!r} is none. Use one of {', '.join(GROWTHS)}.")
            limits[name] = value
        elif name == "amplification":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 1 <= value < float("inf"):
                raise UnusableBudget(
                    f"amplification={value!r} cannot be used. Give a number from 1 on, such as 3."
                )
            limits[name] = float(value)
        else:
            limits[name] = _bytes(name, value)
    return Budget(**limits)


def _bytes(name: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", value)
        if found and found[2].upper() in UNITS:
            size = round(float(found[1]) * UNITS[found[2].upper()])
            if size > 0:
                return size
    raise UnusableBudget(
        f"{name}={value!r} is no size. Give bytes as a whole number above 0, or text such as "
        '"64KB" (1000 bytes each; "64KiB": 1024; B, KB, MB, GB).'
    )


def growth_of(thread: Thread) -> str | None:
    """Of ``GROWTHS``, how the stored bytes grew over the steps; None where they are too few."""
    stored = thread.stored_after
    count = len(stored)
    if count < GROWTH_STEPS or thread.unknown or not stored[-1]:
        return None
    if stored[-1] - stored[count // 2 - 1] <= FLAT_SHARE * stored[-1]:
        return "flat"
    # The first step has no one before it; what it stored is no growth.
    added = [after - before for before, after in itertools.pairwise(stored)]
    steps = len(added)
    middle, mean = (steps - 1) / 2, sum(added) / steps
    slope = sum((at - middle) * size for at, size in enumerate(added))
    slope /= sum((at - middle) ** 2 for at in range(steps))
    share = slope * steps / 2 / mean if mean > 0 else 0.0
    return "quadratic" if share > QUADRATIC_SHARE else "linear"


def exceeded(budget: Budget, measured: Measured) -> list[str]:
    """A sentence for each limit that a thread exceeds."""
    return [said for thread in measured.threads.values() for said in _exceeded(budget, thread)]


def unknown(budget: Budget, measured: Measured) -> list[str]:
    """A sentence for each limit that could not be checked, and why."""
    said = []
    for thread in measured.threads.values():
        name = f"thread {thread.name!r}"
        if budget.growth not in (None, "quadratic") and growth_of(thread) is None:
            said.append(
                f"growth={budget.growth} of {name} is unknown: it has {len(thread.steps)} steps, "
                f"and {GROWTH_STEPS} of known size are needed."
            )
        if budget.amplification is not None and thread.amplification is None:
            said.append(f"amplification of {name} is unknown: its live bytes are not known.")
        if thread.unknown:
            said.append(f"{name}: the bytes of {thread.unknown} calls are unknown.")
    if measured.lost:
        said.append(
            f"Events were lost ({measured.lost}), all bytes are at least those shown. Raise "
            "STATEMETER_QUEUE_EVENTS."
        )
    return said


def _exceeded(budget: Budget, thread: Thread) -> list[str]:
    said = []
    if budget.max_step is not None:
        step = max(thread.steps, key=lambda s: s.bytes, default=None)
        if step and step.bytes > budget.max_step:
            said.append(
                f"{step.place()}: the checkpoint took {step.bytes:,} bytes, "
                f"max_step is {budget.max_step:,}. {_blame(step)}"
            )
    if budget.max_live is not None:
        roots = (s for s in thread.steps if not s.ns)
        step = max(roots, key=lambda s: s.live_bytes, default=None)
        if step and step.live_bytes > budget.max_live:
            said.append(
                f"{step.place()}: {step.live_bytes:,} bytes are live, "
                f"max_live is {budget.max_live:,}. {_blame(step, step.channels)}"
            )
    name, last = f"thread {thread.name!r}", thread.steps[-1] if thread.steps else None
    at = f" after step {last.step}" if last else ""
    blame = _blame(last) if last else ""
    for limit, most, size, what in (
        ("max_stored", budget.max_stored, thread.stored_bytes, "stored bytes"),
        ("max_writes", budget.max_writes, thread.writes_bytes, "bytes of pending writes"),
    ):
        if most is not None and size > most:
            said.append(f"{name}{at}: {size:,} {what}, {limit} is {most:,}. {blame}")
    ratio = thread.amplification
    if budget.amplification is not None and ratio is not None and ratio > budget.amplification:
        said.append(
            f"{name}{at}: {thread.written_bytes:,} bytes were written for "
            f"{thread.live_bytes:,} live ones, {ratio:.2f} times; "
            f"amplification is {budget.amplification:g}. {blame}"
        )
    growth = growth_of(thread)
    if budget.growth and growth and GROWTHS.index(growth) > GROWTHS.index(budget.growth):
        said.append(
            f"{name}{at}: stored bytes grew {growth} over {len(thread.steps)} steps to "
            f"{thread.stored_bytes:,}, growth is {budget.growth}. {blame}"
        )
    return said


def _blame(step: Step, channels: dict[str, int] | None = None) -> str:
    sizes = step.written if channels is None else channels
    if not sizes:
        return f"Its channels are unknown ({step.why or 'none was written'})."
    name, size = max(sizes.items(), key=lambda pair: pair[1])
    return f"Largest channel of step {step.step}: {name}, {size:,} bytes."
