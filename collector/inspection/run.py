"""One look, from a URL to an ``Inspection``, in this process."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from collector.inspection import drivers, url
from collector.inspection.findings import Findings
from collector.inspection.limits import Limits, from_settings
from collector.inspection.url import Address
from storage.inspections import Inspection

Look = Callable[[Address, Limits], tuple[str, str, str, Findings]]
"""Gives identity, label, server and findings of a database."""


def inspect(text: str, limits: Limits | None = None) -> Inspection:
    """Look into the database that a path or URL names; nothing is written to it.

    In a process that has the same SQLite file open, use ``child.inspect``: see ``sqlite_locks``.

    Args:
        text: a path, or a URL with its password where one is needed.
        limits: thresholds; default: the settings.

    Raises:
        CouldNotLook: it cannot be reached or read, or it is none of LangGraph.
        SettingError: a threshold is set to what it cannot be.
    """
    limits = from_settings() if limits is None else limits
    at_us, start = time.time_ns() // 1000, time.monotonic()
    address = url.parse(text)
    look: Look = drivers.module("collector.inspection", address).look
    identity, label, server, findings = look(address, limits)
    return Inspection(
        id=uuid.uuid4().hex,
        backend=address.backend,
        storage=url.storage_key(address.backend, identity),
        label=label,
        at_us=at_us,
        duration_us=int((time.monotonic() - start) * 1_000_000),
        server=server,
        checks=findings.checks,
    )
