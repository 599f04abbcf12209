"""Allocations by line, by tracemalloc: what the lines of the application keep, and what grows.

Tracing begins with the look and ends with it, so that memory from before is not seen. After a
quarter of the time, in which what is kept anyway (pools, caches, windows of the last n) fills, six
moments at equal distances are compared. *Steady* lines kept more at each, see ``look_census``.

Left out is what Statemeter allocates: lines of its own, and all that its threads do.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter
from typing import Any

from statemeter.look_census import is_steady
from statemeter.looks import PACKAGE, Attention, Look, Unable

MOMENTS = 6
MOST_LINES = 100
MOST_STACKS = 30
MOST_TRACES_BYTES = 150_000_000
"""Memory that tracemalloc itself may take; beyond, the look ends early."""
STEP_LEAST_BYTES = 200
RISE_LEAST_BYTES = 5_000
"""Rise in all from which on a line is steady: Python keeps some kilobytes of freed objects for the
next ones of their kind, and tracemalloc takes those for held."""
_THREADS = {PACKAGE + name for name in ("probe.py", "control.py", "looks.py")}

Stack = tuple[tuple[str, int], ...]
"""File and line of each call, the last first."""
Lines = dict[tuple[str, int], tuple[int, int]]
"""File and line → bytes and blocks."""


class _State:
    started = False


def look(asked: Look, attention: Attention) -> dict[str, Any]:
    """What lines keep at the last moment, and how that changed since the first."""
    if not asked.seconds:
        raise Unable("asked")
    _State.started = not tracemalloc.is_tracing()
    try:
        if _State.started:
            tracemalloc.start(asked.frames)
        frames = tracemalloc.get_traceback_limit()
        attention.wait(asked.seconds / 4, _is_large)
        found = []
        for moment in range(MOMENTS):
            if moment:
                attention.wait(asked.seconds * 0.75 / (MOMENTS - 1), _is_large)
            gc.collect()
            kept = _kept()
            found.append(_lines(kept))
        stacks = _stacks(kept, found)
        if _is_large():
            attention.ended = "memory"
    finally:
        after_fork()
    return _told(found, stacks) | {"frames": frames}


def after_fork() -> None:
    """Turn tracing off where it was turned on here."""
    if _State.started:
        _State.started = False
        tracemalloc.stop()


def _is_large() -> bool:
    return tracemalloc.get_tracemalloc_memory() > MOST_TRACES_BYTES


def _kept() -> dict[Stack, tuple[int, int]]:
    """Bytes and blocks of the application by stack."""
    kept = {}
    for one in tracemalloc.take_snapshot().statistics("traceback"):
        stack = tuple((frame.filename, frame.lineno) for frame in reversed(one.traceback))
        files = {file for file, _ in stack}
        if not (stack[0][0].startswith(PACKAGE) or files & _THREADS):
            kept[stack] = (one.size, one.count)
    return kept


def _lines(kept: dict[Stack, tuple[int, int]]) -> Lines:
    lines: Lines = {}
    for stack, (size, count) in kept.items():
        held = lines.get(stack[0], (0, 0))
        lines[stack[0]] = (held[0] + size, held[1] + count)
    return lines


def _changed(found: list[Lines]) -> list[tuple[str, int, int, int, int, int, bool]]:
    """File, line, bytes and blocks at the end, their change, and whether it is steady; first those
    that are, then by change."""
    rows = []
    for place in set().union(*found):
        held = [one.get(place, (0, 0)) for one in found]
        steady = is_steady([size for size, _ in held], STEP_LEAST_BYTES)
        (size, count), (first_size, first_count) = held[-1], held[0]
        steady = steady and size - first_size >= RISE_LEAST_BYTES
        rows.append((*place, size, count, size - first_size, count - first_count, steady))
    return sorted(rows, key=lambda row: (-row[6], -row[4], -row[2]))


def _stacks(kept: dict[Stack, tuple[int, int]], found: list[Lines]) -> dict[tuple[str, int], Stack]:
    """Of the first lines, the calls that led to the most of it."""
    wanted = {(row[0], row[1]) for row in _changed(found)[:MOST_STACKS]}
    stacks: dict[tuple[str, int], Stack] = {}
    for stack in sorted(kept, key=lambda one: -kept[one][0]):
        if stack[0] in wanted:
            stacks.setdefault(stack[0], stack)
    return stacks


def _told(found: list[Lines], stacks: dict[tuple[str, int], Stack]) -> dict[str, Any]:
    rows = _changed(found)
    files: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for file, _, size, _, change, _, _ in rows:
        files[file] += change
        held[file] += size
    lines = [(*row, stacks.get((row[0], row[1]), ())) for row in rows[:MOST_LINES]]
    return {
        "bytes": sum(row[2] for row in rows), "change_bytes": sum(row[4] for row in rows),
        "lines": lines, "places": len(rows),
        "files": [(file, held[file], change) for file, change in files.most_common(MOST_LINES)],
    }  # fmt: skip
