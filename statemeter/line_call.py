"""The one call of a node's function that is measured, line by line (see ``look_lines``)."""

from __future__ import annotations

import sys
import threading
import time
import tracemalloc
from types import CodeType, FrameType
from typing import Any

from statemeter import faults

FRAMES = 20
"""Calls of a traceback: a line is told of what is allocated at most so deep below it."""


class Call:
    """The one call that is measured, and its lines."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.began = threading.Event()
        self.done = threading.Event()
        self.over = False
        """The look has ended, whether the call has or not."""
        self.hits: dict[int, int] = {}
        self.change: dict[int, int] = {}
        self.peak: dict[int, int] = {}
        self.duration_us = -1
        self.error = ""
        self._open: dict[FrameType, _Open] = {}
        self._started_ns = 0
        self._claimed = threading.Lock()
        self.turning = threading.Lock()
        """Held while tracing is turned on, or off."""

    @property
    def traces(self) -> bool:
        """Whether tracing was turned on for it."""
        return self._started_ns > 0

    @faults.guarded
    def claim(self) -> bool:
        """Whether this is the call; any other is left alone."""
        return self._claimed.acquire(blocking=False)

    @faults.guarded
    def begin(self) -> None:
        """Before the call, in its thread."""
        with self.turning:
            if self.over:
                return
            self.began.set()
            if sys.gettrace() is not None:
                self.error = "traced"
                return
            tracemalloc.start(FRAMES)
            self._started_ns = time.perf_counter_ns()
            sys.settrace(self._trace)

    @faults.guarded
    def end(self, error: BaseException | None) -> None:
        """After the call."""
        if self._started_ns:
            sys.settrace(None)
            self.duration_us = (time.perf_counter_ns() - self._started_ns) // 1000
            self.error = type(error).__name__ if error is not None else ""
        self._open.clear()
        self.done.set()

    def _trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        if self.over:
            sys.settrace(None)
            return None
        return self._at_line(frame, event, arg) if frame.f_code is self.code else None

    def _at_line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if self.over:
            frame.f_trace = None
            return None
        try:
            self._at(frame, event)
        except Exception:
            self.over = True
            faults.fault("measuring a line")
        return self._at_line

    def _at(self, frame: FrameType, event: str) -> None:
        now, peak = tracemalloc.get_traced_memory()
        line = self._open.get(frame) or _Open(now)
        if line.number:
            self.change[line.number] = self.change.get(line.number, 0) + now - line.before
            self.peak[line.number] = max(self.peak.get(line.number, 0), peak - line.first)
        if event == "line" or (event == "call" and not line.number and frame.f_lasti > 0):
            again = line.number == frame.f_lineno
            line.number = frame.f_lineno or 0
            if event == "line":
                self.hits[line.number] = self.hits.get(line.number, 0) + 1
            self._open[frame] = line
            # What is let go of later would be taken for memory that the line frees.
            del now, peak
            if not again:
                tracemalloc.reset_peak()
                line.first = tracemalloc.get_traced_memory()[0]
            line.before = tracemalloc.get_traced_memory()[0]
        else:
            self._open.pop(frame, None)


class _Open:
    """The line where a frame is, and what was traced when it began. It is changed in place: in a
    loop, a new one each time would be taken for memory that the line keeps."""

    __slots__ = ("before", "first", "number")

    def __init__(self, before: int) -> None:
        self.number, self.before = 0, before
        self.first = before
        """When the first of its turns without another line between began: since Python 3.12 each
        item of a comprehension is a turn, and its peak is that of them all."""
