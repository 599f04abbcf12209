"""One call of a saver, measured: what sync and async wrappers share.

``Call`` is a context manager around the call of the application's own method. The serializer finds
the call it works for in a context variable, because coroutines interleave and savers serialize
in worker threads. A call that a saver makes to itself (``aput`` of InMemorySaver calls ``put``) is
part of the outer one and tells nothing.

This is the hot path. Calls are structs that the garbage collector does not track: thousands of
them wait in the queue, and none is ever part of a cycle.
"""

from __future__ import annotations

import contextvars
import os
import time
from types import TracebackType
from typing import Any

import msgspec

from statemeter import faults, hints, probe
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


class Call(msgspec.Struct, gc=False):
    """One call of a saver, from before it starts until after it ended.

    ``names(*arguments)`` is asked at the start for what only the arguments know, and takes its
    own place; ``token`` is set while the call is open.
    """

    saver: Any
    build: Any
    config: Any
    names: Any = None
    arguments: Any = ()
    token: Any = None
    info: Any = None
    scope: Any = None
    thread: Any = ""
    ns: str = ""
    checkpoint: str = ""
    at_ns: int = 0
    start_ns: int = 0
    duration_ns: int = 0
    serde_ns: int = 0
    loads_bytes: int = 0
    held_bytes: int = 0
    serializer: str = ""
    error: str = ""
    detail: Any = None
    dumps: list[Any] = []
    """By turns: the ``id`` of an object, and the (tag, bytes) that the serializer made of it."""

    def __enter__(self) -> Call:
        """Start the clocks, unless this is part of a call that is under way."""
        try:
            info = self.saver.__dict__[INFO]
            outer = CALL.get()
            if outer is not None and outer.token is not None and outer.info is info:
                return self
            self.info = info
            self.scope = SCOPE.get()
            if self.config is not None:
                get = self.config["configurable"].get
                self.thread = get("thread_id", "")
                self.ns = get("checkpoint_ns", "")
                self.checkpoint = get("checkpoint_id") or ""
            if self.names is not None:
                self.names = self.names(*self.arguments)
            # They hold the run's context and its state: not ours to keep alive.
            self.saver = self.config = self.arguments = None
            self.token = CALL.set(self)
            self.at_ns = wall()
            self.start_ns = clock()
        except Exception:
            faults.fault("beginning a call")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.token is None:
            return
        try:
            self.duration_ns = clock() - self.start_ns
            leave(self.token)
            self.token = None
            if kind is not None:
                self.error = kind.__name__
                hints.tell(self.info, error)
            self.emit()
        except Exception:
            faults.fault("ending a call")

    def emit(self) -> None:
        """Queue the event; serialized state beyond the limit is let go, its size is known."""
        target = probe.get()
        if target.held_bytes + self.held_bytes > target.held_limit:
            for index in range(1, len(self.dumps), 2):
                tag, blob = self.dumps[index]
                self.dumps[index] = (tag, None, len(blob))
            self.held_bytes = 0
        target.emit(self.build, self, self.held_bytes)


class Rows(Call, gc=False):
    """A ``list``: the time inside the saver apart from the time that the caller takes."""

    filtered: bool = False
    nested: bool = True
    complete: bool = False
    rows: int = 0
    first_ns: int = -1
    step_ns: int = 0
    inside_ns: int = 0
    open_ns: int = 0

    def __enter__(self) -> Rows:
        super().__enter__()
        if self.token is not None:
            self.nested = False
            self.step_ns = self.start_ns
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
