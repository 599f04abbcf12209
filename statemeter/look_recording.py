"""A recording by memray: every allocation of the next seconds, with the calls that led to it.

memray is the application's own (``pip install statemeter[memory]``). It writes sums by stack when
it ends, some kilobytes, to a file beside the answer; whoever asked reads it and removes it.
"""

from __future__ import annotations

import gc
import importlib.metadata
import os
import sys
import time
from typing import Any

from statemeter import records
from statemeter.looks import Attention, Look, Unable

MOST_BYTES = 300_000_000
"""Largest recording that is handed out."""
_INTERVAL_MS = 100


def look(asked: Look, attention: Attention) -> dict[str, Any]:
    """Record; the answer names the file."""
    import memray  # noqa: PLC0415 (a package that the application may not have)

    if not asked.seconds:
        raise Unable("asked")
    if sys.getprofile() is not None:  # cProfile, for every thread: memray would take its place
        raise Unable("profiled")
    path = attention.request.with_suffix(".bin")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        tracker = memray.Tracker(
            destination=memray.FileDestination(path, overwrite=True, compress_on_exit=False),
            file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS,
            trace_python_allocators=asked.python_allocator, memory_interval_ms=_INTERVAL_MS,
        )  # fmt: skip
        runs = _NextRun()
        try:
            with tracker:
                began = time.perf_counter()
                attention.wait(asked.seconds, runs.ended if asked.run else lambda: False)
                gc.collect()
                recorded = time.perf_counter() - began
        except RuntimeError:  # its word for: another one is active
            raise Unable("recorded") from None
        finally:
            runs.close()
        if path.stat().st_size > MOST_BYTES:
            raise Unable("large")
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return {
        "file": path.name, "seconds": round(recorded, 3), "run": runs.ended() and asked.run,
        "memray": importlib.metadata.version("memray"), "package": os.path.dirname(__file__),
    }  # fmt: skip


def after_fork() -> None:
    """memray does not follow a fork; the list of listeners was its parent's."""
    records.RUN_ENDED.clear()


class _NextRun:
    """Whether a run that began since has ended."""

    def __init__(self) -> None:
        self._since_ns = time.time_ns()
        self._ended = False
        records.RUN_ENDED.append(self._tell)

    def _tell(self, began_ns: int) -> None:
        self._ended = self._ended or began_ns >= self._since_ns

    def ended(self) -> bool:
        return self._ended

    def close(self) -> None:
        if self._tell in records.RUN_ENDED:
            records.RUN_ENDED.remove(self._tell)
