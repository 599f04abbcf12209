"""One call of a saver, measured: what sync and async wrappers share.

``Call`` is a context manager around the call of the application's own method. The serializer finds
the call it works for in a context variable, because coroutines interleave and savers serialize
in worker threads. A call that a saver makes to itself (``aput`` of InMemorySaver calls ``put``) is
part of the outer one and tells nothing.

This is the hot path: slots filled in one function cost a tenth of a structure's attributes.
"""

from __future__ import annotations

import contextvars
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import msgspec

from statemeter import fast, faults, hints, probe
from statemeter.introduction import SaverInfo

clock = time.perf_counter_ns
wall = time.time_ns

INFO = "_statemeter_info"
"""Attribute of an instrumented saver: its ``SaverInfo``, shared by its copies."""


class RunScope(msgspec.Struct, gc=False):
    """A run of an instrumented graph, for whatever happens inside it."""

    number: int
    graph: str
    saver: SaverInfo | None
    thread: str
    run_id: str = ""
    interrupted: bool = False


SCOPE: contextvars.ContextVar[RunScope | None] = contextvars.ContextVar(
    "statemeter_run", default=None
)
CALL: contextvars.ContextVar[Call | None] = contextvars.ContextVar("statemeter_call", default=None)


_new = object.__new__


def leave(token: contextvars.Token[Any]) -> None:
    """Set back what was the run or the call under way."""
    try:  # noqa: SIM105 (each call and each chunk comes by here, and suppress() is slower)
        token.var.reset(token)
    except ValueError:  # a coroutine that was let go ends in another context
        pass


def _outside() -> None:
    """In a forked child: the run and the call in which it was forked are its parent's."""
    SCOPE.set(None)
    CALL.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_outside)


class Call:
    """One call of a saver, from before it starts until after it ended; made by ``begin``."""

    __slots__ = (
        "at_ns", "build", "checkpoint", "detail", "dumps", "duration_ns", "error", "held_bytes",
        "info", "loads_bytes", "names", "ns", "scope", "serde_ns", "serializer", "start_ns",
        "thread", "token",
    )  # fmt: skip
    at_ns: int
    build: Any
    checkpoint: str
    detail: Any
    dumps: list[Any]
    """By turns: the ``id`` of an object, and the (tag, bytes) that the serializer made of it."""
    duration_ns: int
    error: str
    held_bytes: int
    info: Any
    loads_bytes: int
    names: Any
    """What only the arguments know."""
    ns: str
    scope: RunScope | None
    serde_ns: int
    serializer: str
    start_ns: int
    thread: Any
    token: contextvars.Token[Call | None] | None
    """Set while the call is open."""

    def __enter__(self) -> Call:
        return self

    def exit_in_python(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the clock, and queue the event."""
        try:
            if not _end(self):
                return
            if kind is not None:
                self.error = kind.__name__
                hints.tell(self.info, error)
            self.emit()
        except Exception:
            faults.fault("ending a call")

    __exit__ = exit_in_python
    """Or the same in C."""

    def emit(self) -> None:
        """Queue the event; serialized state beyond the limit is let go, its size is known."""
        target = probe._probe or probe.get()
        if target.held_bytes + self.held_bytes > target.held_limit:
            for index in range(1, len(self.dumps), 2):
                tag, blob = self.dumps[index]
                self.dumps[index] = (tag, None, len(blob))
            self.held_bytes = 0
        target.emit(self.build, self, self.held_bytes)


def _end_in_python(call: Call) -> bool:
    """Stop the clock; False for a call that is part of another one."""
    token = call.token
    if token is None:
        return False
    call.duration_ns = clock() - call.start_ns
    call.token = None
    leave(token)
    return True


_PART = _new(Call)
"""Stands for each call that is part of another one, or could not be begun: it tells nothing."""
_PART.token = None


def begin_in_python(
    saver: Any, build: Any, config: Any, note: Any, given: Any, *, call: Any = None
) -> Call:
    """Start the clocks of a call, unless it is part of one that is under way.

    ``note(*given)`` is asked for what only the arguments know. They hold the run's context and its
    state, and are not ours to keep alive.
    """
    try:
        info = saver.__dict__[INFO]
        outer = CALL.get()
        if outer is not None and outer.token is not None and outer.info is info:
            return _PART
        if call is None:
            call = _new(Call)
        call.build = build
        call.info = info
        call.scope = SCOPE.get()
        call.thread = call.ns = call.checkpoint = call.serializer = call.error = ""
        call.serde_ns = call.loads_bytes = call.held_bytes = 0
        call.detail = None
        call.dumps = []
        if config is not None:
            get = config["configurable"].get
            call.thread = get("thread_id", "")
            call.ns = get("checkpoint_ns", "")
            call.checkpoint = get("checkpoint_id") or ""
        call.names = note(*given) if note is not None else None
        call.token = CALL.set(call)
        call.at_ns = wall()
        call.start_ns = clock()
        return call  # type: ignore[no-any-return]
    except Exception:
        faults.fault("beginning a call")
        return _PART


_measures = fast.IN_C.get("measures")
if not (
    _measures
    and _measures(
        Call, CALL, SCOPE, faults.fault, _PART, begin_in_python, probe, hints.tell, Call.emit
    )
):
    for _name in ("begin", "end", "timed"):
        fast.IN_C.pop(_name, None)
begin: Callable[[Any, Any, Any, Any, Any], Call] = fast.IN_C.get("begin", begin_in_python)
"""``begin_in_python``, or the same in C."""
_end: Callable[[Call], bool] = fast.IN_C.get("end", _end_in_python)


class Rows(Call):
    """A ``list``: the time inside the saver apart from the time that the caller takes."""

    __slots__ = (
        "asked", "complete", "filtered", "first_ns", "inside_ns", "nested", "open_ns", "rows",
        "step_ns",
    )  # fmt: skip

    def __init__(self, saver: Any, build: Any, config: Any, filtered: bool) -> None:
        self.asked: Any = (saver, build, config)
        self.filtered = filtered
        self.nested = True
        self.complete = False
        self.rows = self.inside_ns = self.open_ns = 0
        self.first_ns = -1
        self.token = None

    def __enter__(self) -> Rows:
        saver, build, config = self.asked
        if begin_in_python(saver, build, config, None, (), call=self) is self:
            self.nested = False
            self.step_ns = self.start_ns
        self.asked = None
        return self

    @faults.guarded
    def gave_row(self) -> None:
        """The saver gave a row: the caller's turn."""
        if self.nested or self.token is None:
            return
        self.inside_ns += clock() - self.step_ns
        if self.first_ns < 0:
            self.first_ns = self.inside_ns
        self.rows += 1
        leave(self.token)
        self.token = None

    @faults.guarded
    def wants_row(self) -> None:
        """The caller wants another row."""
        if not self.nested:
            self.token = CALL.set(self)
            self.step_ns = clock()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the clocks; leaving a list early is no error."""
        if self.nested:
            return
        try:
            now = clock()
            if self.token is not None:
                self.inside_ns += now - self.step_ns
                leave(self.token)
                self.token = None
            self.open_ns = now - self.start_ns
            self.duration_ns = self.inside_ns
            self.complete = kind is None
            if kind is not None and kind is not GeneratorExit:
                self.error = kind.__name__
                hints.tell(self.info, error)
            self.emit()
        except Exception:
            faults.fault("ending a list")
