"""A census: how many objects of each type the garbage collector knows, and what grows.

Counted are containers and instances, which the collector tracks; numbers, texts and bytes are not,
but the lists, dictionaries and sets that hold them are told by their length. A census begins with a
full garbage collection, so that nothing counts that is about to go.

*Steady*: between six censuses at equal distances the number rose each time, by at least
``STEP_LEAST`` and by a quarter of the mean rise. What a service holds for its requests goes up and
down; of numbers without a trend one in 720 rises five times.
"""

from __future__ import annotations

import gc
import re
import sys
import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from statemeter import probe
from statemeter.looks import Attention, Look

MOST_COUNTED = 2_000_000
"""Objects that are looked at one by one; of more, each second, third, … is, and numbers are
estimates."""
MOST_TYPES = 100
MOST_CONTAINERS = 40
CONTAINER_LEAST = 100
"""Elements from which on a list, dictionary or set is told on its own."""
CENSUSES = 6
STEP_LEAST = 10
_SLICE = 20_000
_PAUSE_SECONDS = 0.001
_CONTAINERS = {list, dict, set, frozenset, tuple, deque, OrderedDict, defaultdict}
_KEPT_CONTAINERS = 5_000
_OWN = "statemeter."
_TYPE = re.compile(r"[\w.<>]{1,200}")

_qualname_of = type.__dict__["__qualname__"].__get__
_module_of = type.__dict__["__module__"].__get__


def type_name(cls: type) -> str:
    """Module and name of a class; nothing of the class is asked. ``?``: it is no name of code."""
    try:
        module, name = _module_of(cls), _qualname_of(cls)
    except AttributeError:
        return "?"
    full = f"{module}.{name}" if isinstance(module, str) and module != "builtins" else name
    return full if _TYPE.fullmatch(full) else "?"


class Census(msgspec.Struct, gc=False):
    """What there was at one moment."""

    objects: int
    """All that the collector tracks."""
    every: int
    """Each of how many was counted."""
    types: dict[str, int]
    containers: dict[int, tuple[str, int]]
    """Address → type and elements, the longest."""


def look(asked: Look, attention: Attention) -> dict[str, Any]:
    """One census, or what changed between the first and the last of six."""
    found = [take(attention)]
    if asked.seconds:
        for _ in range(CENSUSES - 1):
            attention.wait(asked.seconds / (CENSUSES - 1))
            found.append(take(attention))
    return _told(found)


def after_fork() -> None:
    """Nothing was turned on."""


def take(attention: Attention) -> Census:
    """Count."""
    gc.collect()
    objects = gc.get_objects()
    number = len(objects)
    every = -(-number // MOST_COUNTED) or 1
    types: Counter[type] = Counter()
    containers: list[tuple[int, str, int]] = []
    own = {id(containers), id(types)} | _own()
    for part in slices(objects, every):
        attention.check()
        types.update(map(type, part))
        for one in part:
            if type(one) in _CONTAINERS and len(one) >= CONTAINER_LEAST and id(one) not in own:
                containers.append((len(one), type_name(type(one)), id(one)))
    del objects
    named: Counter[str] = Counter()
    for cls, count in types.items():
        named[type_name(cls)] += count * every
    containers.sort(reverse=True)
    longest = containers[:_KEPT_CONTAINERS]
    return Census(number, every, named, {at: (name, length) for length, name, at in longest})


def _own() -> set[int]:
    """The probe's own containers, which are no matter of the application's."""
    holders: list[Any] = [vars(probe.get())]
    holders += [vars(module) for name, module in list(sys.modules.items()) if name.startswith(_OWN)]
    return {id(one) for holder in holders for one in list(holder.values())}


def slices(objects: list[Any], every: int = 1) -> Iterator[list[Any]]:
    """Objects in portions, with pauses in which the application goes on."""
    for start in range(0, len(objects), _SLICE * every):
        yield objects[start : start + _SLICE * every : every]
        time.sleep(_PAUSE_SECONDS)


def is_steady(numbers: Sequence[int], least: int = STEP_LEAST) -> bool:
    """Whether a number rose between all moments, about evenly."""
    steps = [after - before for before, after in pairwise(numbers)]
    mean = sum(steps) / len(steps) if steps else 0
    return len(steps) > 1 and all(step >= max(least, mean / 4) for step in steps)


def _told(found: list[Census]) -> dict[str, Any]:
    first, last = found[0], found[-1]
    names = set().union(*(one.types for one in found))
    types = []
    for name in names:
        if name.startswith(_OWN):
            continue
        counts = [one.types.get(name, 0) for one in found]
        types.append((name, counts[-1], counts[-1] - counts[0], is_steady(counts)))
    containers: list[tuple[str, int, int | None, bool, int]] = []
    for at, (name, length) in last.containers.items():
        lengths = [one.containers[at][1] for one in found if at in one.containers]
        if len(lengths) == len(found) and first.containers[at][0] == name:
            containers.append((name, length, length - lengths[0], is_steady(lengths), at))
        elif len(found) == 1 or name not in ("tuple", "frozenset"):
            containers.append((name, length, None, False, at))
    growth = len(found) > 1
    types.sort(key=lambda one: (-one[3], -one[2], -one[1]) if growth else -one[1])
    containers.sort(key=lambda one: (-one[3], -(one[2] or 0), -one[1]) if growth else -one[1])
    return {
        "objects": last.objects, "change": last.objects - first.objects, "every": last.every,
        "growth": growth, "types": types[:MOST_TYPES], "kinds": len(types),
        "containers": containers[:MOST_CONTAINERS],
    }  # fmt: skip
