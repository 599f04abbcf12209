"""One call of a store, node cache or embeddings, measured: what sync and async wrappers share.

``Access`` is a context manager around the call of the application's own method, as ``calls.Call``
is for savers. A call that a resource makes to itself (``aget`` of InMemoryCache calls ``get``) is
part of the outer one and tells nothing.
"""

from __future__ import annotations

import contextvars
import os
from types import TracebackType
from typing import Any, Self

import msgspec

from statemeter import faults, probe
from statemeter.calls import SCOPE, clock, leave, wall

INFO = "_statemeter_resource"
"""Attribute of an instrumented resource: its ``ResourceInfo``."""

ACCESS: contextvars.ContextVar[Access | None] = contextvars.ContextVar(
    "statemeter_access", default=None
)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: ACCESS.set(None))


class Access(msgspec.Struct, gc=False):
    """One call, from before it starts until after it ended; a subclass tells what it found."""

    source: Any
    method: str
    info: Any = None
    token: Any = None
    scope: Any = None
    at_ns: int = 0
    start_ns: int = 0
    duration_ns: int = 0
    error: str = ""

    def __enter__(self) -> Self:
        """Start the clocks, unless this is part of a call that is under way."""
        try:
            info = self.source.__dict__[INFO]
            self.source = None  # it is not ours to keep alive
            outer = ACCESS.get()
            if outer is None or outer.token is None or outer.info is not info:
                self.start(info)
        except Exception:
            faults.fault("beginning an access")
        return self

    def start(self, info: Any) -> None:
        """Be the call that is told, and start the clocks."""
        self.info = info
        self.scope = SCOPE.get()
        self.token = ACCESS.set(self)
        self.at_ns = wall()
        self.start_ns = clock()

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
            self.tell()
        except Exception:
            faults.fault("ending an access")

    def tell(self) -> None:
        """Queue what there is to tell. Nothing of the application's is kept."""
        self.emit("")

    def emit(
        self,
        part: str,
        *,
        items: int = 0,
        hits: int = -1,
        size: int = -1,
        numbers: dict[str, int] | None = None,
    ) -> None:
        """Queue one event; the fields are those of ``events.Access``, ``size`` its bytes."""
        probe.get().emit(access, (self, part, items, hits, size, numbers or {}, ()))


def access(seq: int, told: tuple[Any, ...]) -> tuple[Any, ...]:
    """An ``Access`` event."""
    call, part, items, hits, size, numbers, keys = told
    info, scope = call.info, call.scope
    return (
        "access", seq, call.at_ns // 1000, call.duration_ns // 1000, info.key,
        scope.graph if scope else info.graph, scope.number if scope else 0, call.method, part,
        call.error, items, hits, size, numbers, keys,
    )  # fmt: skip
