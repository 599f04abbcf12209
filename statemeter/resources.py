"""What is measured beside savers: stores, node caches, embeddings, pools and lru caches.

Each has a ``ResourceInfo``, kept by the instrumented object itself. This registry holds it weakly,
so that a resource of which nothing is left is not introduced again.
"""

from __future__ import annotations

import hashlib
import itertools
import weakref
from collections.abc import Iterator
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


_known: dict[int, weakref.ref[ResourceInfo]] = {}


def introduce(target: Probe, info: ResourceInfo) -> None:
    """Name a resource and tell of it, now and in each segment as long as it lives."""
    _name(target.incarnation, info)
    number = info.number
    _known[number] = weakref.ref(info, lambda _: _known.pop(number, None))
    target.emit(resource, info)


def withdraw(info: ResourceInfo) -> None:
    """Do not introduce a resource again."""
    _known.pop(info.number, None)


def alive() -> Iterator[ResourceInfo]:
    """The resources that are left."""
    for reference in list(_known.values()):
        info = reference()
        if info is not None:
            yield info


def new_incarnation(incarnation: str) -> None:
    """Name the resources: those of one process alone are others in a forked child."""
    for info in alive():
        _name(incarnation, info)


def _name(incarnation: str, info: ResourceInfo) -> None:
    info.introduced = False
    identity = info.identity or f"{incarnation} {info.number}"
    named = f"{info.kind} {info.backend} {identity}"
    info.key = hashlib.sha256(named.encode("utf-8", "replace")).hexdigest()[:12]


def resource(seq: int, info: ResourceInfo) -> tuple[Any, ...]:
    """A ``Resource`` event."""
    info.introduced = True
    return (
        "resource", seq, now_us(), info.key, info.kind, info.backend, info.class_name, info.label,
        info.database, info.facts,
    )  # fmt: skip
