"""Whether processes of this host are still there.

It brings in nothing of the collector: its children ask as well, and start the sooner.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import psutil


def created_us(pid: int) -> int | None:
    """When a process of this host was created, µs since 1970; None: there is none."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return int(process.create_time() * 1_000_000)
    return None


def is_alive(pid: int, started_us: int) -> bool:
    """Whether the process that had this pid then is still there; pids are used again."""
    created = created_us(pid)
    return created is not None and abs(created - started_us) < 2_000_000


def stopped_by(stop: threading.Event, parent: int | None) -> Callable[[], bool]:
    """Tells whether to end: asked to, or the process with this id is gone."""
    if parent is None:
        return stop.is_set
    started_us = created_us(parent)
    return lambda: stop.is_set() or started_us is None or created_us(parent) != started_us
