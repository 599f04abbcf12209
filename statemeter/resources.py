"""What is measured beside savers: stores, node caches, embeddings, pools and lru caches.

Each has a ``ResourceInfo``, kept by the instrumented object itself. This registry holds it weakly,
so that a resource of which nothing is left is not introduced again.
"""

from __future__ import annotations

import hashlib
import itertools
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from statemeter.introduction import now_us

if TYPE_CHECKING:
    from statemeter.probe import Probe

_numbers = itertools.count(1)


@dataclass(slots=True, weakref_slot=True, eq=False)
class ResourceInfo:
    """A resource, as ``statemeter.events.Resource`` tells it."""

    kind: str
    backend: str
    class_name: str
    identity: str = ""
    """What names it in all processes, such as ``redis://host:port/0``; empty: only this process
    has it."""
    label: str = ""
    """Default: class and number."""
    database: str = ""
    facts: dict[str, int] = field(default_factory=dict)
    graph: str = ""
    """Graph that was instrumented with it, for calls outside a run."""
    number: int = 0
    """Number of the resource in this process."""
    key: str = ""
    introduced: bool = False
    """The records of this incarnation have its introduction, so others may follow."""

    def __post_init__(self) -> None:
        self.number = next(_numbers)
        self.label = self.label or f"{self.class_name} {self.number}"

    def __deepcopy__(self, memo: Any) -> ResourceInfo:
        return self  # copies of a resource share it: the registry knows this one

    def name(self, incarnation: str) -> None:
        """Give it its key; it is not introduced under that yet."""
        identity = self.identity or f"{incarnation} {self.number}"
        named = f"{self.kind} {self.backend} {identity}"
        self.key = hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:12]
        self.introduced = False


class Registry:
    """The resources of a process, held weakly."""

    def __init__(self) -> None:
        self._known: dict[int, weakref.ref[ResourceInfo]] = {}

    def introduce(self, target: Probe, info: ResourceInfo) -> None:
        """Name a resource and tell of it, now and in each segment as long as it lives."""
        info.name(target.incarnation)
        number, known = info.number, self._known
        known[number] = weakref.ref(info, lambda _: known.pop(number, None))
        target.emit(_once, info)

    def keep(self, info: ResourceInfo) -> None:
        """The same for one that is there before the first incarnation begins, which names it; a
        segment tells of it."""
        self._known[info.number] = weakref.ref(info)

    def withdraw(self, info: ResourceInfo) -> None:
        """Do not introduce a resource again."""
        self._known.pop(info.number, None)

    def alive(self) -> list[ResourceInfo]:
        """The resources that are left."""
        found = [reference() for reference in list(self._known.values())]
        return [info for info in found if info is not None]

    def new_incarnation(self, incarnation: str) -> None:
        """Name the resources: those of one process alone are others in a forked child."""
        for info in self.alive():
            info.name(incarnation)


def resource(seq: int, info: ResourceInfo) -> tuple[Any, ...]:
    """A ``Resource`` event."""
    info.introduced = True
    return (
        "resource", seq, now_us(), info.key, info.kind, info.backend, info.class_name, info.label,
        info.database, info.facts,
    )  # fmt: skip


def _once(seq: int, info: ResourceInfo) -> tuple[Any, ...] | None:
    """The same, unless the segment began with it."""
    return None if info.introduced else resource(seq, info)
