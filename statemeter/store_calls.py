"""One call of a store, from its start until it is told.

A store answers a call in one of three ways, and each call is told once:

* it calls its own ``batch`` or ``abatch``: part of the call that is under way;
* its ``abatch`` has a worker thread call ``batch``, which knows nothing of the call: the operations
  that it is given are those of a call that is open;
* an ``AsyncBatchedBaseStore`` puts the operation into a queue, and a task of its own gives all that
  wait there to ``abatch`` at once. That batch tells nothing itself; the calls that waited for it
  take from it when it began and what it saw.

Nothing of a store or of its values is kept once a call has ended.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from statemeter import faults, store_records
from statemeter.accesses import ACCESS, Access
from statemeter.calls import clock, leave
from statemeter.resources import ResourceInfo
from statemeter.store_backends import StoreBackend
from statemeter.store_bytes import Notes


@dataclass(slots=True, weakref_slot=True, eq=False)
class Measured:
    """What is kept of an instrumented store: it has no room for it itself (``__slots__``)."""

    info: ResourceInfo
    backend: StoreBackend
    store: weakref.ref[Any]
    labels: int
    """How many labels of a namespace are told."""
    open: dict[int, StoreCall] = field(default_factory=dict)
    """Calls under way, by ``id``."""
    waiting: dict[int, StoreCall] = field(default_factory=dict)
    """Of them, those in the queue of a store that makes batches of them."""


_measured: dict[int, Measured] = {}


def measured(store: Any) -> Measured | None:
    """What is kept of a store; None for one that is not measured, such as a copy."""
    return _measured.get(id(store))


def keep(store: Any, made: Measured) -> None:
    """Measure a store from now on, as long as it lives."""
    number = id(store)
    made.store = weakref.ref(store, lambda _: _measured.pop(number, None))
    _measured[number] = made


def forget(store: Any) -> Measured | None:
    """Measure a store no more."""
    return _measured.pop(id(store), None)


def after_fork() -> None:
    """In a forked child: the calls under way are its parent's."""
    for made in _measured.values():
        made.open.clear()
        made.waiting.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)


class StoreCall(Access, gc=False):
    """One call of a method of a store, its ``source``; ``entry`` is the method's own name."""

    entry: str = ""
    given: Any = ()
    named: Any = None
    passed: Any = None
    """Of a batch: the operations for the store, which are ``ops`` or tell them to it."""
    ops: Any = None
    result: Any = None
    measured: Any = None
    notes: Any = None
    queued: Any = None
    """The call that waits in the queue: this one, or the one that it is part of."""
    carried: Any = None
    """Token, in the thread that carries out an open call."""
    batched: bool = False
    """A batch of the store's own making answers it."""
    reached_ns: int = 0
    """When the batch began that this call waited for."""
    carries: bool = False
    """This is that batch."""
    same_ops: Any = None
    """What tells the operations of a batch in another thread."""
    sized: Any = None
    """What ``store_records.before`` found."""

    def __enter__(self) -> Self:
        """Start the clocks, unless this is part of a call that is under way."""
        try:
            self.measured = measured(self.source)
            if self.measured is not None:
                self._begin(self.measured)
        except Exception:
            faults.fault("beginning a call of a store")
        return self

    def _begin(self, made: Measured) -> None:
        batch = self.passed is not None
        if batch and self.entry == "abatch" and _in_its_own_task(self.source):
            self._carry(made)
            return
        outer = ACCESS.get()
        inside = outer is not None and outer.token is not None and outer.info is made.info
        if not inside and self.entry == "batch":
            outer = _forwarding(made, self.passed)
            if outer is not None:
                self.carried = ACCESS.set(outer)
                return
        told: Any = outer if inside else self
        if not inside:
            self.notes = Notes()
            if batch:
                self.ops, self.passed = _seen(self.passed)
            store_records.before(self)
            made.open[id(self)] = self
        if self.entry == "abatch":
            told.same_ops = _same(self.passed)
        elif self.entry[0] == "a" and hasattr(self.source, "_aqueue"):
            self.queued = made.waiting[id(told)] = told
        if not inside:
            self.start(made.info)

    def _carry(self, made: Measured) -> None:
        """Be the batch for which calls wait."""
        self.carries, self.info = True, made.info
        self.notes = Notes()
        self.ops = list(self.passed)
        now = clock()
        scopes = set()
        while made.waiting:
            _, call = made.waiting.popitem()
            call.notes, call.reached_ns, call.batched = self.notes, now, True
            scopes.add(id(call.scope))
            self.scope = call.scope
        if len(scopes) != 1:
            self.scope = None
        self.token = ACCESS.set(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._end(kind)
        except Exception:
            faults.fault("ending a call of a store")

    def _end(self, kind: type[BaseException] | None) -> None:
        if self.queued is not None:
            self.measured.waiting.pop(id(self.queued), None)
        if self.measured is not None:
            self.measured.open.pop(id(self), None)
        if self.carried is not None:
            leave(self.carried)
        Access.__exit__(self, kind, None, None)
        self.source = self.given = self.named = self.passed = self.ops = self.result = None
        self.queued = self.notes = None

    def tell(self) -> None:
        """Queue what there is to tell."""
        if self.carries:
            store_records.tell_apart(self.ops, self.notes)
        else:
            store_records.tell(self)


@faults.guarded
def inside(store: Any) -> bool:
    """Whether a call of the same store is under way here."""
    outer = ACCESS.get()
    if outer is None or outer.token is None:
        return False
    made = measured(store)
    return made is not None and outer.info is made.info


def _in_its_own_task(store: Any) -> bool:
    """Whether this runs in the task of a store that makes batches of what waits in its queue."""
    task = getattr(store, "_task", None)
    return task is not None and task is sys.modules["asyncio"].current_task()


def _forwarding(made: Measured, ops: Any) -> StoreCall | None:
    """The open call whose operations a worker thread was given."""
    if not made.open:
        return None
    same = _same(ops)
    return next((call for call in list(made.open.values()) if call.same_ops == same), None)


def _same(ops: Any) -> Any:
    return [id(op) for op in ops] if isinstance(ops, list | tuple) else id(ops)


def _seen(ops: Any) -> tuple[Any, Any]:
    """Operations to look at afterwards, and operations for the store.

    An iterator is gone through by the store alone, at its own pace.
    """
    if isinstance(ops, list | tuple):
        return ops, ops
    seen: list[Any] = []
    return seen, _passing(ops, seen)


def _passing(ops: Iterable[Any], seen: list[Any]) -> Iterator[Any]:
    for op in ops:
        seen.append(op)
        yield op
