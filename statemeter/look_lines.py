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
import threading
import tracemalloc
from collections.abc import Callable
from types import CodeType
from typing import Any, ClassVar

from statemeter import graphs, subclass
from statemeter.line_call import Call
from statemeter.looks import PACKAGE, Attention, Look, Unable

_Pair = tuple[Any, str, Any, Any]


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
