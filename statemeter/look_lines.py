"""Memory by line of one node's function: what each line of its next call allocates and keeps.

The function is exchanged for one call and put back. During that call tracemalloc traces, and each
line of the function is measured before and after (``sys.settrace``, in its thread alone): what the
line added, what it took at its peak, with all that it calls. The process is measured, so
allocations of other threads in the meantime count too; ``held`` does not have that fault: it is
what tracemalloc traces back to the line at the end of the call.
"""

from __future__ import annotations

import functools
import gc
import inspect
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, ClassVar

from statemeter import faults, graphs, subclass
from statemeter.looks import PACKAGE, Attention, Look, Unable

FRAMES = 20
"""Calls of a traceback: a line is told of what is allocated at most so deep below it."""
_Pair = tuple[Any, str, Any, Any]


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


class _State:
    restore: ClassVar[list[_Pair]] = []
    call: ClassVar[Call | None] = None


def look(asked: Look, attention: Attention) -> dict[str, Any]:
    """Wait for the next call, measure it, and put everything back."""
    if not asked.seconds:
        raise Unable("asked")
    if tracemalloc.is_tracing():
        raise Unable("traced")
    runnables = _runnables(asked)
    code = _code(runnables[0])
    call = _State.call = Call(code)
    held: dict[int, int] = {}
    try:
        for runnable in runnables:
            _exchange(runnable, call)
        attention.wait(asked.seconds, call.done.is_set)
        _restore()
        if not call.began.is_set():
            raise Unable("not_run", name=asked.name)
        if call.error == "traced":
            raise Unable("debugged")
        gc.collect()
        held = _held(code)
    finally:
        _off()
    return {
        "node": asked.name, "function": code.co_qualname, "file": code.co_filename,
        "first": code.co_firstlineno, "complete": call.done.is_set(),
        "duration_us": call.duration_us, "error": call.error,
        "lines": [
            (line, call.hits.get(line, 0), call.change.get(line, 0), call.peak.get(line, 0),
             held.get(line, 0))
            for line in sorted({*call.hits, *held} - {0})
        ],
    }  # fmt: skip


def after_fork() -> None:
    """Put back what was exchanged, and turn tracing off."""
    if _State.call is not None:
        _State.call.turning = threading.Lock()  # another thread of the parent may have held it
    _off()


def _off() -> None:
    _restore()
    call, _State.call = _State.call, None
    if call is not None:
        with call.turning:
            call.over = True
            if call.traces:
                tracemalloc.stop()


def _runnables(asked: Look) -> list[Any]:
    """The runnables of the node's function, in each graph of that name."""
    found, other = [], False
    names: set[str] = set()
    for graph in _graphs():
        if asked.graph and graph.get_name() != asked.graph:
            continue
        for name, sequence in graphs._nodes(graph, set()):
            names.add(name)
            if name != asked.name:
                continue
            first = sequence.steps[0]
            if type(first).__name__ == "RunnableCallable":
                found.append(first)
            else:
                other = True
    if not found:
        raise Unable("no_function" if other else "no_node", name=asked.name, names=sorted(names))
    return [one for one in found if _code(one) is _code(found[0])]


def _graphs() -> list[Any]:
    gc.collect()
    return [
        one for one in gc.get_objects() if subclass.is_instrumented(one) and graphs.is_graph(one)
    ]


def _code(runnable: Any) -> CodeType:
    function = inspect.unwrap(runnable.func or runnable.afunc)
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__code__"):
        function = getattr(type(function).__call__, "__func__", type(function).__call__)
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        raise Unable("no_function", name=str(runnable.name))
    return code


def _exchange(runnable: Any, call: Call) -> None:
    function, awaited = runnable.func, runnable.afunc
    measured = _measured(function, call) if function is not None else None
    if isinstance(awaited, functools.partial) and function in awaited.args:
        # LangGraph's way to await a function that is none to be awaited.
        changed: Any = functools.partial(
            awaited.func, *(measured if one is function else one for one in awaited.args),
            **awaited.keywords,
        )  # fmt: skip
    else:
        changed = _awaited(awaited, call) if awaited is not None else None
    for attribute, original, new in (("func", function, measured), ("afunc", awaited, changed)):
        if new is not None:
            _State.restore.append((runnable, attribute, original, new))
            setattr(runnable, attribute, new)


def _restore() -> None:
    while _State.restore:
        runnable, attribute, original, new = _State.restore.pop()
        if getattr(runnable, attribute, None) is new:
            setattr(runnable, attribute, original)


def _measured(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
    @functools.wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        if not call.claim():
            return function(*args, **kwargs)
        call.begin()
        error = None
        try:
            return function(*args, **kwargs)
        except BaseException as raised:
            error = raised
            raise
        finally:
            call.end(error)
            del error

    return measured


def _awaited(function: Callable[..., Any], call: Call) -> Callable[..., Any]:
    @functools.wraps(function)
    async def measured(*args: Any, **kwargs: Any) -> Any:
        if not call.claim():
            return await function(*args, **kwargs)
        call.begin()
        error = None
        try:
            return await function(*args, **kwargs)
        except BaseException as raised:
            error = raised
            raise
        finally:
            call.end(error)
            del error

    return measured


def _held(code: CodeType) -> dict[int, int]:
    """Bytes that are traced back to each line of the function: to the line that is deepest in a
    stack, where it calls itself."""
    lines = {line for _, _, line in code.co_lines() if line}
    if not lines or not tracemalloc.is_tracing():
        return {}
    first, last = min(lines), max(lines)
    held: dict[int, int] = {}
    for trace in tracemalloc.take_snapshot().traces:
        if trace.traceback[-1].filename.startswith(PACKAGE):
            continue
        for frame in reversed(trace.traceback):
            if frame.filename == code.co_filename and first <= frame.lineno <= last:
                held[frame.lineno] = held.get(frame.lineno, 0) + trace.size
                break
    return held
