"""Events that a process tells of itself: who it is, its savers, its samples, its end."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

import psutil

from statemeter import faults, held_values

if TYPE_CHECKING:
    from statemeter.probe import Probe


@dataclass(slots=True, weakref_slot=True, eq=False)
class SaverInfo:
    """A storage of checkpoints, as ``statemeter.events.Saver`` tells it."""

    backend: str
    class_name: str
    layout: str
    serializer: str
    database: str
    """Absolute path of a database file; empty for a storage that only this process has."""
    number: int
    """Number of the saver in this process."""
    label: str = ""
    key: str = ""
    identity: str = ""
    """What names a storage that other processes may use, too: see ``places.Place``."""
    graph: str = ""
    """Graph that was instrumented with it, for calls outside a run."""
    storages: held_values.Storages | None = field(default=None, repr=False)
    """Where a saver in memory keeps its checkpoints: see ``control``."""

    def __deepcopy__(self, memo: Any) -> SaverInfo:
        return self  # copies of a saver share it: the probe knows this one


def new_incarnation(incarnation: str, savers: Iterable[SaverInfo]) -> None:
    """Name the storages: those of this process alone are others in a forked child."""
    for info in savers:
        name_storage(incarnation, info)


def name_storage(incarnation: str, info: SaverInfo) -> None:
    """Give a storage its key."""
    identity = info.identity or f"{incarnation} {info.number}"
    info.key = hashlib.sha256(f"{info.backend} {identity}".encode()).hexdigest()[:12]


def now_us() -> int:
    """The wall clock, µs since 1970."""
    return time.time_ns() // 1000


def process(seq: int, probe: Probe) -> tuple[Any, ...]:
    """A ``Process`` event."""
    me = _me(os.getpid())
    return (
        "process", seq, now_us(), probe.application, socket.gethostname(), me.pid,
        int(me.create_time() * 1_000_000), platform.python_version(), _version("langgraph"),
        _version("statemeter"),
    )  # fmt: skip


def who(probe: Probe) -> dict[str, Any]:
    """What names this process to somebody who looks for it."""
    me = _me(os.getpid())
    return {
        "pid": me.pid, "started_us": int(me.create_time() * 1_000_000),
        "host": socket.gethostname(), "application": probe.application,
    }  # fmt: skip


def saver(seq: int, info: SaverInfo) -> tuple[Any, ...]:
    """A ``Saver`` event."""
    return (
        "saver", seq, now_us(), info.key, info.backend, info.class_name, info.layout, info.label,
        info.serializer, info.database,
    )  # fmt: skip


def sample(seq: int, probe: Probe) -> tuple[Any, ...]:
    """A ``Sample`` event."""
    me = _me(os.getpid())
    with me.oneshot():
        cpu = me.cpu_times()
        return (
            "sample", seq, now_us(), me.memory_info().rss,
            int((cpu.user + cpu.system) * 1_000_000), me.num_threads(),
            probe.emitted, dict(probe.dropped), faults.total(),
        )  # fmt: skip


def seal(seq: int, final: int) -> tuple[Any, ...]:
    """A ``Seal`` event."""
    return ("seal", seq, now_us(), final)


@functools.lru_cache(maxsize=1)
def _me(pid: int) -> psutil.Process:
    return psutil.Process(pid)


@functools.cache
def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
